"""Slices of a trial set: who made the fake, where the recording is from, its codec, its length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import DURATION, MADE
from benchmark.metrics import discrimination
from benchmark.metrics.discrimination import Bools, Ranking

SECONDS = (0.0, 2.0, 4.0, 8.0, np.inf)
LEAST = 10  # trials of each class that a slice needs: an EER of fewer says nothing
MOST = 50  # values beyond which a column names single recordings rather than groups
NO_GROUPS = ("utterance_id", "path", "label", "speaker", "split", "track", "pair", DURATION)
DIGESTS = "file_sha256"  # begins the columns with the digests of files
UNKNOWN = "-"
SLICE_COLUMNS = ("by", "value", "n_bonafide", "n_spoof", "eer", "auc")


@dataclass(frozen=True)
class Slice:
    """The trials of one group: `keep` is (n,) over the track's trials."""

    by: str
    value: str
    keep: Bools


def slices(table: pd.DataFrame) -> list[Slice]:
    """The slices of a track's trials that hold enough of both classes.

    By spoof system, by source, by every further column of the protocol with 2 to 50 values
    (codec, language, ...), and by duration in seconds. A further column of which no bona fide
    trial has a value that a fake has is about the fakes, as the spoof system is: the slices of
    both hold every bona fide trial.
    """
    bonafide = (table["label"] == "bonafide").to_numpy(dtype=np.bool_)
    found = []
    for by, value, keep in _groups(table, bonafide):
        if min(int(bonafide[keep].sum()), int((~bonafide[keep]).sum())) >= LEAST:
            found.append(Slice(by, value, keep))
    return found


def _groups(table: pd.DataFrame, bonafide: Bools) -> Iterator[tuple[str, str, Bools]]:
    nobody = np.zeros_like(bonafide)
    first = ("spoof_system", "source")
    for by in (*first, *(c for c in table.columns if c not in first and _groups_by(c))):
        codes, values = pd.factorize(table[by].astype(str), sort=True)
        told = (values != UNKNOWN) & (np.bincount(codes[~bonafide], minlength=len(values)) > 0)
        shared = told & (np.bincount(codes[bonafide], minlength=len(values)) > 0)
        if told.sum() > MOST or (by not in first and len(values) < 2):
            continue
        of_fakes = by == "spoof_system" or (by != "source" and not shared.any())
        for place in np.flatnonzero(told).tolist():
            yield by, str(values[place]), (codes == place) | (bonafide if of_fakes else nobody)
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


def _groups_by(column: str) -> bool:
    return column not in NO_GROUPS and not column.startswith((MADE, DIGESTS))


def rows(
    ranking: Ranking, there: Bools, groups: list[Slice], keys: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    """One row per slice of a cell: `keys`, the slice, counts, EER and AUC.

    `there` (n,) are the track's trials that the cell scores, those that `ranking` is made of.
    """
    found = []
    for group in groups:
        keep = group.keep[there][ranking.order]
        number = int(np.count_nonzero(ranking.bonafide[keep]))
        row = {"by": group.by, "value": group.value, "n_bonafide": number}
        row["n_spoof"] = int(np.count_nonzero(keep)) - number
        eer, auc = np.nan, np.nan
        if row["n_bonafide"] and row["n_spoof"]:
            curve = discrimination.roc_of(ranking.part(keep))
            eer, auc = discrimination.eer_of(curve)[0], discrimination.auc_of(curve)
        found.append({**keys, **row, "eer": eer, "auc": auc})
    return tuple(found)
