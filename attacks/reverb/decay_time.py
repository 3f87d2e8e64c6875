"""Properties of an impulse response: its direct path and its decay times (ISO 3382)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Response = npt.NDArray[np.floating]

ONSET_DB = -20.0  # ISO 3382-1: the first rise to within 20 dB of the maximum
RISE_S = 0.001  # within which a band-limited direct path reaches its peak


def direct_path(response: Response, sample_rate: int) -> int:
    """Return the index of the direct path in an impulse response (L,) that is not silent.

    It is the largest magnitude within 1 ms of the onset; a stronger reflection may follow later.
    """
    magnitude = np.abs(response)
    onset = int(np.argmax(magnitude >= magnitude.max() * 10 ** (ONSET_DB / 20)))
    return onset + int(np.argmax(magnitude[onset : onset + 1 + round(RISE_S * sample_rate)]))


def t20(response: Response, sample_rate: int) -> float:
    """Return the reverberation time in seconds from the decay between -5 and -25 dB (ISO 3382-2).

    `response` is an impulse response (L,) that begins with the direct path. NaN if it decays by
    less than 25 dB or has fewer than two samples in that range.
    """
    return _decay_time(response, sample_rate, -5.0, -25.0)


def edt(response: Response, sample_rate: int) -> float:
    """Return the early decay time in seconds, from the first 10 dB of the decay (ISO 3382-1).

    NaN if `response` decays by less than 10 dB or has fewer than two samples in that range.
    """
    return _decay_time(response, sample_rate, 0.0, -10.0)


def _decay_time(response: Response, sample_rate: int, above: float, below: float) -> float:
    """Return the seconds for 60 dB, from a line through Schroeder's integral between two levels."""
    energy = np.cumsum(np.square(response, dtype=np.float64)[::-1])[::-1]
    energy = energy[energy > 0]
    if energy.size == 0:
        return float("nan")
    decay = 10 * np.log10(energy / energy[0])
    inside = np.flatnonzero((decay <= above) & (decay >= below))
    if inside.size < 2 or decay[-1] > below:
        return float("nan")
    time = inside / sample_rate - np.mean(inside) / sample_rate
    slope = np.sum(time * decay[inside]) / np.sum(time**2)
    return float(-60 / slope)
