"""Spectral distortion: how much a codec changes the short-time spectrum of speech."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from attacks.contract.base import Wave
from attacks.contract.sample_checks import HOP_S, Speech, speech_of
from benchmark.audio.memo import remembered

Floats = npt.NDArray[np.floating]
Band = tuple[float, float]

DISTORTION = "spectral distortion"
MOST_FRAMES = 64
LEAST_FRAMES = 20
WINDOW = 512  # samples at 16 kHz: separates the harmonics of most voices
BINS = slice(4, 110)  # 125 Hz to 3.4 kHz, which every codec passes
_HANN = np.hanning(WINDOW).astype(np.float32)
FLOOR_DB = 30.0  # below the strongest bin of its frame: weaker bins count as that weak


def distortion(before: Wave, after: Wave, sample_rate: int) -> float | None:
    """Return the mean difference in dB of the short-time spectra of active frames.

    Up to 64 frames of 32 ms are compared, bin by bin from 125 Hz to 3.4 kHz, where the bin of
    `before` is at most 30 dB below its frame's strongest. None where `before` is not like speech,
    and where the lengths differ.
    """
    if before.size != after.size:
        return None
    speech = speech_of(before, sample_rate)
    starts = remembered(
        before, ("distortion frames", sample_rate), lambda: _starts(speech, before, sample_rate)
    )
    if not speech.clear or starts.size < LEAST_FRAMES:
        return None
    old = remembered(before, ("distortion spectra", sample_rate), lambda: _levels(before, starts))
    floor = old.max(axis=1, keepdims=True) - FLOOR_DB
    counted = old > floor
    difference = np.abs(old - np.maximum(_levels(after, starts), floor))
    return float(difference[counted].mean())


def interpolated(bands: Mapping[float, Band], kbps: float) -> Band:
    """Return the band at `kbps`, linear over the logarithm of the rate between those given."""
    rates = sorted(bands)
    at = np.log([*rates])
    least, most = (
        float(np.interp(np.log(kbps), at, [bands[rate][side] for rate in rates])) for side in (0, 1)
    )
    return least, most


def _starts(speech: Speech, wave: Wave, sample_rate: int) -> npt.NDArray[np.int64]:
    """Return the first samples of the frames to compare."""
    starts = np.flatnonzero(speech.active) * round(HOP_S * sample_rate)
    starts = starts[starts + WINDOW <= wave.size]
    if starts.size <= MOST_FRAMES:
        return starts
    return starts[np.linspace(0, starts.size - 1, MOST_FRAMES).astype(np.int64)]


def _levels(wave: Wave, starts: npt.NDArray[np.int64]) -> Floats:
    """Return the level of each bin in dB, (frames, bins)."""
    frames = sliding_window_view(wave, WINDOW)[starts] * _HANN
    bins = rfft(frames)[:, BINS]
    return np.asarray(10 * np.log10(np.maximum(bins.real**2 + bins.imag**2, 1e-20)))
