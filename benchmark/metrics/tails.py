"""Exact quantiles near both ends of many values that are never held all at once."""

from __future__ import annotations

import math

import numpy as np

from benchmark.metrics.discrimination import Floats


class Tails:
    """The quantiles `share` and 1 - `share` of values that are added in pieces.

    Only the values beyond these quantiles are kept.
    """

    def __init__(self, share: float, most: int) -> None:
        """Prepare for at most `most` values."""
        self._share = share
        self._length = math.ceil(share * most) + 2  # the quantile lies between two of them
        self._count = 0
        self._low, self._high = np.empty(0), np.empty(0)

    def add(self, values: Floats) -> None:
        """Add values (n,); NaN is none."""
        known = values[~np.isnan(values)]
        self._count += known.size
        self._low = _smallest(np.concatenate([self._low, known]), self._length)
        self._high = -_smallest(np.concatenate([-self._high, -known]), self._length)

    def limits(self) -> tuple[float, float]:
        """Return both quantiles as `numpy.quantile` does; (0, 0) without values."""
        if not self._count:
            return 0.0, 0.0
        places = [(self._count - 1) * share for share in (self._share, 1 - self._share)]
        first = self._count - self._high.size  # place of the first of the highest values
        return (
            _interpolated(np.sort(self._low), 0, places[0]),
            _interpolated(np.sort(self._high), first, places[1]),
        )


def _smallest(values: Floats, number: int) -> Floats:
    return values if values.size <= number else np.partition(values, number)[:number].copy()


def _interpolated(ordered: Floats, first: int, place: float) -> float:
    """Return the value at a place between two values, rounded exactly as `numpy.quantile` does.

    `ordered` holds the values from the place `first` on.
    """
    before = math.floor(place)
    gamma = place - before
    after = min(before + 1 - first, ordered.size - 1)
    a, b = float(ordered[before - first]), float(ordered[after])
    return b - (b - a) * (1 - gamma) if gamma >= 0.5 else a + (b - a) * gamma
