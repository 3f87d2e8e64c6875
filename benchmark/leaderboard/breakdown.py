"""Slices of a trial set by spoof system, source, other protocol columns, and duration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import DURATION, MADE
from benchmark.leaderboard.rows.cell_rows import BreakdownRow, CellHead
from benchmark.metrics import discrimination
from benchmark.metrics.discrimination import Bools, Ranking

SECONDS = (0.0, 2.0, 4.0, 8.0, np.inf)
LEAST = 10  # trials of each class that a slice needs: an EER of fewer is meaningless
MOST = 50  # a column with more values identifies recordings rather than groups
PAIRS = (("codec", "codec_quality"),)  # columns whose values papers on ASVspoof 5 tabulate together
NO_GROUPS = ("utterance_id", "path", "label", "speaker", "split", "track", "pair", DURATION)
DIGESTS = "file_sha256"  # prefix of the columns with file digests
UNKNOWN = "-"


@dataclass(frozen=True)
class Slice:
    """The trials of one group; `keep` (n,) is a mask over the track's trials."""

    by: str
    value: str
    keep: Bools


def slices(table: pd.DataFrame) -> list[Slice]:
    """Return the slices of a track's trials with at least 10 trials of each class.

    Slices are by spoof system, source, every further protocol column with 2 to 50 values (codec,
    language, ...), codec and its quality together, and duration in seconds. Each slice by spoof
    system contains all bona fide trials. The same holds for a further column if no bona fide trial
    shares a value with a spoof trial, because such a column describes the spoofs. Raises
    `InputError` if a duration is not a number.
    """
    bonafide = (table["label"] == "bonafide").to_numpy(dtype=np.bool_)
    found = []
    for by, value, keep in _groups(table, bonafide):
        if min(int(bonafide[keep].sum()), int((~bonafide[keep]).sum())) >= LEAST:
            found.append(Slice(by, value, keep))
    return found


def _groups(table: pd.DataFrame, bonafide: Bools) -> Iterator[tuple[str, str, Bools]]:
    nothing = np.zeros_like(bonafide)
    first = ("spoof_system", "source")
    for by in (*first, *(c for c in table.columns if c not in first and _groups_by(c))):
        codes, values = pd.factorize(table[by].astype(str), sort=True)
        known = (values != UNKNOWN) & (np.bincount(codes[~bonafide], minlength=len(values)) > 0)
        shared = known & (np.bincount(codes[bonafide], minlength=len(values)) > 0)
        if known.sum() > MOST or (by not in first and len(values) < 2):
            continue
        of_spoofs = by == "spoof_system" or (by != "source" and not shared.any())
        for place in np.flatnonzero(known).tolist():
            yield by, str(values[place]), (codes == place) | (bonafide if of_spoofs else nothing)
    for pair in PAIRS:
        if set(pair) <= set(table.columns):
            yield from _together(table, pair)
    if DURATION in table.columns:
        try:
            seconds = table[DURATION].to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the protocol's column duration must hold seconds ({error})"
            ) from error
        for low, high in pairwise(SECONDS):
            name = f"{low:g} to {high:g} s" if np.isfinite(high) else f"{low:g} s and more"
            yield DURATION, name, (seconds >= low) & (seconds < high)


def _together(table: pd.DataFrame, pair: tuple[str, str]) -> Iterator[tuple[str, str, Bools]]:
    """Yield the groups of two columns' values, where both are known."""
    first, second = (table[column].astype(str) for column in pair)
    known = (first != UNKNOWN) & (second != UNKNOWN)
    codes, values = pd.factorize((first + " " + second).where(known), sort=True)
    for place, value in enumerate(values):
        yield ", ".join(pair), str(value), codes == place


def _groups_by(column: str) -> bool:
    return column not in NO_GROUPS and not column.startswith((MADE, DIGESTS))


def rows(
    ranking: Ranking, scored: Bools, groups: list[Slice], head: CellHead
) -> tuple[BreakdownRow, ...]:
    """Return one row per slice of a cell.

    `scored` (n,) marks the track's trials with a score in this cell, which `ranking` ranks.
    """
    found = []
    for group in groups:
        keep = group.keep[scored][ranking.order]
        number = int(np.count_nonzero(ranking.bonafide[keep]))
        spoofs = int(np.count_nonzero(keep)) - number
        eer, auc = np.nan, np.nan
        if number and spoofs:
            curve = discrimination.roc_of(ranking.part(keep))
            eer, auc = discrimination.eer_of(curve)[0], discrimination.auc_of(curve)
        found.append(BreakdownRow(head, group.by, group.value, number, spoofs, eer, auc))
    return tuple(found)
