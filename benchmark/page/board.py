"""The leaderboard and the heatmap of each track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from attacks.condition import CLEAN
from benchmark.leaderboard import Tables
from benchmark.page.values import Row, records
from benchmark.palette import level

WITH_BOUNDS = 6  # detectors beside each other up to which every cell shows its bounds at first
TALL = 40  # conditions beyond which the table scrolls under its own header


@dataclass(frozen=True)
class Track:
    """One track as the page shows it; `detectors` in the order of its leaderboard.

    rows      : the leaderboard's rows, each with `bar`, places on its axis of `axis` (a rate)
    families  : the heatmap: families, in each its conditions, in each one cell per detector
    finding   : what the first row says, or None where no detector is ranked
    unsure    : how many rows are unranked
    """

    name: str
    rows: list[Row]
    axis: float
    detectors: list[str]
    families: list[Row]
    finding: Row | None
    unsure: int

    @property
    def first(self) -> Row:
        """A row, for what all rows of the track share."""
        return self.rows[0]

    @property
    def conditions(self) -> int:
        """How many conditions the heatmap has."""
        return sum(len(family["rows"]) for family in self.families)

    @property
    def bounds_shown(self) -> bool:
        """Do the cells show their bounds unasked?"""
        return len(self.detectors) <= WITH_BOUNDS

    @property
    def tall(self) -> bool:
        """Does the heatmap need a scroll bar of its own?"""
        return self.conditions > TALL


def tracks(tables: Tables) -> list[Track]:
    """Every track, the headline first."""
    boards = [tables.leaderboard, *(part for _, part in tables.tracks.groupby("track", sort=False))]
    return [_track(board, tables.conditions) for board in boards]


def _track(board: pd.DataFrame, conditions: pd.DataFrame) -> Track:
    rows = records(board)
    name = rows[0]["track"]
    edges = [row["mean_eer_high"] or row["mean_eer"] or row["clean_eer"] or 0.0 for row in rows]
    axis = max(0.5, *edges)
    cells = records(conditions[conditions["track"] == name])
    detectors = [row["detector"] for row in rows]
    ranked = [row for row in rows if row["rank"] is not None]
    return Track(
        name=name,
        rows=[row | {"bar": _bar(row, axis)} for row in rows],
        axis=axis,
        detectors=detectors,
        families=_families(cells, detectors),
        finding=_finding(ranked),
        unsure=len(rows) - len(ranked),
    )


def _finding(ranked: list[Row]) -> Row | None:
    """The best row, and which others the paired intervals do not tell from it."""
    if not ranked:
        return None
    best = ranked[0]
    alike = [row["detector"] for row in ranked[1:] if set(row["group"]) & set(best["group"])]
    return {"best": best, "alike": alike}


def _bar(row: Row, axis: float) -> dict[str, float] | None:
    """Where the mean, its bounds and the clean EER stand on an axis from 0 to 100."""
    if row["mean_eer"] is None or row["clean_eer"] is None:
        return None
    mean = row["mean_eer"]
    low = mean if row["mean_eer_low"] is None else row["mean_eer_low"]
    high = mean if row["mean_eer_high"] is None else row["mean_eer_high"]
    points = {"clean": row["clean_eer"], "low": low, "mean": mean, "high": high}
    return {name: round(100 * value / axis, 2) for name, value in points.items()}


def _families(cells: list[Row], detectors: list[str]) -> list[Row]:
    grid: dict[str, dict[str, dict[str, Row]]] = {}
    for cell in cells:
        family = grid.setdefault(cell["family"], {})
        family.setdefault(cell["condition"], {})[cell["detector"]] = cell
    return [
        {
            "name": family,
            "clean": CLEAN in conditions,
            "rows": [
                {
                    "condition": condition,
                    "unverified": row[detectors[0]]["verified"] is False,
                    "cells": [_heat(row[detector]) for detector in detectors],
                }
                for condition, row in conditions.items()
            ],
            "means": [_family_mean(conditions, detector) for detector in detectors],
        }
        for family, conditions in grid.items()
    ]


def _heat(cell: Row) -> Row:
    """One heatmap cell: its number, its colour level, its bounds and what is wrong with it."""
    return {
        "eer": cell["eer"],
        "level": None if cell["eer"] is None else level(cell["eer"]),
        "low": cell["eer_low"],
        "high": cell["eer_high"],
        "incomplete": not cell["complete"],
        "coverage": cell["coverage"],
    }


def _family_mean(conditions: dict[str, dict[str, Any]], detector: str) -> Row:
    """Mean EER over the verified conditions of a family; None where a cell lacks trials."""
    counted = [row[detector] for row in conditions.values() if row[detector]["verified"]]
    if not counted or not all(cell["complete"] for cell in counted):
        return {"eer": None, "level": None}
    mean = float(sum(cell["eer"] for cell in counted) / len(counted))
    return {"eer": mean, "level": level(mean)}
