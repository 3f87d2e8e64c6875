"""Nominal 95 % intervals cover the truth in 93 to 97 of 100 samples of 50 clusters or more.

This is tested for every metric and its paired difference, over pairs of detectors with high and
low correlation. `make soak ARGS="-s -k test_coverage"` prints the shares.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import coverage_model

ROUNDS = 2000
RESAMPLES = 1000


@pytest.mark.parametrize("clusters", [50, 67, 150])
@pytest.mark.parametrize("pair", list(coverage_model.PAIRS))
def test_coverage(pair: str, clusters: int) -> None:
    rng = np.random.default_rng([clusters, list(coverage_model.PAIRS).index(pair)])
    hits = coverage_model.hits(rng, coverage_model.PAIRS[pair], clusters, ROUNDS, RESAMPLES)
    shares = {name: count / ROUNDS for name, count in hits.items()}
    print(clusters, pair, shares)
    noise = 2.5 * np.sqrt(0.95 * 0.05 / ROUNDS)  # simulation error: 1.2 percentage points
    for name, share in shares.items():
        assert 0.93 - noise <= share <= 0.97 + noise, (name, share)
