"""Section of severity curves: one small chart per ladder, EER from clean to the severest level.

Where the reader chooses the metric loss, the page's script draws the same ladders from the heights
that every line carries, because a second set of paths would take three times the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

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
LOSS_TOP = 0.2  # loss at the upper edge; higher if a curve exceeds it
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
    shown = [cells[detector, name] for ladder in steps for name in ladder.conditions
             for detector in results.detectors]  # fmt: skip
    losses = _loss_axis(shown)
    families: dict[str, list[Row]] = {}
    for ladder in steps:
        chart = _chart(ladder, results.detectors, cells, top, losses)
        families.setdefault(ladder.family, []).append(chart)
    return {
        "families": [{"name": name, "charts": charts} for name, charts in families.items()],
        "ticks": [
            {"y": round(HEIGHT * (1 - tick / top)), "text": f"{100 * tick:.0f}"}
            for tick in TICKS
            if tick <= top
        ],
        "guess": round(HEIGHT * (1 - 0.5 / top)),
        "loss": losses.ticks(),
        "open": len(steps) <= OPEN,
        "width": WIDTH,
        "height": HEIGHT,
    }


@dataclass(frozen=True)
class _LossAxis:
    """The losses at the lower and at the upper edge of the charts, in tenths of EER."""

    low: int
    high: int

    def height(self, losses: Floats) -> Floats:
        """Return where losses (k,) are, in the chart's own units from the upper edge."""
        return HEIGHT * (self.high - 10 * losses) / (self.high - self.low)

    def ticks(self) -> str:
        """Return the heights and the texts, in points, of the labels: `150 0;75 +10`."""
        step = 1 if self.high - self.low <= LABELS - 2 else 2
        tenths = [tenth for tenth in range(self.low, self.high + 1) if tenth % step == 0]
        heights = self.height(np.array(tenths) / 10)
        texts = [f"{10 * tenth:+d}".replace("-", "−") if tenth else "0" for tenth in tenths]
        return ";".join(f"{height:.0f} {text}" for height, text in zip(heights, texts, strict=True))


def _loss_axis(cells: list[Row]) -> _LossAxis:
    """Return an axis that holds 0 and every loss of these cells with its bounds."""
    keys = ("eer_delta", "eer_delta_low", "eer_delta_high")
    held = [0.0, LOSS_TOP, *(cell[key] for cell in cells for key in keys if cell[key] is not None)]
    return _LossAxis(floor(10 * min(held) + 1e-9), ceil(10 * max(held) - 1e-9))


def _chart(
    ladder: Ladder,
    detectors: tuple[str, ...],
    cells: dict[tuple[str, str], Row],
    top: float,
    losses: _LossAxis,
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
            _line(series, x, [cells[detector, name] for name in names], top, losses)
            for series, detector in enumerate(detectors)
        ],
    }


def _line(series: int, x: Floats, row: list[Row], top: float, losses: _LossAxis) -> Row:
    """Return one detector's curve, its band over levels with bounds, its points, and its losses.

    Hollow points belong to cells that are incomplete or not verified.
    """
    eer, low, high = (_values(row, key) for key in ("eer", "eer_low", "eer_high"))
    y, upper, lower = (HEIGHT * (1 - rate / top) for rate in (eer, high, low))
    known, bounded = np.isfinite(eer), np.isfinite(low)
    weak = np.array([not cell["complete"] or cell["verified"] is False for cell in row])
    return {
        "series": series,
        "line": polyline(x[known], y[known]),
        "band": polygon(x[bounded], lower[bounded], upper[bounded]) if bounded.sum() > 1 else "",
        "dots": dots(x[known & ~weak], y[known & ~weak]),
        "hollow": dots(x[known & weak], y[known & weak]),
        "loss": _heights(row, losses),
    }


def _heights(row: list[Row], losses: _LossAxis) -> str:
    """Return the heights of a line as loss, and with bounds how far these lie below and above.

    Levels are separated by commas, and one without a value has none: `75,40,;0,9,;0,12,`. Returns
    '' if no level has a loss.
    """
    loss, low, high = (
        np.rint(losses.height(_values(row, key)))
        for key in ("eer_delta", "eer_delta_low", "eer_delta_high")
    )
    if np.isnan(loss).all():
        return ""
    spans = [] if np.isnan(low).all() else [low - loss, loss - high]
    return ";".join(
        ",".join("" if np.isnan(n) else f"{n:.0f}" for n in values) for values in [loss, *spans]
    )


def _values(row: list[Row], key: str) -> Floats:
    """Return one column of cells (k,); NaN where it is missing."""
    return np.array([np.nan if cell[key] is None else cell[key] for cell in row], float)
