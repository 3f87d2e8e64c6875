"""The shortcut classifier: logistic regression on properties of the recording, not of the voice.

Its features are level, silence, noise floor, digital zeros, DC, clipping, band energies and the
mean spectrum. If a real detector does not beat it, leaks in the data set explain that detector's
result.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmark.audio.speech_level import active_level, rms
from detectors.contract.base import Arrays, Wave, WaveDetector, detector

SAMPLE_RATE = 16000
WINDOW, HOP = 400, 160  # frames of 25 ms every 10 ms
SPECTRUM = 1024
SILENT_DB = 40.0  # a frame more than this below the loudest one counts as silence
FLOOR_PERCENTILE = 5
FULL_SCALE = 32767 / 32768 - 1e-6
TINY = 1e-10
# Inverse strength of the regularisation. With scikit-learn's 1.0, 100 weights fit some 850 trials
# so closely that leaks of systems which training lacks are missed: 0.63 in place of 0.71, within
# speakers, on copies by HiFi-GAN LJ.
STRENGTH = 0.03
BANDS_HZ = ((0, 80), (80, 400), (400, 2000), (2000, 5000), (5000, 7000), (7000, 8000))
MEAN_BANDS = 32  # of the mean spectrum, of equal width in mel, up to half the sample rate
PERCENTILES = (1, 10, 25, 50)  # of the frame levels, relative to the active level
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
    *(f"frames_p{share}_db" for share in PERCENTILES),
    *(f"mean_{band}_db" for band in range(MEAN_BANDS)),
)


def features(wave: Wave) -> npt.NDArray[np.float32]:
    """Return the 50 features of `wave`, float32 (T,) at 16 kHz, T >= 1, in the order of `FEATURES`.

    1  active speech level (ITU-T P.56), dB re full scale
    2  RMS of the whole wave, dB re full scale
    3  peak over RMS, dB
    4  share of 25 ms frames more than 40 dB below the loudest one
    5  noise floor: 5th percentile of the frame levels, dB re full scale
    6  share of samples that are exactly zero
    7  mean over RMS, dB (floor -100)
    8  share of samples at 16-bit full scale
    9-14  energy of each band in `BANDS_HZ` over the total energy, dB (floor -100)
    15-18 percentiles of the frame levels over the active speech level, dB
    19-50 energy of each of 32 mel bands over the total energy, dB (floor -100)

    Classifiers of version 1 know the first 14.
    """
    samples = wave.astype(np.float64)
    whole = rms(samples) + TINY
    frames = _decibel(np.sqrt((_frames(samples, WINDOW, HOP) ** 2).mean(axis=1)))
    level = float(_decibel(active_level(samples, SAMPLE_RATE)))
    power, hertz = _spectrum(samples)
    values = [
        level,
        _decibel(whole),
        _decibel(float(np.abs(samples).max()) / whole),
        np.mean(frames < frames.max() - SILENT_DB),
        np.percentile(frames, FLOOR_PERCENTILE),
        np.mean(wave == 0),
        _decibel(abs(float(samples.mean())) / whole, floor=1e-5),
        np.mean(np.abs(samples) >= FULL_SCALE),
        *(_share_db(power, (hertz >= low) & (hertz < high)) for low, high in BANDS_HZ),
        *(np.percentile(frames, PERCENTILES) - level),
        *_mel_shares(power, hertz, MEAN_BANDS, SAMPLE_RATE / 2),
    ]
    return np.array(values, dtype=np.float32)


def mean_spectrum(
    wave: npt.NDArray[np.floating], bands: int, highest_hz: float
) -> npt.NDArray[np.float64]:
    """Return the energy of each mel band up to `highest_hz` over the total energy, dB (bands,)."""
    return np.array(_mel_shares(*_spectrum(wave.astype(np.float64)), bands, highest_hz))


def mel_edges(bands: int, highest_hz: float) -> npt.NDArray[np.float64]:
    """Return the edges in Hz of `bands` bands of equal width in mel from 0 on, (bands + 1,)."""
    mel = np.linspace(0.0, 2595 * np.log10(1 + highest_hz / 700), bands + 1)
    return np.asarray(700 * (10 ** (mel / 2595) - 1))


def _mel_shares(
    power: npt.NDArray[np.float64],
    hertz: npt.NDArray[np.float64],
    bands: int,
    highest_hz: float,
) -> list[npt.NDArray[np.float64]]:
    edges = mel_edges(bands, highest_hz)
    return [
        _share_db(power, (hertz >= low) & (hertz < high)) for low, high in itertools.pairwise(edges)
    ]


def _spectrum(
    samples: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the mean power spectrum of `samples`, and its frequencies in Hz."""
    framed = _frames(samples, SPECTRUM, SPECTRUM // 2) * np.hanning(SPECTRUM)
    power = (np.abs(np.fft.rfft(framed, axis=1)) ** 2).mean(axis=0)
    return power, np.asarray(np.fft.rfftfreq(SPECTRUM, 1 / SAMPLE_RATE), dtype=np.float64)


def _share_db(
    power: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    share = power[inside].sum() / (float(power.sum()) + TINY)
    return _decibel(np.sqrt(share), floor=1e-5)


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

    version = 2
    summary = "logistic regression on 50 recording features (level, silence, spectrum): finds leaks"
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
    """Train on features (n, k) and labels (n,); see `Shortcut.fit`."""
    from sklearn.linear_model import LogisticRegression  # slow to import, not used in scoring

    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1.0)  # a constant feature: do not divide by 0
    model = LogisticRegression(class_weight="balanced", max_iter=2000, C=STRENGTH)
    model.fit(_expand(x, mean, spread), bonafide.astype(int))
    state = {"mean": mean, "spread": spread, "weight": model.coef_[0], "bias": model.intercept_}
    return {name: np.asarray(value, dtype=np.float32) for name, value in state.items()}


def score_features(x: npt.NDArray[np.float32], state: Arrays) -> npt.NDArray[np.float32]:
    """Return the log-odds of bona fide from features (n, 50), float32 (n,).

    A classifier that was trained on fewer features scores the first of them.
    """
    expanded = _expand(x[:, : state["mean"].size], state["mean"], state["spread"])
    weight = state["weight"].astype(np.float64)
    return ((expanded * weight).sum(axis=1) + state["bias"].astype(np.float64)).astype(np.float32)


def _expand(
    x: npt.NDArray[np.float32], mean: npt.NDArray[np.floating], spread: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Return the features, standardised and clipped to +-10, and their squares: (n, 2 k)."""
    z = np.clip((x.astype(np.float64) - mean) / spread, -10.0, 10.0)
    return np.concatenate([z, z**2], axis=1)
