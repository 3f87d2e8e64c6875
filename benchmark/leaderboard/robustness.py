"""How laundering wears a detector down: per family, against a baseline, and along severity."""

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
COLLAPSED = 0.40  # the EER that a detector passes when it collapses
SEVERITY_COLUMNS = (
    "track", "detector", "family", "ladder", "mildest", "severest", "unit", "n_levels", "complete",
    "area", "area_low", "area_high", "collapse", "collapsed",
)  # fmt: skip


@dataclass(frozen=True)
class Ladder:
    """Conditions of one attack that differ in severity alone, mild to severe.

    `name` is their spelling with `*` for the severity, e.g. `noise(kind=babble, snr=*)`.
    """

    name: str
    family: str
    unit: str
    conditions: tuple[str, ...]
    levels: tuple[float, ...]


def ladders(conditions: tuple[ConditionInfo, ...]) -> list[Ladder]:
    """The severity ladders of a plan, of two levels or more, in plan order."""
    found: dict[str, list[ConditionInfo]] = {}
    for info in conditions:
        if info.parameter and info.severity is not None:
            found.setdefault(starred(info.condition, info.parameter), []).append(info)
    made = []
    for name, infos in found.items():
        if len(infos) > 1:
            infos.sort(key=lambda info: info.severity or 0.0, reverse=not infos[0].rising)
            names = tuple(info.condition for info in infos)
            levels = tuple(float(info.severity or 0.0) for info in infos)
            made.append(Ladder(name, infos[0].family, infos[0].unit, names, levels))
    return made


def starred(condition: str, parameter: str) -> str:
    """The spelling of one attack with a star in the place of a parameter's value.

    >>> starred("noise(kind=babble, snr=20)", "snr")
    'noise(kind=babble, snr=*)'
    """
    head, _, body = condition.partition("(")
    parts = [part.strip() for part in split_steps(body.removesuffix(")"), ",")]
    starred_parts = [f"{parameter}=*" if p.startswith(f"{parameter}=") else p for p in parts]
    return f"{head}({', '.join(starred_parts)})"


def baseline_line(lines: list[DetectorCells], name: str) -> DetectorCells | None:
    """The baseline's line: the detector called `name`, else the shortcut classifier, else None."""
    names = [line.detector for line in lines]
    if name and name not in names:
        raise unknown("baseline detector", name, names)
    wanted = name or SHORTCUT
    return next((line for line in lines if line.detector == wanted and line.families), None)


def robustness(
    track: str, lines: list[DetectorCells], steps: list[Ladder], baseline: DetectorCells | None
) -> list[dict[str, Any]]:
    """One row per detector and family, and one over all families (the mean of the families' rows).

    eer, with bounds : mean over the family's verified conditions; blank where one lacks trials
    eer_delta        : that less the clean EER, with paired bounds
    worst_eer        : the highest, and under which condition
    degradation      : eer / the baseline's eer in that family; its mean over families is the mCE
                       of Hendrycks and Dietterich 2019, here on EER
    relative_degradation : eer_delta / the baseline's eer_delta (their relative mCE); blank where
                       the baseline loses nothing
    area             : mean area under the severity curves of the family's ladders (see `severity`)
    """
    by_family: dict[tuple[str, str], list[float]] = {}
    for row in severity(track, lines, steps):
        by_family.setdefault((row["detector"], row["family"]), []).append(row["area"])
    found = []
    for line in lines:
        names = dict.fromkeys(cell.row["family"] for cell in line.laundered)
        areas = {
            name: float(np.mean(by_family[line.detector, name]))
            for name in names
            if (line.detector, name) in by_family
        }
        rows = []
        for name in names:
            planned = [cell for cell in line.laundered if cell.row["family"] == name]
            rows.append(_family(track, line, name, planned, baseline))
            rows[-1]["area"] = areas.get(name, np.nan)
        found += [*rows, _overall(track, line, rows, list(areas.values()), baseline)]
    return found


def severity(track: str, lines: list[DetectorCells], steps: list[Ladder]) -> list[dict[str, Any]]:
    """One row per detector and ladder.

    area     : under EER over severity, levels evenly spaced from clean (0) to the severest (1),
               as a share of the square: the mean EER on the way; with bounds
    collapse : the mildest level at which EER passes 40 %, in the attack's unit; blank if none
    Both are blank, and `complete` false, where clean or a level lacks trials or is unverified.
    """
    found = []
    for line in lines:
        cells = {cell.row["condition"]: cell for cell in line.cells}
        for ladder in steps:
            levels = [line.clean, *(cells[name] for name in ladder.conditions)]
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
                    "detector": line.detector,
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
    """Trapezoids of unit width over the levels, divided by the whole width."""
    inner = [(a + b) / 2 for a, b in pairwise(rates)]
    return np.asarray(np.mean(inner, axis=0))


def _family(
    track: str, line: DetectorCells, name: str, planned: list[Cell], baseline: DetectorCells | None
) -> dict[str, Any]:
    """The row of one family: means over its verified cells, where all of them are complete."""
    verified = [cell for cell in planned if cell.row["verified"]]
    cells = verified if all(cell.counts for cell in [line.clean, *verified]) else []
    mean, delta = _means(line, cells)
    low, high, delta_low, delta_high = (np.nan,) * 4
    if cells and line.clean.draws:
        draws = np.mean([cell.draws.eer for cell in cells if cell.draws], axis=0)
        low, high = bootstrap.interval(draws)
        delta_low, delta_high = bootstrap.interval(draws - line.clean.draws.eer)
    worst = max(cells, key=lambda cell: cell.row["eer"], default=None)
    base, base_delta = np.nan, np.nan
    if baseline is not None:
        base, base_delta = _means(baseline, baseline.families.get(name, []))
    return {
        "track": track,
        "detector": line.detector,
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


def _means(line: DetectorCells, cells: list[Cell]) -> tuple[float, float]:
    """Mean EER of cells, and its difference to clean; NaN where there are none."""
    if not cells:
        return np.nan, np.nan
    mean = float(np.mean([cell.row["eer"] for cell in cells]))
    return mean, mean - line.clean.row["eer"]


def _overall(
    track: str,
    line: DetectorCells,
    rows: list[dict[str, Any]],
    areas: list[float],
    baseline: DetectorCells | None,
) -> dict[str, Any]:
    """The row over all families: blank where the detector is unranked."""
    counted = [row for row in rows if row["family"] in line.families]
    draws = line.mean_draws("eer")
    delta_low, delta_high = np.nan, np.nan
    if counted and line.clean.draws:
        delta_low, delta_high = bootstrap.interval(draws - line.clean.draws.eer)
    low, high = bootstrap.interval(draws)
    worst = max(counted, key=lambda row: row["worst_eer"], default=None)
    return {
        "track": track,
        "detector": line.detector,
        "family": ALL,
        "n_conditions": sum(row["n_conditions"] for row in rows),
        "n_verified": sum(row["n_verified"] for row in rows),
        "complete": all(row["complete"] for row in rows),
        "eer": line.mean("eer"),
        "eer_low": low,
        "eer_high": high,
        "eer_delta": line.mean("eer") - line.clean.row["eer"],
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
