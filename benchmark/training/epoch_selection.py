"""Selection of the epoch that a training keeps.

By default it is the last epoch that is not distinguishable from the best (`settled_epoch`): dev
sets have few speakers, and the falling learning rate settles the weights at the end. The patience
of the recipes then only guards against trainings that get worse for good: where dev EER stays at
chance, and on dev sets so small that all epochs lie within one standard error, they run to their
end. On demand the best epoch is kept (`best_epoch`), as in classic early stopping.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def settled_epoch(dev_eers: Sequence[float], bonafide: npt.NDArray[np.bool_]) -> int:
    """The last epoch (from 1) that came within one standard error of the lowest EER until then.

    0 where there were none.
    """
    lowest, kept = np.inf, 0
    for epoch, rate in enumerate(dev_eers, 1):
        lowest = min(lowest, rate)
        if rate <= lowest + standard_error(lowest, bonafide):
            kept = epoch
    return kept


def best_epoch(dev_eers: Sequence[float], dev_losses: Sequence[float]) -> int:
    """The first epoch (from 1) of the lowest EER and, where EERs are equal, of the lowest loss.

    0 where there were none.
    """
    rows = [*zip(dev_eers, dev_losses, strict=True)]
    return rows.index(min(rows)) + 1 if rows else 0


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
