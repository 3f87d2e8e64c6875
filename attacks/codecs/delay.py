"""Measured delay of a codec, where no constant is documented."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import correlate

from attacks.contract.base import Wave

CLEAR = 4.0  # least ratio of the peak to the largest correlation at lags out of the search range
PROBE_SECONDS = 3.0


def probe(rate: int) -> Wave:
    """Return noise like speech, float32 at `rate` Hz: falling with frequency, of varying level."""
    size = round(PROBE_SECONDS * rate)
    white = np.random.default_rng(11).uniform(-1, 1, size)
    bins = np.fft.rfft(white)
    hertz = np.arange(bins.size) / PROBE_SECONDS
    noise = np.fft.irfft(bins / np.sqrt(hertz + 100), size)
    swell = 0.2 + np.abs(np.sin(2 * np.pi * 1.7 * np.arange(size) / rate))
    wave = noise * swell
    return (0.25 * wave / np.abs(wave).max()).astype(np.float32)


def delay_of(trip: Callable[[Wave], Wave], rate: int) -> int | None:
    """Return the samples by which the output of `trip` trails its input, both at `rate` Hz.

    It is the peak of their cross-correlation within a quarter of a second to either side; None if
    no peak stands out.
    """
    before = probe(rate)
    after = trip(before)
    cross = np.abs(correlate(after, before, mode="full", method="fft"))
    middle, reach = before.size - 1, rate // 4
    near = cross[middle - reach : middle + reach + 1]
    far = np.concatenate([cross[: middle - reach], cross[middle + reach + 1 :]])
    if near.max() < CLEAR * far.max():
        return None
    return int(np.argmax(near)) - reach
