"""Section of severity curves: one small chart per ladder, EER from clean to the severest level."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.leaderboard.ladders import Ladder, ladders
from benchmark.leaderboard.trial_sets import of_track
from benchmark.metrics.discrimination import Floats
from benchmark.report.html.svg import dots, polygon, polyline
from benchmark.report.rows import Row, records
from benchmark.scores.run_results import RunResults

WIDTH, HEIGHT = 300, 150  # size of the plotted area, in the chart's own units
TOP = 0.6  # EER at the upper edge; higher if a curve exceeds it
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
OPEN = 12  # with more ladders, the families are folded
LABELS = 7  # most labels on one axis, including clean


def charts(results: RunResults, conditions: pd.DataFrame, track: str) -> Row:
    """Return the ladders of the plan by family, and the scale shared by all charts of the track."""
    steps = ladders(results.conditions)
    cells = {
        (row["detector"], row["condition"]): row for row in records(of_track(conditions, track))
    }
    highest = max([TOP, *(row["eer_high"] or row["eer"] or 0.0 for row in cells.values())])
    top = next(tick for tick in TICKS if tick >= min(highest, 1.0) - 1e-9)
    families: dict[str, list[Row]] = {}
    for ladder in steps:
        chart = _chart(ladder, results.detectors, cells, top)
        families.setdefault(ladder.family, []).append(chart)
    return {
        "families": [{"name": name, "charts": charts} for name, charts in families.items()],
        "ticks": [
            {"y": round(HEIGHT * (1 - tick / top)), "text": f"{100 * tick:.0f}"}
            for tick in TICKS
            if tick <= top
        ],
        "guess": round(HEIGHT * (1 - 0.5 / top)),
        "open": len(steps) <= OPEN,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _chart(
    ladder: Ladder, detectors: tuple[str, ...], cells: dict[tuple[str, str], Row], top: float
) -> Row:
    names = [CLEAN, *ladder.conditions]
    x = np.linspace(0, WIDTH, len(names))
    labelled = set(np.linspace(0, len(names) - 1, min(len(names), LABELS)).round().astype(int))
    return {
        "name": ladder.name,
        "unit": ladder.unit,
        "ticks": [
            {"x": round(place), "text": text}
            for number, (place, text) in enumerate(
                zip(x, ["clean", *(f"{level:g}" for level in ladder.levels)], strict=True)
            )
            if number in labelled
        ],
        "lines": [
            _line(series, x, [cells[detector, name] for name in names], top)
            for series, detector in enumerate(detectors)
        ],
    }


def _line(series: int, x: Floats, row: list[Row], top: float) -> Row:
    """Return one detector's curve, its band over levels with bounds, and its points.

    Hollow points belong to cells that are incomplete or not verified.
    """
    eer, low, high = (
        np.array([np.nan if cell[key] is None else cell[key] for cell in row])
        for key in ("eer", "eer_low", "eer_high")
    )
    y, upper, lower = (HEIGHT * (1 - rate / top) for rate in (eer, high, low))
    known, bounded = np.isfinite(eer), np.isfinite(low)
    weak = np.array([not cell["complete"] or cell["verified"] is False for cell in row])
    return {
        "series": series,
        "line": polyline(x[known], y[known]),
        "band": polygon(x[bounded], lower[bounded], upper[bounded]) if bounded.sum() > 1 else "",
        "dots": dots(x[known & ~weak], y[known & ~weak]),
        "hollow": dots(x[known & weak], y[known & weak]),
    }
