"""Sections with the leaderboard and the heatmap of each track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.inference import detector_size
from benchmark.laundering.verification import State
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import WHOLE, of_track
from benchmark.report import brackets
from benchmark.report.html.first_screen_section import is_baseline
from benchmark.report.html.profile_section import kind
from benchmark.report.jinja import number, percent
from benchmark.report.palette import level
from benchmark.report.rows import Row, bounded, records

TALL = 40  # with more conditions, the table scrolls under its own header
MANY = 7  # with more families, the columns of the leaderboard are narrower
AXIS_LEAST, AXIS_STEP = 0.5, 0.1  # smallest end of a rate axis, and the step of its end
SHORT = {  # of the names of families over narrow columns
    "reverberation": "room", "noise": "noise", "codec": "codec", "resampling": "rate",
    "filtering": "band", "channel": "line", "time_pitch": "tempo", "enhance": "clean-up",
    "enhancement": "clean-up", "pipeline": "chain", "chain": "chain", "device": "device",
}  # fmt: skip
LONGEST = 8  # characters of a family without a short name


@dataclass(frozen=True)
class Track:
    """One track as shown in the page.

    rows      : the rows of the leaderboard, baselines last, each with `bar`, positions on the rate
                axis, `notes`, the numbers of its notes, `pieces` of the brackets, `ties`, names,
                `number` in the run, `kind`, `baseline`, and `families`, a cell for each column
    columns   : the families of which a condition counts: `name`, `short`, `weight`
    shared    : warnings that apply to all rows
    notes     : the other warnings, numbered from 1
    sure      : whether any number has bounds
    axis      : the end of the rate axis (a rate)
    detectors : in the order of the leaderboard
    families  : the heatmap: families with their conditions, each with one cell per detector
    unsure    : number of unranked rows
    """

    name: str
    rows: list[Row]
    columns: list[Row]
    shared: list[str]
    notes: list[str]
    sure: bool
    axis: float
    detectors: list[str]
    families: list[Row]
    unsure: int

    @property
    def first(self) -> Row:
        """The first row, for the values that all rows of the track share."""
        return self.rows[0]

    @property
    def conditions(self) -> int:
        """The number of conditions in the heatmap."""
        return sum(len(family["rows"]) for family in self.families)

    @property
    def numbers(self) -> list[int]:
        """The numbers in the run of the detectors, in the order of the leaderboard."""
        return [row["number"] for row in self.rows]

    @property
    def tall(self) -> bool:
        """Whether the heatmap needs its own scroll bar."""
        return self.conditions > TALL

    @property
    def many(self) -> bool:
        """Whether the leaderboard has so many families that its columns must be narrow."""
        return len(self.columns) > MANY


def tracks(tables: Tables, detectors: tuple[str, ...]) -> list[Track]:
    """Return all tracks, the headline first; `detectors` are those of the run in its order."""
    boards = [tables.leaderboard, *(part for _, part in tables.tracks.groupby("track", sort=False))]
    return [_track(board, tables.conditions, detectors) for board in boards]


def _track(board: pd.DataFrame, conditions: pd.DataFrame, run: tuple[str, ...]) -> Track:
    rows = sorted(records(board), key=lambda row: is_baseline(row["detector"]))
    name = rows[0]["track"] or WHOLE
    axis = _axis(rows)
    warned = [row["warnings"].split("; ") if row["warnings"] else [] for row in rows]
    every = list(dict.fromkeys(text for texts in warned for text in texts))
    shared = [text for text in every if len(rows) > 1 and all(text in texts for texts in warned)]
    notes = [text for text in every if text not in shared]
    mine = of_track(conditions, name)
    detectors = [row["detector"] for row in rows]
    families = _families(records(mine), detectors)
    counted = [family for family in families if family["weight"]]
    return Track(
        name=name,
        rows=[
            row
            | {"bar": _bar(row, axis)}
            | {"notes": [notes.index(text) + 1 for text in texts if text in notes]}
            | {"pieces": pieces, "ties": brackets.ties(row), "number": run.index(row["detector"])}
            | {"kind": kind(row["detector"]), "baseline": is_baseline(row["detector"])}
            | {"size": detector_size.of_name(row["detector"])}
            | {"families": [_family_cell(family, place) for family in counted]}
            for place, (row, texts, pieces) in enumerate(
                zip(rows, warned, brackets.brackets(rows).pieces, strict=True)
            )
        ],
        columns=[
            {
                "name": family["name"],
                "short": SHORT.get(family["name"], family["name"][:LONGEST]),
                "weight": family["weight"],
            }
            for family in counted
        ],
        shared=shared,
        notes=notes,
        sure=bounded(mine),
        axis=axis,
        detectors=detectors,
        families=families,
        unsure=sum(row["rank"] is None for row in rows),
    )


def _axis(rows: list[Row]) -> float:
    """Return the end of an axis that covers all rates of the rows and their bounds."""
    names = [f"{rate}{bound}" for rate in ("clean_eer", "laundered_eer") for bound in ("", "_high")]
    highest = max([AXIS_LEAST, *(row[name] for row in rows for name in names if row[name])])
    return float(np.ceil(highest / AXIS_STEP - 1e-9) * AXIS_STEP)


def _family_cell(family: Row, place: int) -> Row:
    """Return the mean EER of the detector at `place` in a family, and the median of all."""
    known = [mean["eer"] for mean in family["means"] if mean["eer"] is not None]
    median = float(np.median(known)) if known else None
    return {"name": family["name"], "median": median} | family["means"][place]


def _bar(row: Row, axis: float) -> dict[str, dict[str, float]]:
    """Return the positions of the clean and the laundered EER in per cent of the axis length.

    The keys are `at`, `low` and `width`. A missing rate is left out; without bounds, `width` is 0.
    """
    places = {}
    for name in ("clean", "laundered"):
        at, low, high = (row[f"{name}_eer{tail}"] for tail in ("", "_low", "_high"))
        if at is not None:
            low, high = (at, at) if low is None else (low, high)
            shares = {"at": at / axis, "low": low / axis, "width": (high - low) / axis}
            places[name] = {key: round(100 * share, 2) for key, share in shares.items()}
    return places


def _families(cells: list[Row], detectors: list[str]) -> list[Row]:
    grid: dict[str, dict[str, dict[str, Row]]] = {}
    clean = {cell["detector"]: cell["eer"] for cell in cells if cell["condition"] == CLEAN}
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
                    "weight": row[detectors[0]]["weight"],
                    "uncounted": _uncounted(row[detectors[0]]["verdict"]),
                    "said": _effect(row[detectors[0]]),
                    "cells": [_heat(row[name], clean.get(name)) for name in detectors],
                }
                for condition, row in conditions.items()
            ],
            "weight": sum(row[detectors[0]]["weight"] or 0 for row in conditions.values()),
            "means": [_family_mean(conditions, name, clean.get(name)) for name in detectors],
        }
        for family, conditions in grid.items()
    ]


def _uncounted(verdict: str | None) -> State | None:
    """Return the state of a condition that enters no mean; None if it does."""
    return None if verdict in (None, State.VERIFIED) else State(verdict)


def _effect(cell: Row) -> str:
    """Return the effect that was measured of a condition, in words; '' if none was."""
    if cell["effect"] is None or cell["effect_measured"] is None:
        return ""
    unit = f" {cell['effect_unit']}" if cell["effect_unit"] else ""
    return f"{cell['effect']} {number(cell['effect_measured'])}{unit}"


def _said(cell: Row) -> str:
    """Return the figures of a cell in words."""
    bounds = cell["eer_low"] is not None
    between = f" ({percent(cell['eer_low'])} to {percent(cell['eer_high'])})" if bounds else ""
    trials = cell["n_bonafide"] + cell["n_spoof"]
    return f"EER {percent(cell['eer'])} %{between}, {trials} trials"


def _heat(cell: Row, clean: float | None) -> Row:
    """Return one heatmap cell: EER, loss, colours, bounds, completeness, coverage, and in words."""
    return _shaded(cell["eer"], None if cell["condition"] == CLEAN else clean) | {
        "said": _said(cell),
        "low": cell["eer_low"],
        "high": cell["eer_high"],
        "incomplete": not cell["complete"],
        "coverage": cell["coverage"],
    }


def _family_mean(conditions: dict[str, dict[str, Any]], detector: str, clean: float | None) -> Row:
    """Return the mean EER over the verified conditions of a family, and its loss to clean.

    None if a cell lacks trials.
    """
    counted = [row[detector] for row in conditions.values() if row[detector]["verified"]]
    if not counted or not all(cell["complete"] for cell in counted):
        return _shaded(None, None)
    mean = float(np.average([c["eer"] for c in counted], weights=[c["weight"] for c in counted]))
    return _shaded(mean, clean)


def _shaded(eer: float | None, clean: float | None) -> Row:
    """Return an EER and its excess over the clean EER, each with its colour level."""
    loss = None if eer is None or clean is None else eer - clean
    return {
        "eer": eer,
        "level": None if eer is None else level(eer),
        "loss": loss,
        "loss_level": None if loss is None else level(loss),
    }
