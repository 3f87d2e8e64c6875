"""Section that contrasts clean with one condition per track: curves, scores and decisions.

The initial condition is the track's worst. The page's script can replace it by any other, from the
same path data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.core.progress import each
from benchmark.laundering.verification import State
from benchmark.leaderboard import trial_sets
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.metrics.discrimination import Bools
from benchmark.report.html import score_curves_section as curves
from benchmark.report.rows import Row, records
from benchmark.scores import scope
from benchmark.scores.run_results import RunResults

Paths = dict[str, str]  # path data by kind
COUNTS = ("tp", "fn", "fp", "tn")  # in the order of the page's script


def focus(results: RunResults, tables: Tables, tracks: Sequence[str]) -> dict[str, Row]:
    """Return the values of this section by track, the headline first.

    If all conditions on all tracks are too many for the page, the tracks after the first have only
    clean and the worst condition of each family.
    """
    names = [info.condition for info in results.conditions]
    whole = len(tracks) * len(results.detectors) * len(names) <= curves.MOST
    parts = {track: trial_sets.of_track(tables.conditions, track) for track in tracks}
    kept = {
        track: list(range(len(names)))
        if whole or track == tracks[0]
        else _shortlist(names, parts[track])
        for track in tracks
    }
    fine = curves.detail(len(results.detectors) * sum(map(len, kept.values())))
    drawn = _drawn(results, tables.axes, kept, fine)
    return {
        track: _track(results, parts[track], kept[track], drawn[track], tables.axes)
        for track in tracks
    }


@dataclass(frozen=True)
class _Drawing:
    """The path data of a track's cells: `paths` by detector, then by shown condition."""

    paths: list[list[Paths]]
    labels: Bools


def _drawn(
    results: RunResults,
    axes: dict[str, curves.Axis],
    kept: dict[str, list[int]],
    fine: curves.Detail,
) -> dict[str, _Drawing]:
    """Draw the cells of every track, condition by condition."""
    labels = (results.protocol.table["label"] == "bonafide").to_numpy(dtype=np.bool_)
    rows = {track: trial_sets.track_rows(results.protocol, track) for track in kept}
    drawn = {
        track: _Drawing([[] for _ in results.detectors], labels[rows[track]]) for track in kept
    }
    shown = sorted({place for places in kept.values() for place in places})
    for place in each(shown, "drawing curves", "condition"):
        stored = results.source.scores("test", results.conditions[place].condition)
        scores = scope.scores(results, stored)
        for track in (track for track, places in kept.items() if place in places):
            mine = drawn[track]
            for number, name in enumerate(results.detectors):
                own = scores[number, rows[track]]
                mine.paths[number].append(curves.cell(own, mine.labels, axes[name], fine))
        del stored, scores  # before the next condition is read
    return drawn


def data(shown: Row) -> Row:
    """Return the data of a track with which the page's script shows another condition."""
    chosen = shown["chosen"]
    worst = None if chosen is None else shown["places"][chosen]
    return {"places": shown["places"], "worst": worst, "cells": shown["data"]}


def _track(
    results: RunResults,
    table: pd.DataFrame,
    kept: list[int],
    drawing: _Drawing,
    axes: dict[str, curves.Axis],
) -> Row:
    """Return the values of one track; `kept` holds the plan indices of its shown conditions."""
    known = {(row["detector"], row["condition"]): row for row in records(table)}
    names = [results.conditions[place].condition for place in kept]
    grid = [[known[detector, name] for name in names] for detector in results.detectors]
    worst = _worst(table)
    return {
        "clean": names.index(CLEAN),
        "chosen": None if worst is None else names.index(worst),
        "names": names,
        "places": kept,
        "all": len(kept) == len(results.conditions),
        "families": _options(results, table, kept),
        "detectors": [
            {"name": name, "threshold": curves.place(row[0]["threshold"], axes[name])}
            for name, row in zip(results.detectors, grid, strict=True)
        ],
        "data": {
            kind: [[paths[kind] for paths in row] for row in drawing.paths] for kind in curves.KINDS
        }
        | {
            "counts": [[_counts(cell) for cell in row] for row in grid],
            "eer": [[cell["eer"] for cell in row] for row in grid],
        },
        "prevalence": round(curves.SIDE * drawing.labels.mean()),
        "det_ticks": curves.det_ticks(),
        "side": curves.SIDE,
        "wide": curves.WIDE,
        "high": curves.HIGH,
    }  # fmt: skip


def _counts(cell: Row) -> list[int] | None:
    """Return the four outcomes at the frozen threshold; None without a frozen threshold."""
    return None if cell["tp"] is None else [int(cell[key]) for key in COUNTS]


def _shortlist(names: list[str], table: pd.DataFrame) -> list[int]:
    """Return the indices of clean and of the worst condition of each family, in plan order."""
    parts = [part for _, part in table.groupby("family", sort=False)]
    chosen = {CLEAN, _worst(table), *(_worst(part) for part in parts)}
    return [place for place, name in enumerate(names) if name in chosen]


def _worst(table: pd.DataFrame) -> str | None:
    """Return the laundering condition with the highest mean EER, if possible one that counts."""
    laundered = table[table["condition"] != CLEAN]
    counts = laundered["complete"].astype(bool) & laundered["verified"].eq(True)
    pool = laundered[counts] if counts.any() else laundered
    means = pool.groupby("condition", sort=False)["eer"].mean().dropna()
    return None if means.empty else str(means.idxmax())


def _options(results: RunResults, table: pd.DataFrame, kept: list[int]) -> list[Row]:
    """Return the laundering conditions by family: plan index, index in `kept`, and verdict."""
    verdicts = table.drop_duplicates("condition").set_index("condition")["verdict"]
    grouped: dict[str, list[Row]] = {}
    for at, place in enumerate(kept):
        info = results.conditions[place]
        if info.condition != CLEAN:
            state = State(verdicts[info.condition])
            flag = "" if state is State.VERIFIED else f" ({state.text})"
            remark = f" ({info.caveat})" if info.caveat else ""
            option = {"at": at, "place": place, "text": f"{info.condition}{remark}{flag}"}
            grouped.setdefault(info.family, []).append(option)
    return [{"name": name, "options": options} for name, options in grouped.items()]
