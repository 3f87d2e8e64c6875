"""Calibration of detector scores to log-likelihood ratios, fitted on clean dev."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from benchmark.metrics.discrimination import Floats, checked


@dataclass(frozen=True)
class Calibration:
    """Affine map from scores to log-likelihood ratios: `slope * score + offset`."""

    slope: float
    offset: float

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        """Return the log-likelihood ratios (natural log) of `scores`, same shape."""
        return self.slope * np.asarray(scores, dtype=np.float64) + self.offset


def calibrate(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> Calibration:
    """Fit the calibration of scores (n,) by logistic regression with equal class weights.

    The slope is never negative: a detector with reversed polarity gets an LLR of 0 instead of a
    correction. A penalty of 0.01 / n on the standardised slope keeps it finite if the classes are
    perfectly separable. Raises `InputError` as `checked` does.
    """
    values, labels = checked(scores, bonafide)
    centre, spread = float(values.mean()), float(values.std())
    if spread == 0.0:
        return Calibration(0.0, 0.0)
    standard = (values - centre) / spread
    sign = np.where(labels, 1.0, -1.0)
    share = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    penalty = 0.01 / values.size

    def loss(point: Floats) -> tuple[float, Floats]:
        margin = sign * (point[0] * standard + point[1])
        pull = -share * sign * expit(-margin)  # summed by numpy: BLAS rounds by thread count
        value = np.sum(share * np.logaddexp(0.0, -margin)) + 0.5 * penalty * point[0] ** 2
        return float(value), np.array([np.sum(pull * standard) + penalty * point[0], pull.sum()])

    fit = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)])
    slope = float(fit.x[0]) / spread
    return Calibration(slope, float(fit.x[1]) - slope * centre)
