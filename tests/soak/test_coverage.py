"""Nominal 95 % intervals hold the truth in 93 to 97 of 100 samples of 50 clusters or more.

Two figures are apart. minDCF is the smallest cost that these very trials allow: it lies below the
truth by more than its spread in small samples, so its interval is one of the figure itself. The
difference of two EERs steps by single trials, which widens its interval in small samples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import coverage_model

ROUNDS = 4000
RESAMPLES = 1000


@pytest.mark.parametrize("clusters", [50, 67, 150])
def test_coverage(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    hits = coverage_model.hits(rng, clusters, ROUNDS, RESAMPLES)
    shares = {name: count / ROUNDS for name, count in hits.items()}
    print(clusters, shares)
    noise = 2 * np.sqrt(0.95 * 0.05 / ROUNDS)  # of the simulation itself: 0.7 points
    for name, share in shares.items():
        if name == "difference":
            assert share >= 0.93 - noise
        elif name != "min_dcf":
            assert 0.93 - noise <= share <= 0.97 + noise, (name, share)
