"""SVG paths of scores: ROC, DET and precision-recall curves, and histograms of both classes.

The outermost bars of a histogram count the scores beyond its axis too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from benchmark.metrics import curves, discrimination
from benchmark.metrics.curves import Points
from benchmark.metrics.discrimination import Bools, Floats, Ranking
from benchmark.report.html.svg import polyline, steps
from benchmark.report.rows import Row

SIDE = 500  # side of a square plot, in its own units
WIDE, HIGH = 400, 100  # size of a histogram
CURVE_BYTES, POINT_BYTES = 1_600_000, 6  # budget of all curves of the page; size of one point
BIN_BYTES, BAR_BYTES = 900_000, 5  # budget of all histograms of the page; size of one bar
POINTS, BINS = (16, 90), (14, 40)  # minimum and maximum per curve and per histogram
MOST = CURVE_BYTES // (3 * POINTS[0] * POINT_BYTES)  # most cells in the page, at the lowest detail
Axis = tuple[float, float]  # the ends of a detector's score axis
DET_RANGE = (0.002, 0.9)
DET_TICKS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
KINDS = ("roc", "det", "pr", "bonafide", "spoof")


@dataclass(frozen=True)
class Detail:
    """The detail of a cell's plots: points per curve, bars per histogram."""

    points: int
    bins: int


def detail(cells: int) -> Detail:
    """Return the detail that the page's budget allows for this number of cells.

    >>> detail(300), detail(5000)
    (Detail(points=90, bins=40), Detail(points=17, bins=18))
    """
    points = np.clip(CURVE_BYTES // (3 * cells * POINT_BYTES), *POINTS)
    bins = np.clip(BIN_BYTES // (2 * cells * BAR_BYTES), *BINS)
    return Detail(int(points), int(bins))


def place(score: float | None, limits: Axis) -> int | None:
    """Return the position of a score on its axis; None if it is unknown or outside."""
    if score is None or not limits[0] <= score <= limits[1]:
        return None
    return round(WIDE * (score - limits[0]) / max(limits[1] - limits[0], 1e-300))


def cell(scores: Floats, bonafide: Bools, limits: Axis, fine: Detail) -> dict[str, str]:
    """Return the path data of a cell's scores (n,) by kind; '' if a class has no score."""
    scored = ~np.isnan(scores)
    labels = bonafide[scored]
    if not labels.any() or labels.all():
        return dict.fromkeys(KINDS, "")
    ranking = discrimination.rank(scores[scored], labels)
    return _curves(ranking, fine.points) | _histograms(ranking, limits, fine.bins)


def det_ticks() -> list[Row]:
    """Return positions and labels of the ticks on both axes of a DET plot."""
    return [
        {"at": round(SIDE * _share(ndtri(rate))), "text": f"{100 * rate:g}"} for rate in DET_TICKS
    ]


def _curves(ranking: Ranking, limit: int) -> dict[str, str]:
    curve = discrimination.roc_of(ranking)
    roc = curves.roc_points(curve, limit)
    det = curves.det_points(curve)
    low, high = ndtri(DET_RANGE)
    near = Points(np.clip(det.x, low - 1, high + 1), np.clip(det.y, low - 1, high + 1))
    det = curves.thin(near, limit)
    pr = curves.precision_recall_points(curve, limit)
    return {
        "roc": polyline(SIDE * roc.x, SIDE * (1 - roc.y)),
        "det": polyline(SIDE * _share(det.x), SIDE * (1 - _share(det.y))),
        "pr": polyline(SIDE * pr.x, SIDE * (1 - pr.y)),
    }


def _histograms(ranking: Ranking, limits: Axis, bins: int) -> dict[str, str]:
    """Return the shares of both classes per bin, scaled so that the higher peak fills the plot.

    The number of bins is at most twice the square root of the size of the rarer class.
    """
    rarer = min(ranking.bonafide.sum(), (~ranking.bonafide).sum())
    bins = int(np.clip(2 * np.sqrt(rarer), BINS[0], bins))
    margin = max(1.0, abs(limits[0]) * 1e-6)  # 1 alone vanishes beside a large score
    low, high = limits if limits[1] > limits[0] else (limits[0] - margin, limits[0] + margin)
    bar = np.clip((ranking.values - low) / (high - low) * bins, 0, bins - 1).astype(np.intp)
    shares = {
        name: np.bincount(bar[mask], minlength=bins) / mask.sum()
        for name, mask in (("bonafide", ranking.bonafide), ("spoof", ~ranking.bonafide))
    }
    peak = max(share.max() for share in shares.values())
    return {name: steps(HIGH * share / peak, WIDE / bins, HIGH) for name, share in shares.items()}


def _share(probit: Any) -> Any:
    """Return the position of a probit on a DET axis, 0 to 1 inside its range."""
    low, high = ndtri(DET_RANGE)
    return (probit - low) / (high - low)
