"""Convolution with an impulse response at a restored level, and the check of its result."""

from __future__ import annotations

import numpy as np
from scipy.signal import oaconvolve

from attacks.contract.base import Check, SampleLimits, Wave
from benchmark.audio.memo import remembered
from benchmark.audio.speech_level import active_level

# a tail fills pauses and trails the speech; the probes say that nothing else happened
LIMITS = SampleLimits(lag=None, level=(-6.0, 8.0), envelope=None)
PROBES = 64  # output samples that are computed again, one by one
PROBE_DB = -60.0


def convolved(wave: Wave, response: Wave, sample_rate: int) -> tuple[Wave, float]:
    """Return `wave` (T,) through `response` (L,), cut to T, and the gain that restored its level.

    The response begins with the direct path. The level is the active speech level of ITU-T P.56.
    """
    wet = oaconvolve(wave, response)[: wave.size].astype(np.float32, copy=False)
    level, wet_level = active_level(wave, sample_rate), active_level(wet, sample_rate)
    gain = np.float32(level / wet_level if level > 0.0 and wet_level > 0.0 else 1.0)
    return wet * gain, float(gain)


def check(before: Wave, after: Wave, response: Wave, gain: float) -> Check:
    """Check at 64 samples that `after` is the convolution; not measurable on silence."""
    error = _error(before, after, response, gain)
    return Check.at_most("convolution error", "dB", PROBE_DB, error)


def _error(before: Wave, after: Wave, response: Wave, gain: float) -> float | None:
    """Return the error (dB) of `after` at some samples against the explicit convolution sum.

    None for a silent wave; -200 at the least.
    """
    at = np.unique(np.linspace(0, before.size - 1, PROBES).astype(np.int64))
    want = np.empty(at.size)
    backwards = remembered(response, ("backwards",), lambda: np.ascontiguousarray(response[::-1]))
    for row, t in enumerate(at):
        start = max(0, t - response.size + 1)
        late = backwards[response.size - (t + 1 - start) :]
        want[row] = np.einsum("i,i->", before[start : t + 1], late)
    energy = float(np.mean(np.square(before, dtype=np.float64)))
    if energy == 0.0 or after.size != before.size:
        return None
    error = float(np.mean((after[at] / gain - want) ** 2))
    return 10 * float(np.log10(max(error / energy, 1e-20)))
