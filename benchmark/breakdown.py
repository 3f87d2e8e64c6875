"""Slices of a trial set: who made the fake, where the recording is from, how long it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from benchmark import metrics
from benchmark.errors import InputError
from benchmark.metrics import Bools, Ranking

SECONDS = (0.0, 2.0, 4.0, 8.0, np.inf)
LEAST = 10  # trials of each class that a slice needs: an EER of fewer says nothing
MOST = 50  # values beyond which a column names single recordings rather than groups


@dataclass(frozen=True)
class Slice:
    """The trials of one group: `keep` is (n,) over the track's trials."""

    by: str
    value: str
    keep: Bools


def slices(table: pd.DataFrame) -> list[Slice]:
    """The slices of a track's trials that hold enough of both classes.

    By spoof system (its fakes against every bona fide trial), by source, and by duration where
    the protocol has a column `duration` (seconds).
    """
    bonafide = (table["label"] == "bonafide").to_numpy(dtype=np.bool_)
    found = []
    for by, value, keep in _groups(table, bonafide):
        if min(int(bonafide[keep].sum()), int((~bonafide[keep]).sum())) >= LEAST:
            found.append(Slice(by, value, keep))
    return found


def _groups(table: pd.DataFrame, bonafide: Bools) -> Iterator[tuple[str, str, Bools]]:
    for by, added in (("spoof_system", bonafide), ("source", np.zeros_like(bonafide))):
        column = table[by].astype(str).to_numpy()
        names = sorted(set(column[~bonafide]) - {"-"})
        if len(names) <= MOST:
            for name in names:
                yield by, name, (column == name) | added
    if "duration" in table.columns:
        try:
            seconds = table["duration"].to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the protocol's column duration must hold seconds ({error})"
            ) from error
        for low, high in pairwise(SECONDS):
            name = f"{low:g} to {high:g} s" if np.isfinite(high) else f"{low:g} s and more"
            yield "duration", name, (seconds >= low) & (seconds < high)


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
            curve = metrics.roc_of(ranking.part(keep))
            eer, auc = metrics.eer_of(curve)[0], metrics.auc_of(curve)
        found.append({**keys, **row, "eer": eer, "auc": auc})
    return tuple(found)
