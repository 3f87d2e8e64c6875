"""Which epoch of a training is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def kept_epoch(dev_eers: Sequence[float], bonafide: npt.NDArray[np.bool_]) -> int:
    """The last epoch (from 1) that came within one standard error of the lowest EER until then.

    0 where there were none.
    """
    lowest, kept = np.inf, 0
    for epoch, rate in enumerate(dev_eers, 1):
        lowest = min(lowest, rate)
        if rate <= lowest + standard_error(lowest, bonafide):
            kept = epoch
    return kept


def standard_error(rate: float, bonafide: npt.NDArray[np.bool_]) -> float:
    """Standard error of an equal error rate over these trials, were they independent.

    The mean of two binomial error rates; one error is added to each class, so that an error-free
    set has one too.

    >>> round(standard_error(0.0, np.array([True] * 50 + [False] * 50)), 3)
    0.014
    """
    counts = np.array([bonafide.sum(), (~bonafide).sum()])
    smoothed = (rate * counts + 1) / (counts + 1)
    return float(np.sqrt(np.sum(smoothed * (1 - smoothed) / counts)) / 2)
