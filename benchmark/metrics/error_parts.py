"""The balanced error at a frozen threshold, and the parts of what laundering costs a detector.

The balanced error of a threshold t is h(t) = (FRR(t) + FAR(t)) / 2, one minus the balanced
accuracy: the half total error rate (HTER) of Bengio and Mariethoz 2004, "The expected performance
curve", which takes t from development data. Its least value over all thresholds, m = min h(t), is
what perfect knowledge of the threshold would leave. Brummer and du Preez 2006,
"Application-independent evaluation of speaker detection", part a cost in this way: actual cost =
minimal cost (discrimination) + the rest (calibration).

With the threshold t that was frozen before laundering, the loss is the error at t on laundered
trials beyond the least possible error on clean ones. It is the sum of three parts:

    loss                = h_laundered(t) - m_clean
    clean threshold     = h_clean(t) - m_clean
    shift by laundering = (h_laundered(t) - m_laundered) - (h_clean(t) - m_clean)
    discrimination      = m_laundered - m_clean

The first is never negative. The second is if the frozen threshold fits laundered trials better than
clean ones. The third is if laundering happens to help.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics.discrimination import Floats, Roc

DIGITS = 13  # decimals; errors of a million trials differ in the sixth


@dataclass(frozen=True)
class ErrorParts:
    """The loss and its parts, in [-1, 1]: numbers, or one per resample (B,)."""

    loss: Floats
    loss_clean: Floats
    loss_shift: Floats
    loss_discrimination: Floats


def least_error_of(curve: Roc) -> float:
    """Return the least balanced error over all thresholds, in [0, 0.5].

    A threshold that accepts or rejects every trial has 0.5.
    """
    return float(np.min(curve.frr + curve.far) / 2)


def parts(
    error: Floats | float,
    least: Floats | float,
    clean_error: Floats | float,
    clean_least: Floats | float,
) -> ErrorParts:
    """Part the loss of a cell; each argument is a number, or one per resample (B,).

    error, clean_error : balanced error at the frozen threshold, of the cell and of clean
    least, clean_least : least balanced error over all thresholds, of both

    >>> found = parts(0.5, 0.2, 0.15, 0.1)
    >>> [round(float(part), 2) for part in (found.loss, found.loss_clean, found.loss_shift)]
    [0.4, 0.05, 0.25]
    """
    error, least, clean_error, clean_least = (
        np.asarray(value, dtype=np.float64) for value in (error, least, clean_error, clean_least)
    )
    on_clean = np.asarray(clean_error - clean_least)
    return ErrorParts(
        loss=_exact(error - clean_least),
        loss_clean=_exact(on_clean),
        loss_shift=_exact((error - least) - on_clean),
        loss_discrimination=_exact(least - clean_least),
    )


def _exact(part: Floats) -> Floats:
    """Round away what subtraction leaves of equal numbers: errors are quotients of trials."""
    return np.asarray(np.round(part, DIGITS) + 0.0)
