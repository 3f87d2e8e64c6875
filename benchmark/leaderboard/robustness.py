"""Robustness to laundering: per attack family, relative to a baseline, and along severity."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmark.core.errors import unknown
from benchmark.leaderboard.detector_cells import (
    Cell,
    DetectorCells,
    interval,
    weighted,
)
from benchmark.leaderboard.ladders import Ladder
from benchmark.leaderboard.ranks import SHORTCUT
from benchmark.leaderboard.rows.columns import Interval
from benchmark.leaderboard.rows.detector_rows import RobustnessRow, SeverityRow
from benchmark.metrics.discrimination import Floats

ALL = "all"  # the row over all families
COLLAPSED = 0.40  # a detector collapses if its EER exceeds this


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
    track: str | None,
    by_detector: list[DetectorCells],
    steps: list[Ladder],
    baseline: DetectorCells | None,
) -> list[RobustnessRow]:
    """Return one row per detector and family, and one over all families (their weighted mean).

    eer                  : blank if a verified condition of the family lacks trials
    degradation          : its weighted mean over families is after the mCE of Hendrycks and
                           Dietterich 2019, here on EER
    relative_degradation : their relative mCE; blank if the baseline's EER does not rise
    """
    by_family: dict[tuple[str, str], list[float]] = {}
    for step in severity(track, by_detector, steps):
        by_family.setdefault((step.detector, step.family), []).append(step.area.value)
    found = []
    for cells in by_detector:
        names = dict.fromkeys(cell.family for cell in cells.laundered)
        areas = {
            name: float(np.mean(by_family[cells.detector, name]))
            for name in names
            if (cells.detector, name) in by_family
        }
        rows = []
        for name in names:
            planned = [cell for cell in cells.laundered if cell.family == name]
            area = areas.get(name, np.nan)
            rows.append(_family(track, cells, name, planned, baseline, area))
        found += [*rows, _overall(track, cells, rows, list(areas.values()), baseline)]
    return found


def severity(
    track: str | None, by_detector: list[DetectorCells], steps: list[Ladder]
) -> list[SeverityRow]:
    """Return one row per detector and severity ladder.

    area     : area under the curve of EER over severity, with bounds; levels are evenly spaced
               from clean (0) to the severest (1), so this is the mean EER along the curve
    collapse : the mildest level at which the EER exceeds 40 %, in the attack's unit; blank if none

    Both are blank, and `complete` is false, if clean or a level lacks trials, is refuted, or was
    not measured. A control is a point of the curve.
    """
    found = []
    for cells in by_detector:
        by_condition = {cell.condition: cell for cell in cells.cells}
        for ladder in steps:
            levels = [cells.clean, *(by_condition[name] for name in ladder.conditions)]
            whole = all(cell.on_curve for cell in levels)
            area, collapse = Interval(), np.nan
            if whole:
                point = float(_area([np.asarray(cell.eer) for cell in levels]))
                area = interval(point, _area([c.draws.eer for c in levels if c.draws]))
                passed = [cell.eer > COLLAPSED for cell in levels[1:]]
                collapse = ladder.levels[passed.index(True)] if any(passed) else np.nan
            found.append(
                SeverityRow(
                    track=track,
                    detector=cells.detector,
                    family=ladder.family,
                    ladder=ladder.name,
                    mildest=ladder.levels[0],
                    severest=ladder.levels[-1],
                    unit=ladder.unit or None,
                    n_levels=len(ladder.levels),
                    complete=whole,
                    area=area,
                    collapse=collapse,
                    collapsed=bool(np.isfinite(collapse)) if whole else None,
                )
            )
    return found


def _area(rates: list[Floats]) -> Floats:
    """Sum trapezoids of unit width over the levels and divide by the total width."""
    inner = [(a + b) / 2 for a, b in pairwise(rates)]
    return np.asarray(np.mean(inner, axis=0))


def _family(
    track: str | None,
    cells: DetectorCells,
    name: str,
    planned: list[Cell],
    baseline: DetectorCells | None,
    area: float,
) -> RobustnessRow:
    """Return the row of one family: means over its verified cells if all are complete."""
    verified = [cell for cell in planned if cell.row.head.verified]
    usable = verified if all(cell.counts for cell in [cells.clean, *verified]) else []
    mean, delta = _means(cells, usable)
    eer, eer_delta = Interval(mean), Interval(delta)
    if usable and cells.clean.draws:
        draws = weighted(usable, lambda cell: cell.replicates("eer"))
        eer = interval(mean, draws)
        eer_delta = interval(delta, draws - cells.clean.draws.eer)
    worst = max(usable, key=lambda cell: cell.eer, default=None)
    base, base_delta = np.nan, np.nan
    if baseline is not None:
        base, base_delta = _means(baseline, baseline.families.get(name, []))
    return RobustnessRow(
        track=track,
        detector=cells.detector,
        family=name,
        n_conditions=len(planned),
        n_verified=len(verified),
        complete=all(cell.row.head.complete for cell in planned),
        eer=eer,
        eer_delta=eer_delta,
        worst_eer=worst.eer if worst else np.nan,
        worst_condition=worst.condition if worst else None,
        degradation=mean / base if base > 0 else np.nan,
        relative_degradation=delta / base_delta if base_delta > 0 else np.nan,
        baseline=baseline.detector if baseline else None,
        area=area,
    )


def _means(cells: DetectorCells, chosen: list[Cell]) -> tuple[float, float]:
    """Return the mean EER of the chosen cells and its difference to clean; NaN without cells."""
    mean = float(weighted(chosen, lambda cell: np.asarray(cell.eer)))
    return mean, mean - cells.clean.eer


def _overall(
    track: str | None,
    cells: DetectorCells,
    rows: list[RobustnessRow],
    areas: list[float],
    baseline: DetectorCells | None,
) -> RobustnessRow:
    """Return the row over all families; blank if the detector is unranked."""
    counted = [row for row in rows if row.family in cells.families]
    draws = cells.mean_draws("eer")
    lost = np.empty(0)
    if counted and cells.clean.draws:
        lost = draws - cells.clean.draws.eer
    mean = cells.mean("eer")
    worst = max(counted, key=lambda row: row.worst_eer, default=None)
    degradation, relative = np.nan, np.nan
    if counted:
        shares = [sum(cell.row.weight for cell in cells.families[row.family]) for row in counted]
        degradation = float(np.average([row.degradation for row in counted], weights=shares))
        relative = float(np.average([row.relative_degradation for row in counted], weights=shares))
    return RobustnessRow(
        track=track,
        detector=cells.detector,
        family=ALL,
        n_conditions=sum(row.n_conditions for row in rows),
        n_verified=sum(row.n_verified for row in rows),
        complete=all(row.complete for row in rows),
        eer=interval(mean, draws),
        eer_delta=interval(mean - cells.clean.eer, lost),
        worst_eer=worst.worst_eer if worst else np.nan,
        worst_condition=worst.worst_condition if worst else None,
        degradation=degradation,
        relative_degradation=relative,
        baseline=baseline.detector if baseline else None,
        area=float(np.mean(areas)) if areas else np.nan,
    )
