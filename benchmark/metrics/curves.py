"""Points to draw: ROC, DET, precision-recall and calibration curves, thinned to what is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from benchmark.metrics.discrimination import Floats, Roc, checked, precision_recall

POINTS = 400
PROBIT_FLOOR = 1e-4  # rates nearer to 0 or 1 than this lie on the rim of a DET plot


@dataclass(frozen=True)
class Points:
    """A polyline, (k,) each."""

    x: Floats
    y: Floats


def roc_points(curve: Roc, limit: int = POINTS) -> Points:
    """The ROC from (0, 0) to (1, 1): x = FRR (bona fide rejected), y = spoofs rejected."""
    return thin(Points(curve.frr, 1.0 - curve.far), limit)


def det_points(curve: Roc, limit: int = POINTS) -> Points:
    """The DET curve (Martin et al. 1997): probits of FAR (x) and FRR (y).

    A probit is the quantile of the standard normal distribution: 0 is 50 %, -2.33 is 1 %.
    """
    x, y = (ndtri(np.clip(r, PROBIT_FLOOR, 1 - PROBIT_FLOOR)) for r in (curve.far, curve.frr))
    return thin(Points(x, y), limit)


def precision_recall_points(curve: Roc, limit: int = POINTS) -> Points:
    """Recall (x) and precision (y) of finding spoof, from the strictest threshold on."""
    return thin(Points(*precision_recall(curve)), limit)


def thin(points: Points, limit: int = POINTS) -> Points:
    """At most `limit` of the points, evenly spaced along the curve; the ends are kept.

    No point that is left out lies farther from the polyline that remains than the curve's length
    (horizontal plus vertical way) divided by `limit - 1`: 0.5 % of a ROC's side at 400 points.
    """
    if points.x.size <= limit:
        return points
    way = np.cumsum(np.abs(np.diff(points.x)) + np.abs(np.diff(points.y)))
    stops = np.linspace(0.0, way[-1], limit)
    keep = np.unique(np.searchsorted(np.append(0.0, way), stops))
    return Points(points.x[keep], points.y[keep])


@dataclass(frozen=True)
class Reliability:
    """A calibration curve, one entry per bin of equal trial mass, (k,) each.

    predicted : mean posterior of bona fide that the log-likelihood ratios imply at even odds
    observed  : share of bona fide trials in the bin, the classes weighted to even odds
    """

    predicted: Floats
    observed: Floats


def reliability(llr: npt.ArrayLike, bonafide: npt.ArrayLike, bins: int = 15) -> Reliability:
    """How log-likelihood ratios keep their promise (DeGroot and Fienberg 1983).

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
