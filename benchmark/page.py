"""The HTML report: plain values for the template `report.html`, which escapes all of them."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from markupsafe import Markup

from attacks.condition import CLEAN
from benchmark.leaderboard import Tables
from benchmark.palette import level, scale_css
from benchmark.results import RunResults
from benchmark.templates import environment

LISTED = 200  # failures and incomplete cells shown; the CSV files hold all
LONGEST = 240  # characters of one provenance fact that the page shows
SCALE_STEPS = (0, 10, 20, 30, 40, 50)  # per cent, marked on the colour scale


def render(results: RunResults, tables: Tables) -> str:
    """One self-contained HTML file; the same tables and provenance give the same bytes."""
    boards = [tables.leaderboard, *(part for _, part in tables.tracks.groupby("track", sort=False))]
    template = environment().get_template("report.html")
    return template.render(
        protocol=results.protocol,
        trial_digest=results.protocol.digest(),
        scale_css=Markup(scale_css()),
        scale=[(step, level(step / 100)) for step in SCALE_STEPS],
        tracks=[_track(board, tables.conditions) for board in boards],
        laundered=sum(info.condition != CLEAN for info in results.conditions),
        trials=len(results.protocol.table),
        speakers=_named(results.protocol.table["speaker"]),
        cluster_noun="voices" if _named(results.protocol.table["speaker"]) else "sources",
        checks=_checks(results, tables),
        failures=records(tables.failures.head(LISTED)),
        failure_count=len(tables.failures),
        incomplete=_incomplete(tables.conditions),
        provenance=_flat(results.provenance),
        listed=LISTED,
    )


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries, None where a value is missing."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _named(speakers: pd.Series[str]) -> int:
    return int(speakers[speakers != "-"].nunique())


def _track(board: pd.DataFrame, conditions: pd.DataFrame) -> dict[str, Any]:
    """The leaderboard and the heatmap of one track; detectors in the order of the board."""
    rows = records(board)
    name = rows[0]["track"]
    edges = [row["mean_eer_high"] or row["mean_eer"] or row["clean_eer"] or 0.0 for row in rows]
    axis = max(0.5, *edges)
    cells = records(conditions[conditions["track"] == name])
    detectors = [row["detector"] for row in rows]
    return {
        "name": name,
        "rows": [row | {"bar": _bar(row, axis)} for row in rows],
        "axis": axis,
        "detectors": detectors,
        "families": _families(cells, detectors),
        "n_bonafide": rows[0]["n_bonafide"],
        "n_spoof": rows[0]["n_spoof"],
        "n_clusters": rows[0]["n_clusters"],
        "trial_digest": rows[0]["trial_digest"],
    }


def _bar(row: dict[str, Any], axis: float) -> dict[str, float] | None:
    """Where the mean, its bounds and the clean EER stand on an axis from 0 to 100."""
    if row["mean_eer"] is None or row["clean_eer"] is None:
        return None
    mean = row["mean_eer"]
    low = mean if row["mean_eer_low"] is None else row["mean_eer_low"]
    high = mean if row["mean_eer_high"] is None else row["mean_eer_high"]
    points = {"clean": row["clean_eer"], "low": low, "mean": mean, "high": high}
    return {name: round(100 * value / axis, 2) for name, value in points.items()}


def _families(cells: list[dict[str, Any]], detectors: list[str]) -> list[dict[str, Any]]:
    """The heatmap: families, in each its conditions, in each one cell per detector."""
    grid: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for cell in cells:
        family = grid.setdefault(cell["family"], {})
        family.setdefault(cell["condition"], {})[cell["detector"]] = cell
    return [
        {
            "name": family,
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


def _heat(cell: dict[str, Any]) -> dict[str, Any]:
    """One heatmap cell: its number, its colour level, its bounds and what is wrong with it."""
    return {
        "eer": cell["eer"],
        "level": None if cell["eer"] is None else level(cell["eer"]),
        "low": cell["eer_low"],
        "high": cell["eer_high"],
        "incomplete": not cell["complete"],
        "coverage": cell["coverage"],
    }


def _family_mean(conditions: dict[str, dict[str, dict[str, Any]]], detector: str) -> float | None:
    """Mean EER over the verified conditions of a family; None where a cell lacks trials."""
    counted = [row[detector] for row in conditions.values() if row[detector]["verified"]]
    if not counted or not all(cell["complete"] for cell in counted):
        return None
    return float(sum(cell["eer"] for cell in counted) / len(counted))


def _checks(results: RunResults, tables: Tables) -> list[dict[str, Any]]:
    """The verification table: every check, with what was asked and the condition's verdict."""
    verdict = tables.conditions.drop_duplicates("condition").set_index("condition")["verified"]
    asked = {info.condition: info for info in results.conditions}
    rows = [
        row
        | {
            "verified": bool(verdict[row["condition"]]),
            "severity": asked[row["condition"]].severity,
            "severity_unit": asked[row["condition"]].unit,
        }
        for row in records(tables.checks)
    ]
    heard = {row["condition"] for row in rows}
    silent = [name for name in asked if name != CLEAN and name not in heard]
    return rows + [{"condition": name, "verified": False, "quantity": None} for name in silent]


def _incomplete(conditions: pd.DataFrame) -> list[dict[str, Any]]:
    """Cells that lack trials."""
    columns = ["track", "detector", "condition", "coverage"]
    return records(conditions.loc[~conditions["complete"].astype(bool), columns])


def _flat(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested facts as (dotted name, text), in their own order."""
    found: list[tuple[str, str]] = []
    for name, value in facts.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            found += _flat(value, f"{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if len(text) > LONGEST:
                text = f"{text[:LONGEST]} ... (whole in run.json)"
            found.append((key, text))
    return found
