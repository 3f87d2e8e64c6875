"""Gaussian mixture models of bona fide and spoofed frames, scored by log-likelihood ratio.

The first baseline of the ASVspoof challenges: Sahidullah, Kinnunen, Hanilci, "A Comparison of
Features for Synthetic Speech Detection", Interspeech 2015.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import logsumexp

from benchmark import frontends
from detectors.contract.base import Arrays, Lfcc, Mfcc, Wave, WaveDetector, WholeWaveform, detector

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

COMPONENTS = 64
FRAMES = 40_000  # drawn per class; enough to fit this many components
ITERATIONS = 30  # of expectation-maximisation
MODELS = ("bonafide", "spoof")
CLIP = 10.0  # standard deviations, so that outlying frames do not dominate a score
WHOLE = WholeWaveform(shortest=1600)

Floats = npt.NDArray[np.float64]


class Gmm(WaveDetector):
    """Two diagonal-covariance mixtures on standardised frames, one for each class.

    The score is the mean log-likelihood ratio per frame, in nats; higher = more bona fide.
    """

    citation = "sahidullah2015comparison"
    features: ClassVar[Lfcc | Mfcc]

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Fit both mixtures on frames drawn with `seed`; equal inputs give equal states."""
        rng = np.random.default_rng(seed)
        frames = [self._frames(wave) for wave in waves]
        per_class = [
            _draw([f for f, label in zip(frames, bonafide, strict=True) if label == wanted], rng)
            for wanted in (True, False)
        ]
        pooled = np.concatenate(per_class)
        mean, spread = pooled.mean(axis=0), pooled.std(axis=0)
        spread = np.where(spread > 1e-6, spread, 1.0)
        state: dict[str, npt.ArrayLike] = {"mean": mean, "spread": spread}
        for name, part in zip(MODELS, per_class, strict=True):
            model = _mixture(_standardise(part, mean, spread), int(rng.integers(2**31)))
            state[f"{name}.weights"] = model.weights_
            state[f"{name}.means"] = model.means_
            state[f"{name}.variances"] = model.covariances_
        return {name: np.asarray(value, dtype=np.float32) for name, value in state.items()}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return the mean log-likelihood ratio per frame (len(waves),), in nats."""
        mean, spread = (state[name].astype(np.float64) for name in ("mean", "spread"))
        scores = []
        for wave in waves:
            frames = _standardise(self._frames(wave), mean, spread)
            bonafide, spoof = (_log_likelihood(frames, state, name).mean() for name in MODELS)
            scores.append(bonafide - spoof)
        return np.array(scores, dtype=np.float32)

    def _frames(self, wave: Wave) -> Floats:
        """Return the features of the whole wave, (frames, dimensions)."""
        features = frontends.batch(self.features, [wave], torch.device("cpu"))[0, 0]
        return features.numpy().T.astype(np.float64)


@detector("lfcc-gmm")
class LfccGmm(Gmm):
    """GMM on linear-frequency cepstral coefficients with deltas and delta-deltas."""

    summary = f"two Gaussian mixtures ({COMPONENTS} components each) on LFCC: log-likelihood ratio"
    features = Lfcc(WHOLE)


@detector("mfcc-gmm")
class MfccGmm(Gmm):
    """GMM on mel-frequency cepstral coefficients with deltas and delta-deltas."""

    summary = f"two Gaussian mixtures ({COMPONENTS} components each) on MFCC: log-likelihood ratio"
    features = Mfcc(WHOLE)


def _draw(frames: list[Floats], rng: np.random.Generator) -> Floats:
    """Return at most `FRAMES` frames, drawn without replacement and kept in order."""
    pooled = np.concatenate(frames)
    if len(pooled) <= FRAMES:
        return pooled
    return pooled[np.sort(rng.choice(len(pooled), FRAMES, replace=False))]


def _standardise(frames: Floats, mean: Floats, spread: Floats) -> Floats:
    return np.clip((frames - mean) / spread, -CLIP, CLIP)


def _mixture(frames: Floats, seed: int) -> GaussianMixture:
    from sklearn.exceptions import ConvergenceWarning  # slow to import, not used in scoring
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        min(COMPONENTS, len(frames) // 4),
        covariance_type="diag",
        reg_covar=1e-3,
        max_iter=ITERATIONS,
        init_params="k-means++",
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of iterations is fixed
        return model.fit(frames)


def _log_likelihood(frames: Floats, state: Arrays, name: str) -> Floats:
    """Return the log density of each frame (n,) under one mixture, in nats."""
    weights, means, variances = (
        state[f"{name}.{part}"].astype(np.float64) for part in ("weights", "means", "variances")
    )
    constant = np.log(weights) - 0.5 * (np.log(2 * np.pi * variances) + means**2 / variances).sum(
        axis=1
    )
    inner = frames @ (means / variances).T - 0.5 * (frames**2) @ (1 / variances).T
    return np.asarray(logsumexp(constant + inner, axis=1), dtype=np.float64)
