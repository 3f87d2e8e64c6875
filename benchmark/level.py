"""Active speech level after ITU-T P.56, the reference of every SNR in this project."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

MARGIN_DB = 15.9
TIME_CONSTANT_S = 0.03
HANGOVER_S = 0.2
STEPS = 24  # thresholds reach 144 dB below the envelope's peak


def rms(wave: npt.NDArray[np.floating]) -> float:
    """Root mean square of the whole wave, in full-scale units."""
    if wave.size == 0:
        return 0.0
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def active_level(wave: npt.NDArray[np.floating], sample_rate: int) -> float:
    """Active speech level (linear RMS, full scale = 1), ITU-T P.56 method B.

    The RMS over the time in which the speech is active: the two-pole envelope (30 ms),
    held over 200 ms, is compared with thresholds 6.02 dB apart, and the level is read where it
    lies 15.9 dB above the threshold. Returns 0.0 for silence or an empty wave: there is then no
    level to refer an SNR to.

    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> round(20 * np.log10(active_level(tone, 16000)), 1)  # 0.5 / sqrt(2)
    -9.0
    """
    samples = np.asarray(wave, dtype=np.float64)
    energy = float(np.sum(samples**2))
    if samples.size == 0 or energy <= 0.0:
        return 0.0
    pole = np.exp(-1.0 / (sample_rate * TIME_CONSTANT_S))
    envelope = lfilter([1 - pole], [1, -pole], np.abs(samples))
    envelope = lfilter([1 - pole], [1, -pole], envelope)
    peak = float(envelope.max())
    if peak <= 0.0:
        return 0.0
    hang = max(1, round(sample_rate * HANGOVER_S))

    def at(step: int) -> tuple[float, float]:
        """Level and margin (dB) for the threshold `step` octaves below the envelope's peak."""
        threshold = peak * 2.0**-step
        level = 10 * np.log10(energy / _active(envelope, threshold, hang))
        return level, level - 20 * np.log10(threshold)

    low, high = 0, STEPS  # the margin grows with the step: bisect for where it passes MARGIN_DB
    if at(high)[1] <= MARGIN_DB:
        return float(10 ** (at(high)[0] / 20))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at(middle)[1] <= MARGIN_DB else (low, middle)
    (level_low, margin_low), (level_high, margin_high) = at(low), at(high)
    share = (MARGIN_DB - margin_low) / (margin_high - margin_low)
    return float(10 ** ((level_low + share * (level_high - level_low)) / 20))


def _active(envelope: npt.NDArray[np.float64], threshold: float, hang: int) -> int:
    """Samples in which the envelope is above the threshold or was within the hangover."""
    hits = np.flatnonzero(envelope >= threshold)
    gaps = np.diff(hits, append=envelope.size)
    return int(np.minimum(gaps, hang).sum())
