"""Random weights of few items whose weighted mean varies as the mean of a sample does."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.discrimination import Floats

_NONE = 1e-9  # a concentration below this is none


def unbiased(rng: np.random.Generator, base: Floats, size: int) -> Floats:
    """Draw weights around `base` (n,), which sum to 1; return (size, n), each row with the sum 1.

    This is a Bayesian bootstrap (Rubin 1981): a Dirichlet distribution with the mean `base`. Its
    concentration makes the variance of a weighted mean unbiased, also for few items: two less than
    their effective number, 1 / sum of squared weights. Of two equal items one is drawn. A single
    item always has the weight 1: nothing is known of its spread.

    >>> unbiased(np.random.default_rng(0), np.array([1.0]), 2).tolist()
    [[1.0], [1.0]]
    """
    if base.size == 1:
        return np.ones((size, 1))
    concentration = 1 / np.sum(base**2) - 2
    if concentration > _NONE:
        return rng.dirichlet(concentration * base, size)
    return rng.multinomial(1, base, size).astype(np.float64)
