"""Trivial baselines that any detector must beat: random scores and a constant score."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from detectors.contract.base import Arrays, Wave, WaveDetector, detector


@detector("random")
class Random(WaveDetector):
    """Uniform scores in [-1, 1), derived from a hash of the samples and the training seed.

    Equal waves get equal scores, so reruns agree. The EER is 50 % up to chance.
    """

    summary = "random scores from a hash of the samples: EER 50 % up to chance"
    citation = ""
    learns = False

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Return the seed as the state; nothing is trained."""
        return {"seed": np.array([seed], dtype=np.int64)}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return scores (len(waves),), uniform in [-1, 1)."""
        key = state["seed"].astype("<i8").tobytes()
        return np.array([_hash_score(wave, key) for wave in waves], dtype=np.float32)


@detector("constant")
class Constant(WaveDetector):
    """The same score for every wave.

    All trials tie, so the EER is exactly 50 %. A metric that breaks ties by row order would give
    0 or 100 %.
    """

    summary = "the same score for every wave: all trials tie, so the EER is exactly 50 %"
    citation = ""
    learns = False

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Return the constant score as the state; nothing is trained."""
        return {"score": np.zeros(1, dtype=np.float32)}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return zeros (len(waves),)."""
        return np.repeat(state["score"], len(waves))


def _hash_score(wave: Wave, key: bytes) -> float:
    """Return a score in [-1, 1) from a keyed hash of the samples."""
    samples = np.ascontiguousarray(wave, dtype="<f4").tobytes()
    digest = hashlib.blake2b(samples, digest_size=4, key=key).digest()
    return int.from_bytes(digest, "little") / 2**31 - 1
