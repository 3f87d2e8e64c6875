"""Section of slices: clean and laundered EER per detector by spoof system, source and duration."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.leaderboard.trial_sets import of_track
from benchmark.report.palette import level
from benchmark.report.rows import Row, records

TITLES = {
    "spoof_system": "Spoof system",
    "codec, codec_quality": "Codec and its quality",
    "source": "Source",
    "duration": "Duration",
}


def tables(breakdown: pd.DataFrame, conditions: pd.DataFrame, board: list[Row]) -> list[Row]:
    """Return one table per kind of slice; `laundered` is the weighted mean over conditions.

    `conditions` is the table of that name, `board` holds the track's rows of the leaderboard. As
    there, a detector's value is None if a cell of the mean lacks trials. A kind with a single slice
    of all trials of the track would repeat the leaderboard and is left out.
    """
    if breakdown.empty:
        return []
    cells = of_track(conditions, board[0]["track"]).drop_duplicates("condition")
    weights = cells.set_index("condition")["weight"]
    mine = of_track(breakdown, board[0]["track"])
    whole = [(board[0]["n_bonafide"], board[0]["n_spoof"])]
    found = []
    for by, part in mine.groupby("by", sort=False):
        counts = part.groupby("value", sort=False)[["n_bonafide", "n_spoof"]].max()
        if [*counts.itertuples(index=False, name=None)] != whole:
            rows = _rows(part, weights, [row["detector"] for row in board])
            found.append({"by": by, "title": TITLES.get(str(by), str(by)), "rows": rows})
    return found


def _rows(part: pd.DataFrame, weights: pd.Series, detectors: list[str]) -> list[Row]:
    clean = part[part["condition"] == CLEAN].set_index(["value", "detector"])["eer"]
    laundered = part[(part["condition"] != CLEAN) & part["verified"].eq(True)]
    rates = laundered["eer"].where(laundered["complete"].astype(bool))
    weighted = rates * laundered["condition"].map(weights).astype(np.float64)
    keys = [laundered["value"], laundered["detector"]]
    means = weighted.groupby(keys, sort=False).agg(lambda column: column.sum(skipna=False))
    sizes = records(part.drop_duplicates("value")[["value", "n_bonafide", "n_spoof"]])
    return [row | {"cells": [_cell(clean, means, row, d) for d in detectors]} for row in sizes]


def _cell(clean: pd.Series, means: pd.Series, row: Row, detector: str) -> Row:
    key = (row["value"], detector)
    before, after = (float(rates.get(key, np.nan)) for rates in (clean, means))
    return {
        "clean": None if np.isnan(before) else before,
        "laundered": None if np.isnan(after) else after,
        "level": None if np.isnan(after) else level(after),
    }
