"""The severity curve in a profile: the mean over all ladders, beside the median of the field."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.leaderboard.ladders import Ladder, ladders
from benchmark.leaderboard.trial_sets import of_track
from benchmark.metrics.discrimination import Floats
from benchmark.report.html.svg import polyline
from benchmark.report.rows import Row, records
from benchmark.scores.run_results import RunResults

WIDTH, HEIGHT = 300, 140  # size of the plotted area, in the chart's own units
PLACES = np.linspace(0, 1, 5)  # on the way from clean (0) to the severest level (1)
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
TOP = 0.6  # EER at the upper edge; higher if a curve exceeds it


def curves(results: RunResults, conditions: pd.DataFrame, track: str) -> Row | None:
    """Return the curves of a track; None without a ladder on which every detector is complete.

    A curve is the mean EER over these ladders, at five places between clean and the severest level;
    between levels, which are evenly spaced, it is interpolated. Its mean is close to the area under
    the severity curves.

    ladders : how many are in the mean
    lines   : SVG path of each detector
    median  : SVG path of the median of all detectors at each place
    """
    cells = {
        (row["detector"], row["condition"]): row for row in records(of_track(conditions, track))
    }
    steps = [step for step in ladders(results.conditions) if _whole(step, results, cells)]
    if not steps:
        return None
    means = np.array(
        [
            np.mean([_along(step, detector, cells) for step in steps], axis=0)
            for detector in results.detectors
        ]
    )
    top = next(tick for tick in TICKS if tick >= max(TOP, float(means.max())) - 1e-9)

    def path(rates: Floats) -> str:
        return polyline(WIDTH * PLACES, HEIGHT * (1 - rates / top))

    return {
        "ladders": len(steps),
        "width": WIDTH,
        "height": HEIGHT,
        "x": [
            {"at": 0, "text": "clean", "anchor": "start"},
            {"at": WIDTH, "text": "severest", "anchor": "end"},
        ],
        "y": [
            {"at": round(HEIGHT * (1 - tick / top)), "text": f"{100 * tick:.0f}"}
            for tick in TICKS
            if tick <= top
        ],
        "lines": {name: path(mine) for name, mine in zip(results.detectors, means, strict=True)},
        "median": path(np.median(means, axis=0)),
    }


def _whole(ladder: Ladder, results: RunResults, cells: dict[tuple[str, str], Row]) -> bool:
    mine = [cells[name, level] for name in results.detectors for level in ladder.conditions]
    mine += [cells[name, CLEAN] for name in results.detectors]
    return all(cell["complete"] and cell["eer"] is not None for cell in mine)


def _along(ladder: Ladder, detector: str, cells: dict[tuple[str, str], Row]) -> Floats:
    """Return the EER of a detector at `PLACES` of a ladder."""
    rates = [cells[detector, name]["eer"] for name in (CLEAN, *ladder.conditions)]
    return np.interp(PLACES, np.linspace(0, 1, len(rates)), rates)
