"""Section on robustness: relative to a baseline, along severity, and in detection costs."""

from __future__ import annotations

import pandas as pd

from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.robustness import ALL
from benchmark.leaderboard.trial_sets import of_track
from benchmark.report.rows import Row, records

COSTS = ("min_dcf", "act_dcf", "cllr")


def numbers(tables: Tables, board: list[Row]) -> Row:
    """Return the values of one track in the order of `board`, its rows of the leaderboard.

    baseline : the detector relative to which degradation is measured, or None
    rows     : per detector its row over all families, its costs, and the number of ladders on
               which it collapses (`collapses`) of those measured (`on`)
    families : per family one row of the robustness table for each detector
    ladders  : per ladder one row of the severity table for each detector
    """
    track, names = board[0]["track"], [row["detector"] for row in board]
    robustness = _of(tables.robustness, track)
    severity = _of(tables.severity, track)
    over_all = {row["detector"]: row for row in robustness if row["family"] == ALL}
    return {
        "baseline": next((row["baseline"] for row in robustness if row["baseline"]), None),
        "rows": [
            over_all[row["detector"]]
            | {"clean_eer": row["clean_eer"]}
            | {name: (row[f"clean_{name}"], row[f"laundered_{name}"]) for name in COSTS}
            | _collapses([step for step in severity if step["detector"] == row["detector"]])
            for row in board
            if row["detector"] in over_all
        ],
        "families": _grid([row for row in robustness if row["family"] != ALL], "family", names),
        "ladders": _grid(severity, "ladder", names),
    }


def _of(table: pd.DataFrame, track: str | None) -> list[Row]:
    return [] if table.empty else records(of_track(table, track))


def _collapses(steps: list[Row]) -> Row:
    known = [step["collapsed"] for step in steps if step["complete"]]
    return {"collapses": sum(map(bool, known)), "on": len(known)}


def _grid(rows: list[Row], by: str, detectors: list[str]) -> list[Row]:
    """Return one item per value of `by`, with one row for each detector, in their order."""
    grid: dict[str, dict[str, Row]] = {}
    for row in rows:
        grid.setdefault(row[by], {})[row["detector"]] = row
    return [
        {"name": name, "cells": [row[detector] for detector in detectors]}
        for name, row in grid.items()
    ]
