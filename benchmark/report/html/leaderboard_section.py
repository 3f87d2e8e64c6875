"""The leaderboard and the heatmap of each track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report.palette import level
from benchmark.report.rows import Row, bounded, records

WITH_BOUNDS = 6  # detectors beside each other up to which every cell shows its bounds at first
TALL = 40  # conditions beyond which the table scrolls under its own header
AXIS_LEAST, AXIS_STEP = 0.5, 0.1  # an axis of rates ends there at least, and on such a step


@dataclass(frozen=True)
class Track:
    """One track as the page shows it; `detectors` in the order of its leaderboard.

    rows      : the leaderboard's rows, each with `bar`, places on its axis of `axis` (a rate),
                and `notes`, numbers of the notes that hold for it
    shared    : warnings that hold for every row
    notes     : the other warnings, numbered from 1
    sure      : whether the resamples bound any number
    families  : the heatmap: families, in each its conditions, in each one cell per detector
    finding   : what the first row says, or None where no detector is ranked
    unsure    : how many rows are unranked
    """

    name: str
    rows: list[Row]
    shared: list[str]
    notes: list[str]
    sure: bool
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
    axis = _axis(rows)
    warned = [row["warnings"].split("; ") if row["warnings"] else [] for row in rows]
    every = list(dict.fromkeys(text for texts in warned for text in texts))
    shared = [text for text in every if len(rows) > 1 and all(text in texts for texts in warned)]
    notes = [text for text in every if text not in shared]
    mine = conditions[conditions["track"] == name]
    detectors = [row["detector"] for row in rows]
    ranked = [row for row in rows if row["rank"] is not None]
    return Track(
        name=name,
        rows=[
            row
            | {"bar": _bar(row, axis)}
            | {"notes": [notes.index(text) + 1 for text in texts if text in notes]}
            for row, texts in zip(rows, warned, strict=True)
        ],
        shared=shared,
        notes=notes,
        sure=bounded(mine),
        axis=axis,
        detectors=detectors,
        families=_families(records(mine), detectors),
        finding=_finding(ranked),
        unsure=len(rows) - len(ranked),
    )


def _axis(rows: list[Row]) -> float:
    """Where an axis ends that holds every rate of the rows and its bounds."""
    names = [f"{rate}{bound}" for rate in ("clean_eer", "mean_eer") for bound in ("", "_high")]
    highest = max([AXIS_LEAST, *(row[name] for row in rows for name in names if row[name])])
    return float(np.ceil(highest / AXIS_STEP - 1e-9) * AXIS_STEP)


def _finding(ranked: list[Row]) -> Row | None:
    """The best row, and which others the paired intervals do not tell from it."""
    if not ranked:
        return None
    best = ranked[0]
    alike = [row["detector"] for row in ranked[1:] if set(row["group"]) & set(best["group"])]
    return {"best": best, "alike": alike}


def _bar(row: Row, axis: float) -> dict[str, dict[str, float]]:
    """Where the clean and the mean EER stand on an axis from 0 to 100: `at`, `low` and `width`.

    A rate that is missing is left out; one without bounds has a width of 0.
    """
    places = {}
    for name in ("clean", "mean"):
        at, low, high = (row[f"{name}_eer{tail}"] for tail in ("", "_low", "_high"))
        if at is not None:
            low, high = (at, at) if low is None else (low, high)
            shares = {"at": at / axis, "low": low / axis, "width": (high - low) / axis}
            places[name] = {key: round(100 * share, 2) for key, share in shares.items()}
    return places


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
