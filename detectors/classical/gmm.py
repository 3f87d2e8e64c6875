"""Two Gaussian mixtures, of bona fide and of spoofed frames: the log-likelihood ratio.

The first baseline of the ASVspoof challenges: Sahidullah, Kinnunen, Hanilci, "A Comparison of
Features for Synthetic Speech Detection", Interspeech 2015.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from benchmark import frontends
from detectors.contract.base import Arrays, Lfcc, Mfcc, Wave, WaveDetector, WholeWaveform, detector

COMPONENTS = 64
FRAMES = 40_000  # per class, drawn from all: enough for this many components
ROUNDS = 30
MODELS = ("bonafide", "spoof")
FURTHEST = 10.0  # standard deviations: no frame counts as further off than this
WHOLE = WholeWaveform(shortest=1600)

Floats = npt.NDArray[np.float64]


class Gmm(WaveDetector):
    """Diagonal mixtures on standardised frames; the score is the mean ratio per frame, in nats."""

    citation = "sahidullah2015comparison"
    features: ClassVar[Lfcc | Mfcc]

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Fit both mixtures on frames drawn with `seed`; deterministic."""
        rng = np.random.default_rng(seed)
        frames = [self._frames(wave) for wave in waves]
        of = [
            _draw([f for f, own in zip(frames, bonafide, strict=True) if own == label], rng)
            for label in (True, False)
        ]
        pooled = np.concatenate(of)
        mean, spread = pooled.mean(axis=0), pooled.std(axis=0)
        spread = np.where(spread > 1e-6, spread, 1.0)
        state: dict[str, npt.ArrayLike] = {"mean": mean, "spread": spread}
        for name, part in zip(MODELS, of, strict=True):
            model = _mixture(_standard(part, mean, spread), int(rng.integers(2**31)))
            state[f"{name}.weights"] = model.weights_
            state[f"{name}.means"] = model.means_
            state[f"{name}.variances"] = model.covariances_
        return {name: np.asarray(value, dtype=np.float32) for name, value in state.items()}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Mean log-likelihood ratio per frame (len(waves),), in nats."""
        mean, spread = (state[name].astype(np.float64) for name in ("mean", "spread"))
        scores = []
        for wave in waves:
            frames = _standard(self._frames(wave), mean, spread)
            human, machine = (_log_likelihood(frames, state, name).mean() for name in MODELS)
            scores.append(human - machine)
        return np.array(scores, dtype=np.float32)

    def _frames(self, wave: Wave) -> Floats:
        """Features of the whole wave, (frames, dimensions)."""
        made = frontends.batch(self.features, [wave], torch.device("cpu"))[0, 0]
        return made.numpy().T.astype(np.float64)


@detector("lfcc-gmm")
class LfccGmm(Gmm):
    """On linear-frequency cepstral coefficients, with the changes of the changes."""

    summary = f"two Gaussian mixtures ({COMPONENTS} components each) on LFCC: log-likelihood ratio"
    features = Lfcc(WHOLE)


@detector("mfcc-gmm")
class MfccGmm(Gmm):
    """On mel-frequency cepstral coefficients, with the changes of the changes."""

    summary = f"two Gaussian mixtures ({COMPONENTS} components each) on MFCC: log-likelihood ratio"
    features = Mfcc(WHOLE)


def _draw(frames: list[Floats], rng: np.random.Generator) -> Floats:
    """At most `FRAMES` of all frames, without repetition, in their order."""
    pooled = np.concatenate(frames)
    if len(pooled) <= FRAMES:
        return pooled
    return pooled[np.sort(rng.choice(len(pooled), FRAMES, replace=False))]


def _standard(frames: Floats, mean: Floats, spread: Floats) -> Floats:
    return np.clip((frames - mean) / spread, -FURTHEST, FURTHEST)


def _mixture(frames: Floats, seed: int) -> GaussianMixture:
    model = GaussianMixture(
        min(COMPONENTS, len(frames) // 4),
        covariance_type="diag",
        reg_covar=1e-3,
        max_iter=ROUNDS,
        init_params="k-means++",
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of rounds is the recipe's
        return model.fit(frames)


def _log_likelihood(frames: Floats, state: Arrays, name: str) -> Floats:
    """Log density of each frame (n,) under one mixture, in nats."""
    weights, means, variances = (
        state[f"{name}.{part}"].astype(np.float64) for part in ("weights", "means", "variances")
    )
    constant = np.log(weights) - 0.5 * (np.log(2 * np.pi * variances) + means**2 / variances).sum(
        axis=1
    )
    inner = frames @ (means / variances).T - 0.5 * (frames**2) @ (1 / variances).T
    return np.asarray(logsumexp(constant + inner, axis=1), dtype=np.float64)
