"""How many bits scores need: those of networks are float32, imported ones may be float64."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.discrimination import Floats


def is_single(scores: Floats) -> bool:
    """Return whether float32 holds each of these numbers exactly; NaN stands for no score.

    >>> is_single(np.array([0.5, np.nan])), is_single(np.array([0.1]))
    (True, False)
    """
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which differs
        narrow = scores.astype(np.float32).astype(np.float64)
    return bool(np.array_equal(narrow, scores, equal_nan=True))
