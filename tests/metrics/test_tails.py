"""Quantiles of values added in pieces: those of all values at once, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.tails import Tails


@pytest.mark.parametrize("share", [0.002, 0.1])
@given(seed=st.integers(0, 10_000), size=st.integers(0, 3000), pieces=st.integers(1, 6))
def test_the_quantiles_are_those_of_numpy(share: float, seed: int, size: int, pieces: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=size) if seed % 2 else rng.integers(0, 5, size).astype(float)
    values[rng.random(size) < 0.1] = np.nan
    tails = Tails(share, size + seed % 500)
    for piece in np.array_split(values, pieces):
        tails.add(piece)
    known = values[~np.isnan(values)]
    expected = np.quantile(known if known.size else np.zeros(1), [share, 1 - share])
    assert tails.limits() == tuple(expected)


def test_only_the_tails_are_kept() -> None:
    tails = Tails(0.002, 100_000)
    for piece in np.random.default_rng(0).normal(size=(100, 1000)):
        tails.add(piece)
    assert sum(value.size for value in vars(tails).values() if isinstance(value, np.ndarray)) < 500
