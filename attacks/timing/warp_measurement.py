"""Measurements of pitch, tempo and delay, by which attacks that warp them are verified."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve

from attacks.contract.base import Wave

Floats = npt.NDArray[np.float64]

LEAST_S = 0.25  # in a shorter wave neither pitch nor rhythm can be measured reliably
SILENT_RMS = 1e-5
PER_OCTAVE = 96  # points of the log-frequency axis
LOW_HZ, HIGH_HZ = 80.0, 7000.0
REACH = 1.2  # octaves: range of the search for pitch, either way
FRAME_S = 0.064  # long enough to separate the harmonics of a low voice
MOST_FRAMES = 64
SEMITONE = PER_OCTAVE // 12
CONTRAST = 0.15  # of spectra over log-frequency; a click has none
LIKE = 0.8  # a correlation with its shifted copy above this makes a peak ambiguous
ENVELOPE_HZ = 100
TEMPO_REACH = 0.1  # range of the search around the claimed tempo
DELAY_HZ = 1000
DELAY_WINDOW_S = 0.02
DELAY_REACH_S = 0.1
DELAY_SWING = 0.2  # standard deviation of the envelope over its mean


def semitones(before: Wave, after: Wave, sample_rate: int) -> float | None:
    """Return by how many semitones `after` is higher than `before`.

    Short-time spectra are compared at equal shares of the two lengths. The result is the peak of
    their correlation over log-frequency, over all frames: faster playback or a shift of the whole
    spectrum moves harmonics and formants alike. None in silence, in less than a quarter of a
    second, where the spectrum has no contrast (a click), and where `before` resembles itself
    shifted by a semitone or more.
    """
    if min(before.size, after.size) < LEAST_S * sample_rate or not _has_sound(before):
        return None
    old, new = (_log_spectra(wave, sample_rate, before.size) for wave in (before, after))
    self_similar = _shift_correlation(old, old)
    middle = self_similar.size // 2
    flat = float(np.sqrt(np.mean(np.square(old)))) < CONTRAST
    if flat or self_similar[middle + SEMITONE :].max() > LIKE:
        return None
    return 12 * (_peak(_shift_correlation(old, new)) - middle) / PER_OCTAVE


def tempo(
    before: Wave, after: Wave, sample_rate: int, claimed: float, tolerance: float
) -> float | None:
    """Return the factor by which the rhythm of `after` is slower than that of `before`.

    It is the factor, within 10 % of `claimed`, that best maps the envelope of one onto that of the
    other. None in silence, in less than a quarter of a second, and where the envelope of `before`
    does not resolve a change by `tolerance` (a share).
    """
    if min(before.size, after.size) < LEAST_S * sample_rate or not _has_sound(before):
        return None
    old, new = _envelope(before, sample_rate), _envelope(after, sample_rate)
    steps = int(np.ceil(np.log1p(TEMPO_REACH) * before.size / sample_rate * ENVELOPE_HZ))
    trials = np.exp(np.linspace(-1, 1, 2 * max(steps, 20) + 1) * np.log1p(TEMPO_REACH))
    alike = np.array([_match(old, old, trial) for trial in trials])
    if alike[np.abs(np.log(trials)) > np.log1p(tolerance)].max() > LIKE:
        return None
    return claimed * float(trials[np.argmax([_match(old, new, claimed * t) for t in trials])])


def delay_ms(before: Wave, after: Wave, sample_rate: int) -> float | None:
    """Return the ms by which the envelope of `after` trails that of `before`, up to 100 either way.

    For attacks that keep the rhythm but make new waveforms. None in silence, in less than half a
    second, and where the envelope of `before` hardly moves.
    """
    if min(before.size, after.size) < 5 * DELAY_REACH_S * sample_rate or not _has_sound(before):
        return None
    step = max(sample_rate // DELAY_HZ, 1)
    window = np.hanning(round(DELAY_WINDOW_S * sample_rate))
    size = min(before.size, after.size)
    old, new = (
        np.sqrt(np.maximum(oaconvolve(np.square(wave[:size], dtype=np.float64), window), 0.0))
        for wave in (before, after)
    )
    old, new = old[::step], new[::step]
    if np.std(old) < DELAY_SWING * np.mean(old):
        return None
    reach = round(DELAY_REACH_S * sample_rate / step)
    inner = old[reach:-reach] - np.mean(old[reach:-reach])
    found = np.array(
        [_cosine(inner, new[place : place + inner.size]) for place in range(2 * reach + 1)]
    )
    return 1000 * (_peak(found) - reach) * step / sample_rate


def _has_sound(wave: Wave) -> bool:
    """Return False for silence, with or without an offset."""
    return float(np.std(wave, dtype=np.float64)) > SILENT_RMS


def _log_spectra(wave: Wave, sample_rate: int, reference: int) -> Floats:
    """Return whitened magnitudes over log-frequency (frames, points), at equal shares of the wave.

    The frame length is an equal share of the wave too: it grows with the wave's length over
    `reference` samples.
    """
    length = round(FRAME_S * sample_rate * wave.size / reference)
    count = int(np.clip(2 * reference / (FRAME_S * sample_rate) - 1, 1, MOST_FRAMES))
    starts = np.linspace(0, wave.size - length, count).astype(int)
    frames = wave[starts[:, None] + np.arange(length)].astype(np.float64)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(length)
    size = 1 << (length * 4 - 1).bit_length()
    bins = np.abs(np.fft.rfft(frames, size)) ** 0.5
    points = np.arange(int(np.log2(HIGH_HZ / LOW_HZ) * PER_OCTAVE)) / PER_OCTAVE
    places = LOW_HZ * 2**points * size / sample_rate
    found = np.array([np.interp(places, np.arange(row.size), row) for row in bins])
    found /= max(float(found.mean()), 1e-12)
    smooth = np.ones(PER_OCTAVE // 2)
    covered = np.convolve(np.ones(points.size), smooth, mode="same")
    return np.array([row - np.convolve(row, smooth, mode="same") / covered for row in found])


def _shift_correlation(old: Floats, new: Floats) -> Floats:
    """Return the correlation of `new` with `old` moved by each shift up to REACH, either way."""
    reach, size = int(REACH * PER_OCTAVE), old.shape[1]
    values = []
    for shift in range(-reach, reach + 1):
        x = old[:, max(0, -shift) : size - max(0, shift)]
        y = new[:, max(0, shift) : size + min(0, shift)]
        values.append(_cosine(x, y))
    return np.array(values)


def _cosine(x: Floats, y: Floats) -> float:
    """Return the inner product over the norms, without BLAS; 0 where one of them is zero."""
    xx, yy, xy = (
        float(np.einsum("i,i->", a.ravel(), b.ravel())) for a, b in ((x, x), (y, y), (x, y))
    )
    return xy / (xx * yy) ** 0.5 if xx > 0.0 and yy > 0.0 else 0.0


def _peak(values: Floats) -> float:
    """Return the place of the maximum, interpolated between the points by a parabola."""
    top = int(np.argmax(values))
    if not 0 < top < values.size - 1:
        return float(top)
    left, mid, right = values[top - 1 : top + 2]
    return top + 0.5 * float((left - right) / min(left - 2 * mid + right, -1e-12))


def _envelope(wave: Wave, sample_rate: int) -> Floats:
    """Return the compressed level in frames of 20 ms, 100 per second."""
    hop = sample_rate // ENVELOPE_HZ
    energy = np.add.reduceat(np.square(wave, dtype=np.float64), np.arange(0, wave.size, hop))
    return np.asarray((energy[:-1] + energy[1:]) ** 0.25)


def _match(old: Floats, new: Floats, factor: float) -> float:
    """Return the correlation of `new` with `old` stretched by `factor`, where both exist."""
    size = min(new.size, int(old.size * factor))
    expected = np.interp(np.arange(size) / factor, np.arange(old.size), old)
    x, y = expected - expected.mean(), new[:size] - new[:size].mean()
    return _cosine(x, y)
