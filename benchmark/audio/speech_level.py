"""Active speech level after ITU-T P.56, the reference level of every SNR in this project."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from benchmark.audio.memo import remembered

MARGIN_DB = 15.9
TIME_CONSTANT_S = 0.03
HANGOVER_S = 0.2
STEPS = 24  # thresholds reach 144 dB below the envelope's peak
ENVELOPE_RATE = 2000  # Hz; P.56 requires at least 600


def rms(wave: npt.NDArray[np.floating]) -> float:
    """Return the root mean square of the whole wave (full scale = 1); 0.0 for an empty wave."""
    if wave.size == 0:
        return 0.0
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def active_level(wave: npt.NDArray[np.floating], sample_rate: int) -> float:
    """Return the active speech level (linear RMS, full scale = 1), ITU-T P.56 method B.

    The level is the RMS over the time in which speech is active. The two-pole envelope (30 ms),
    held over 200 ms, is compared with thresholds 6.02 dB apart, from the lowest upwards. The level
    is read where it is first 15.9 dB or less above the threshold. The thresholds are relative to
    the envelope's own peak, so scaling the wave scales the level. The active time is at least the
    hangover or the wave's length, whichever is shorter. A click or a very short wave thus gets its
    plain RMS over that time. Returns 0.0 for silence or an empty wave: an SNR then has no reference
    level.

    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(64000) / 16000)
    >>> round(20 * float(np.log10(active_level(tone, 16000))), 1)  # 0.5 / sqrt(2)
    -9.0
    """
    return remembered(wave, ("active level", sample_rate), lambda: _active_level(wave, sample_rate))


def _active_level(wave: npt.NDArray[np.floating], sample_rate: int) -> float:
    samples = np.asarray(wave, dtype=np.float64)
    # not BLAS: with it the last bit and the run time depend on the number of threads
    energy = float(np.einsum("i,i->", samples, samples))
    if samples.size == 0 or energy <= 0.0:
        return 0.0
    pole = np.exp(-1.0 / (sample_rate * TIME_CONSTANT_S))
    # one filter for both one-pole stages
    envelope = lfilter([(1 - pole) ** 2], [1, -2 * pole, pole**2], np.abs(samples))
    stride = max(1, sample_rate // ENVELOPE_RATE)
    envelope = envelope[stride - 1 :: stride] if envelope.size >= stride else envelope[-1:]
    peak = float(envelope.max())
    if peak <= 0.0:
        return 0.0
    hang = round(sample_rate * HANGOVER_S)
    least = min(samples.size, hang)
    # The active time is at most the whole wave, so thresholds below this one cannot be the answer.
    reach = 10 * np.log10(energy / samples.size) - MARGIN_DB - 20 * np.log10(peak)
    first = min(STEPS, int(np.floor(-reach / (20 * np.log10(2)))) + 2)
    above: tuple[float, float] | None = None
    for step in range(max(first, 0), -1, -1):
        threshold = peak * 2.0**-step
        active = max(_active(envelope, threshold, hang // stride + 1) * stride, least)
        level = 10 * np.log10(energy / min(active, samples.size))
        margin = level - 20 * np.log10(threshold)
        if margin <= MARGIN_DB:
            if above is not None:
                share = (above[1] - MARGIN_DB) / (above[1] - margin)
                level = above[0] + share * (level - above[0])
            break
        above = level, margin
    return float(10 ** (level / 20))


def _active(envelope: npt.NDArray[np.float64], threshold: float, hang: int) -> int:
    """Count envelope samples at or above the threshold, or under `hang` samples after one."""
    hits = np.flatnonzero(envelope >= threshold)
    gaps = np.diff(hits, append=envelope.size)
    return int(np.minimum(gaps, hang).sum())
