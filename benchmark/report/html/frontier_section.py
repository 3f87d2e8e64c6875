"""Section of the laundering frontier: error against what laundering costs in quality."""

from __future__ import annotations

import numpy as np

from attacks.contract.condition import CLEAN
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import of_track
from benchmark.metrics.discrimination import Floats
from benchmark.report.html.svg import dots, polyline
from benchmark.report.rows import Row, records

WIDTH, HEIGHT = 300, 190  # size of the plotted area, in the chart's own units
RATES = {"eer": "EER", "success5": "Attack success at 5 %"}
STEP = 0.5  # of the quality axis, in points of mean opinion
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def frontier(tables: Tables, detectors: tuple[str, ...], board: list[Row]) -> Row | None:
    """Return charts and rows of the headline track; None if no quality was measured.

    charts : EER and attack success against the loss of overall quality (DNSMOS P.835). A staircase
             is the highest rate that a detector suffers at this loss or less: the frontier. Only
             verified conditions that are complete are on it.
    rows   : the laundered conditions by loss, the cheapest first; last those without a loss
    budget : of each detector, in the order of the board, its worst condition within the budget
    """
    if tables.quality.empty:
        return None
    measured = {row["condition"]: row for row in records(tables.quality)}
    losses = {name: row["ovrl_loss"] for name, row in measured.items()}
    known = [loss for loss in losses.values() if loss is not None]
    if not known:
        return None
    cells = [
        row
        for row in records(of_track(tables.conditions, board[0]["track"]))
        if row["verified"] and row["complete"] and losses.get(row["condition"]) is not None
    ]
    low = np.floor(min([0.0, *known]) / STEP) * STEP
    high = np.ceil(max([STEP, *known]) / STEP) * STEP
    rows = [row for name, row in measured.items() if name != CLEAN]
    budget = {row["detector"]: row for row in records(tables.quality_budget)}
    return {
        "charts": [
            _chart(rate, title, cells, losses, detectors, (low, high))
            for rate, title in RATES.items()
            if any(cell[rate] is not None for cell in cells)
        ],
        "x": [
            {"at": round(float(_place(tick, low, high))), "text": f"{tick:g}".replace("-", "−")}
            for tick in np.arange(low, high + STEP / 2, STEP)
        ],
        "zero": round(float(_place(0.0, low, high))),
        "y": [{"at": round(HEIGHT * (1 - tick)), "text": f"{100 * tick:.0f}"} for tick in TICKS],
        "rows": sorted(rows, key=lambda row: (row["ovrl_loss"] is None, row["ovrl_loss"] or 0.0)),
        "budget": [budget[row["detector"]] for row in board if row["detector"] in budget],
        "sample": rows[0] if rows else None,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _place(loss: float | Floats, low: float, high: float) -> Floats:
    return np.asarray((np.asarray(loss) - low) / (high - low) * WIDTH)


def _chart(
    rate: str,
    title: str,
    cells: list[Row],
    losses: dict[str, float],
    detectors: tuple[str, ...],
    ends: tuple[float, float],
) -> Row:
    lines = []
    for series, detector in enumerate(detectors):
        mine = sorted(
            (losses[cell["condition"]], cell[rate])
            for cell in cells
            if cell["detector"] == detector and cell[rate] is not None
        )
        if mine:
            loss, rates = (np.array(part) for part in zip(*mine, strict=True))
            x, y = _place(loss, *ends), HEIGHT * (1 - rates)
            lines.append(
                {"series": series, "line": _staircase(loss, rates, ends), "dots": dots(x, y)}
            )
    return {"title": title, "lines": lines}


def _staircase(loss: Floats, rates: Floats, ends: tuple[float, float]) -> str:
    """Return the path of the highest rate at a loss or less; `loss` is ascending."""
    best = np.maximum.accumulate(rates)
    x = np.append(np.repeat(_place(loss, *ends), 2)[1:], WIDTH)
    return polyline(x, HEIGHT * (1 - np.repeat(best, 2)))
