"""Selection of the epoch whose weights a training keeps.

By default this is the last epoch that cannot be distinguished from the best (`settled_epoch`): dev
sets have few speakers, and the falling learning rate settles the weights at the end. The patience
of the recipes then only stops trainings that get worse permanently. A training runs to its end if
its dev EER stays at chance, or if the dev set is so small that all epochs lie within one standard
error. With `--patience` the best epoch is kept (`best_epoch`), as in classic early stopping.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def settled_epoch(dev_eers: Sequence[float], bonafide: npt.NDArray[np.bool_]) -> int:
    """Return the last epoch (from 1) within one standard error of the lowest EER up to it.

    `dev_eers` are the EERs per epoch, from 0 to 1; `bonafide` (n,) are the labels of the dev
    trials. Returns 0 if there are no epochs.
    """
    lowest, kept = np.inf, 0
    for epoch, rate in enumerate(dev_eers, 1):
        lowest = min(lowest, rate)
        if rate <= lowest + standard_error(lowest, bonafide):
            kept = epoch
    return kept


def best_epoch(dev_eers: Sequence[float], dev_losses: Sequence[float]) -> int:
    """Return the first epoch (from 1) with the lowest EER; of equal EERs, with the lowest loss.

    Returns 0 if there are no epochs.
    """
    rows = [*zip(dev_eers, dev_losses, strict=True)]
    return rows.index(min(rows)) + 1 if rows else 0


def standard_error(rate: float, bonafide: npt.NDArray[np.bool_]) -> float:
    """Return the standard error of an EER over these trials, assuming that they are independent.

    The EER counts as the mean of two binomial error rates. One error is added to each class, so
    that a set without errors also has a standard error above 0.

    >>> round(standard_error(0.0, np.array([True] * 50 + [False] * 50)), 3)
    0.014
    """
    counts = np.array([bonafide.sum(), (~bonafide).sum()])
    smoothed = (rate * counts + 1) / (counts + 1)
    return float(np.sqrt(np.sum(smoothed * (1 - smoothed) / counts)) / 2)
