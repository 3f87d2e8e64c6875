"""Robustness to laundering: per attack family, relative to a baseline, and along severity."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from attacks.contract.condition import split_steps
from benchmark.core.errors import unknown
from benchmark.leaderboard.detector_cells import Cell, DetectorCells
from benchmark.leaderboard.ranks import SHORTCUT
from benchmark.metrics import bootstrap
from benchmark.metrics.discrimination import Floats
from benchmark.scores.run_results import ConditionInfo

ALL = "all"  # the row over all families
COLLAPSED = 0.40  # a detector collapses if its EER exceeds this
SEVERITY_COLUMNS = (
    "track", "detector", "family", "ladder", "mildest", "severest", "unit", "n_levels", "complete",
    "area", "area_low", "area_high", "collapse", "collapsed",
)  # fmt: skip


@dataclass(frozen=True)
class Ladder:
    """Conditions of one attack that differ only in severity, from mild to severe.

    `name` is their spelling with `*` for the severity, e.g. `noise(kind=babble, snr=*)`.
    """

    name: str
    family: str
    unit: str
    conditions: tuple[str, ...]
    levels: tuple[float, ...]


def ladders(conditions: tuple[ConditionInfo, ...]) -> list[Ladder]:
    """Return the severity ladders of a plan with two or more levels, in plan order."""
    found: dict[str, list[ConditionInfo]] = {}
    for info in conditions:
        if info.parameter and info.severity is not None:
            found.setdefault(starred(info.condition, info.parameter), []).append(info)
    result = []
    for name, infos in found.items():
        if len(infos) > 1:
            infos.sort(key=lambda info: info.severity or 0.0, reverse=not infos[0].rising)
            names = tuple(info.condition for info in infos)
            levels = tuple(float(info.severity or 0.0) for info in infos)
            result.append(Ladder(name, infos[0].family, infos[0].unit, names, levels))
    return result


def starred(condition: str, parameter: str) -> str:
    """Replace the value of a parameter by a star in the spelling of one attack.

    >>> starred("noise(kind=babble, snr=20)", "snr")
    'noise(kind=babble, snr=*)'
    """
    head, _, body = condition.partition("(")
    parts = [part.strip() for part in split_steps(body.removesuffix(")"), ",")]
    starred_parts = [f"{parameter}=*" if p.startswith(f"{parameter}=") else p for p in parts]
    return f"{head}({', '.join(starred_parts)})"


def baseline_line(by_detector: list[DetectorCells], name: str) -> DetectorCells | None:
    """Return the cells of the baseline: the detector `name`, by default the shortcut classifier.

    Returns None if the baseline is unranked or there is no shortcut classifier. Raises
    `InputError` if `name` is unknown.
    """
    names = [cells.detector for cells in by_detector]
    if name and name not in names:
        raise unknown("baseline detector", name, names)
    wanted = name or SHORTCUT
    return next((c for c in by_detector if c.detector == wanted and c.families), None)


def robustness(
    track: str,
    by_detector: list[DetectorCells],
    steps: list[Ladder],
    baseline: DetectorCells | None,
) -> list[dict[str, Any]]:
    """Return one row per detector and family, and one over all families (the mean of the rows).

    eer, with bounds : mean over the family's verified conditions; blank if one lacks trials
    eer_delta        : eer minus the clean EER, with paired bounds
    worst_eer        : the highest EER; `worst_condition` is its condition
    degradation      : eer / the baseline's eer in that family; its mean over families is the mCE
                       of Hendrycks and Dietterich 2019, here on EER
    relative_degradation : eer_delta / the baseline's eer_delta (their relative mCE); blank if the
                       baseline's EER does not rise
    area             : mean area under the severity curves of the family's ladders (see `severity`)
    """
    by_family: dict[tuple[str, str], list[float]] = {}
    for row in severity(track, by_detector, steps):
        by_family.setdefault((row["detector"], row["family"]), []).append(row["area"])
    found = []
    for cells in by_detector:
        names = dict.fromkeys(cell.row["family"] for cell in cells.laundered)
        areas = {
            name: float(np.mean(by_family[cells.detector, name]))
            for name in names
            if (cells.detector, name) in by_family
        }
        rows = []
        for name in names:
            planned = [cell for cell in cells.laundered if cell.row["family"] == name]
            rows.append(_family(track, cells, name, planned, baseline))
            rows[-1]["area"] = areas.get(name, np.nan)
        found += [*rows, _overall(track, cells, rows, list(areas.values()), baseline)]
    return found


def severity(
    track: str, by_detector: list[DetectorCells], steps: list[Ladder]
) -> list[dict[str, Any]]:
    """Return one row per detector and severity ladder.

    area     : area under the curve of EER over severity, with bounds; levels are evenly spaced
               from clean (0) to the severest (1), so this is the mean EER along the curve
    collapse : the mildest level at which the EER exceeds 40 %, in the attack's unit; blank if none

    Both are blank, and `complete` is false, if clean or a level lacks trials or is unverified.
    """
    found = []
    for cells in by_detector:
        by_condition = {cell.row["condition"]: cell for cell in cells.cells}
        for ladder in steps:
            levels = [cells.clean, *(by_condition[name] for name in ladder.conditions)]
            whole = all(cell.counts for cell in levels)
            area, low, high, collapse = np.nan, np.nan, np.nan, np.nan
            if whole:
                area = float(_area([np.asarray(cell.row["eer"]) for cell in levels]))
                low, high = bootstrap.interval(_area([c.draws.eer for c in levels if c.draws]))
                passed = [cell.row["eer"] > COLLAPSED for cell in levels[1:]]
                collapse = ladder.levels[passed.index(True)] if any(passed) else np.nan
            found.append(
                {
                    "track": track,
                    "detector": cells.detector,
                    "family": ladder.family,
                    "ladder": ladder.name,
                    "mildest": ladder.levels[0],
                    "severest": ladder.levels[-1],
                    "unit": ladder.unit,
                    "n_levels": len(ladder.levels),
                    "complete": whole,
                    "area": area,
                    "area_low": low,
                    "area_high": high,
                    "collapse": collapse,
                    "collapsed": bool(np.isfinite(collapse)) if whole else None,
                }
            )
    return found


def _area(rates: list[Floats]) -> Floats:
    """Sum trapezoids of unit width over the levels and divide by the total width."""
    inner = [(a + b) / 2 for a, b in pairwise(rates)]
    return np.asarray(np.mean(inner, axis=0))


def _family(
    track: str, cells: DetectorCells, name: str, planned: list[Cell], baseline: DetectorCells | None
) -> dict[str, Any]:
    """Return the row of one family: means over its verified cells if all are complete."""
    verified = [cell for cell in planned if cell.row["verified"]]
    usable = verified if all(cell.counts for cell in [cells.clean, *verified]) else []
    mean, delta = _means(cells, usable)
    low, high, delta_low, delta_high = (np.nan,) * 4
    if usable and cells.clean.draws:
        draws = np.mean([cell.draws.eer for cell in usable if cell.draws], axis=0)
        low, high = bootstrap.interval(draws)
        delta_low, delta_high = bootstrap.interval(draws - cells.clean.draws.eer)
    worst = max(usable, key=lambda cell: cell.row["eer"], default=None)
    base, base_delta = np.nan, np.nan
    if baseline is not None:
        base, base_delta = _means(baseline, baseline.families.get(name, []))
    return {
        "track": track,
        "detector": cells.detector,
        "family": name,
        "n_conditions": len(planned),
        "n_verified": len(verified),
        "complete": all(cell.row["complete"] for cell in planned),
        "eer": mean,
        "eer_low": low,
        "eer_high": high,
        "eer_delta": delta,
        "eer_delta_low": delta_low,
        "eer_delta_high": delta_high,
        "worst_eer": worst.row["eer"] if worst else np.nan,
        "worst_condition": worst.row["condition"] if worst else "",
        "degradation": mean / base if base > 0 else np.nan,
        "relative_degradation": delta / base_delta if base_delta > 0 else np.nan,
        "baseline": baseline.detector if baseline else "",
    }


def _means(cells: DetectorCells, chosen: list[Cell]) -> tuple[float, float]:
    """Return the mean EER of the chosen cells and its difference to clean; NaN without cells."""
    if not chosen:
        return np.nan, np.nan
    mean = float(np.mean([cell.row["eer"] for cell in chosen]))
    return mean, mean - cells.clean.row["eer"]


def _overall(
    track: str,
    cells: DetectorCells,
    rows: list[dict[str, Any]],
    areas: list[float],
    baseline: DetectorCells | None,
) -> dict[str, Any]:
    """Return the row over all families; blank if the detector is unranked."""
    counted = [row for row in rows if row["family"] in cells.families]
    draws = cells.mean_draws("eer")
    delta_low, delta_high = np.nan, np.nan
    if counted and cells.clean.draws:
        delta_low, delta_high = bootstrap.interval(draws - cells.clean.draws.eer)
    low, high = bootstrap.interval(draws)
    worst = max(counted, key=lambda row: row["worst_eer"], default=None)
    return {
        "track": track,
        "detector": cells.detector,
        "family": ALL,
        "n_conditions": sum(row["n_conditions"] for row in rows),
        "n_verified": sum(row["n_verified"] for row in rows),
        "complete": all(row["complete"] for row in rows),
        "eer": cells.mean("eer"),
        "eer_low": low,
        "eer_high": high,
        "eer_delta": cells.mean("eer") - cells.clean.row["eer"],
        "eer_delta_low": delta_low,
        "eer_delta_high": delta_high,
        "worst_eer": worst["worst_eer"] if worst else np.nan,
        "worst_condition": worst["worst_condition"] if worst else "",
        **{
            name: float(np.mean([row[name] for row in counted])) if counted else np.nan
            for name in ("degradation", "relative_degradation")
        },
        "baseline": baseline.detector if baseline else "",
        "area": float(np.mean(areas)) if areas else np.nan,
    }
