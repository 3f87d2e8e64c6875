"""Points of ROC, DET, precision-recall and calibration curves, thinned for plotting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from benchmark.metrics.discrimination import Floats, Roc, checked, precision_recall

POINTS = 400
PROBIT_FLOOR = 1e-4  # rates closer to 0 or 1 than this are drawn at the edge of a DET plot


@dataclass(frozen=True)
class Points:
    """A polyline; `x` and `y` have shape (k,)."""

    x: Floats
    y: Floats


def roc_points(curve: Roc, limit: int = POINTS) -> Points:
    """Return the ROC from (0, 0) to (1, 1): x = FRR (bona fide rejected), y = spoofs rejected."""
    return thin(Points(curve.frr, 1.0 - curve.far), limit)


def det_points(curve: Roc, limit: int = POINTS) -> Points:
    """Return the DET curve (Martin et al. 1997): probits of FAR (x) and FRR (y).

    A probit is the quantile of the standard normal distribution: 0 is 50 %, -2.33 is 1 %.
    """
    x, y = (ndtri(np.clip(r, PROBIT_FLOOR, 1 - PROBIT_FLOOR)) for r in (curve.far, curve.frr))
    return thin(Points(x, y), limit)


def precision_recall_points(curve: Roc, limit: int = POINTS) -> Points:
    """Return recall (x) and precision (y) of spoof, from the lowest threshold upwards."""
    return thin(Points(*precision_recall(curve)), limit)


def thin(points: Points, limit: int = POINTS) -> Points:
    """Return at most `limit` of the points, evenly spaced along the curve, with both ends.

    No removed point is farther from the remaining polyline than the curve's length (horizontal plus
    vertical distance) divided by `limit - 1`: 0.5 % of the side of a ROC at 400 points.
    """
    if points.x.size <= limit:
        return points
    way = np.cumsum(np.abs(np.diff(points.x)) + np.abs(np.diff(points.y)))
    stops = np.linspace(0.0, way[-1], limit)
    keep = np.unique(np.searchsorted(np.append(0.0, way), stops))
    return Points(points.x[keep], points.y[keep])


@dataclass(frozen=True)
class Reliability:
    """A calibration curve, one entry per bin of equal trial weight.

    predicted : (k,), mean posterior of bona fide from the log-likelihood ratios at even odds
    observed  : (k,), share of bona fide trials in the bin, classes weighted to even odds
    """

    predicted: Floats
    observed: Floats


def reliability(llr: npt.ArrayLike, bonafide: npt.ArrayLike, bins: int = 15) -> Reliability:
    """Compute the calibration curve of log-likelihood ratios (n,) (DeGroot and Fienberg 1983).

    >>> found = reliability([-9.0, -9.0, 9.0, 9.0], [False, False, True, True], bins=2)
    >>> found.observed.tolist()
    [0.0, 1.0]
    """
    values, labels = checked(llr, bonafide)
    order = np.argsort(values, kind="stable")
    values, labels = values[order], labels[order]
    weight = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    place = np.minimum((np.cumsum(weight) - weight / 2) * bins, bins - 1).astype(np.intp)
    place = place[np.searchsorted(values, values)]  # tied trials share a bin
    mass = np.bincount(place, weight, bins)
    filled = mass > 0
    predicted = np.bincount(place, weight * expit(values), bins)[filled] / mass[filled]
    observed = np.bincount(place, weight * labels, bins)[filled] / mass[filled]
    return Reliability(predicted, observed)
