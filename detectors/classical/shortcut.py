"""The shortcut classifier: logistic regression on properties of the recording, not of the voice.

Its features are level, silence, noise floor, digital zeros, DC, clipping and coarse band energies.
If a real detector does not beat it, leaks in the data set explain that detector's result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from benchmark.audio.speech_level import active_level, rms
from detectors.contract.base import Arrays, Wave, WaveDetector, detector

SAMPLE_RATE = 16000
WINDOW, HOP = 400, 160  # frames of 25 ms every 10 ms
SPECTRUM = 1024
SILENT_DB = 40.0  # a frame more than this below the loudest one counts as silence
FLOOR_PERCENTILE = 5
FULL_SCALE = 32767 / 32768 - 1e-6
TINY = 1e-10
BANDS_HZ = ((0, 80), (80, 400), (400, 2000), (2000, 5000), (5000, 7000), (7000, 8000))
FEATURES = (
    "active_level_db",
    "rms_db",
    "crest_db",
    "silence_share",
    "noise_floor_db",
    "zero_share",
    "dc_db",
    "clipped_share",
    *(f"band_{low}_{high}_db" for low, high in BANDS_HZ),
)


def features(wave: Wave) -> npt.NDArray[np.float32]:
    """Return the 14 features of `wave`, float32 (T,) at 16 kHz, T >= 1, in the order of `FEATURES`.

    1  active speech level (ITU-T P.56), dB re full scale
    2  RMS of the whole wave, dB re full scale
    3  peak over RMS, dB
    4  share of 25 ms frames more than 40 dB below the loudest one
    5  noise floor: 5th percentile of the frame levels, dB re full scale
    6  share of samples that are exactly zero
    7  mean over RMS, dB (floor -100)
    8  share of samples at 16-bit full scale
    9-14  energy of each band in `BANDS_HZ` over the total energy, dB (floor -100)
    """
    samples = wave.astype(np.float64)
    whole = rms(samples) + TINY
    frames = _decibel(np.sqrt((_frames(samples, WINDOW, HOP) ** 2).mean(axis=1)))
    values = [
        _decibel(active_level(samples, SAMPLE_RATE)),
        _decibel(whole),
        _decibel(float(np.abs(samples).max()) / whole),
        np.mean(frames < frames.max() - SILENT_DB),
        np.percentile(frames, FLOOR_PERCENTILE),
        np.mean(wave == 0),
        _decibel(abs(float(samples.mean())) / whole, floor=1e-5),
        np.mean(np.abs(samples) >= FULL_SCALE),
        *_bands(samples),
    ]
    return np.array(values, dtype=np.float32)


def _bands(samples: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    window = np.hanning(SPECTRUM)
    framed = _frames(samples, SPECTRUM, SPECTRUM // 2) * window
    power = (np.abs(np.fft.rfft(framed, axis=1)) ** 2).mean(axis=0)
    hertz = np.fft.rfftfreq(SPECTRUM, 1 / SAMPLE_RATE)
    total = float(power.sum()) + TINY
    shares = [power[(hertz >= low) & (hertz < high)].sum() / total for low, high in BANDS_HZ]
    return [_decibel(np.sqrt(share), floor=1e-5) for share in shares]


def _frames(samples: npt.NDArray[np.float64], size: int, hop: int) -> npt.NDArray[np.float64]:
    """Return frames (n, size), n >= 1, every `hop` samples; a shorter wave is zero-padded."""
    padded = np.pad(samples, (0, max(0, size - samples.size)))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]


def _decibel(value: npt.ArrayLike, floor: float = 1e-8) -> npt.NDArray[np.float64]:
    return np.asarray(20 * np.log10(np.maximum(value, floor)), dtype=np.float64)


@detector("shortcut")
class Shortcut(WaveDetector):
    """Logistic regression on the standardised features and their squares.

    The score is the log-odds of bona fide.
    """

    summary = "logistic regression on 14 recording features (level, silence, bands): finds leaks"
    citation = ""

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Train on waves of both classes; deterministic, so `seed` has no effect."""
        return fit_features(np.stack([features(wave) for wave in waves]), bonafide)

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return the log-odds of bona fide, float32 (len(waves),)."""
        if not len(waves):
            return np.zeros(0, dtype=np.float32)
        return score_features(np.stack([features(wave) for wave in waves]), state)


def fit_features(x: npt.NDArray[np.float32], bonafide: npt.NDArray[np.bool_]) -> Arrays:
    """Train on features (n, 14) and labels (n,); see `Shortcut.fit`."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1.0)  # a constant feature: do not divide by 0
    model = LogisticRegression(class_weight="balanced", max_iter=2000)
    model.fit(_expand(x, mean, spread), bonafide.astype(int))
    state = {"mean": mean, "spread": spread, "weight": model.coef_[0], "bias": model.intercept_}
    return {name: np.asarray(value, dtype=np.float32) for name, value in state.items()}


def score_features(x: npt.NDArray[np.float32], state: Arrays) -> npt.NDArray[np.float32]:
    """Return the log-odds of bona fide from features (n, 14), float32 (n,)."""
    expanded = _expand(x, state["mean"], state["spread"])
    weight = state["weight"].astype(np.float64)
    return ((expanded * weight).sum(axis=1) + state["bias"].astype(np.float64)).astype(np.float32)


def _expand(
    x: npt.NDArray[np.float32], mean: npt.NDArray[np.floating], spread: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Return the features, standardised and clipped to +-10, and their squares: (n, 28)."""
    z = np.clip((x.astype(np.float64) - mean) / spread, -10.0, 10.0)
    return np.concatenate([z, z**2], axis=1)
