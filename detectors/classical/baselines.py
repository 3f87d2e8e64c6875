"""Rows that any detector must beat: a coin, and no opinion at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from detectors.contract.base import Arrays, Wave, WaveDetector, detector


@detector("random")
class Random(WaveDetector):
    """A coin: uniform in [-1, 1), drawn from a hash of the samples and the training seed.

    One wave always gets one score, so that reruns agree; EER is 50 % but for chance.
    """

    summary = "a coin, tossed by a hash of the samples: EER 50 % but for chance"
    citation = ""

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Nothing is learnt; the seed is kept."""
        return {"seed": np.array([seed], dtype=np.int64)}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Scores (len(waves),) in [-1, 1)."""
        key = state["seed"].astype("<i8").tobytes()
        return np.array([_toss(wave, key) for wave in waves], dtype=np.float32)


@detector("constant")
class Constant(WaveDetector):
    """No opinion: one score for every wave.

    All trials tie, so that the EER is exactly 50 %; a metric that breaks ties by the order of the
    rows would say 0 or 100 %.
    """

    summary = "one score for every wave: EER exactly 50 %, by ties"
    citation = ""

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Nothing is learnt."""
        return {"score": np.zeros(1, dtype=np.float32)}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Zeros (len(waves),)."""
        return np.repeat(state["score"], len(waves))


def _toss(wave: Wave, key: bytes) -> float:
    samples = np.ascontiguousarray(wave, dtype="<f4").tobytes()
    digest = hashlib.blake2b(samples, digest_size=4, key=key).digest()
    return int.from_bytes(digest, "little") / 2**31 - 1
