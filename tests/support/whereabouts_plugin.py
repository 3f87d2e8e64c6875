"""A plugin with detectors that tell where they score, and one that is a function."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import launderbench


@launderbench.detector("process")
class Process(launderbench.WaveDetector):
    """Scores every wave with the number of the process that it runs in."""

    summary = "process"

    def fit(
        self, waves: Sequence[npt.NDArray[np.float32]], bonafide: npt.NDArray[np.bool_], seed: int
    ) -> dict[str, npt.NDArray[np.float32]]:
        return {"one": np.ones(1, np.float32)}

    def score(
        self,
        waves: Sequence[npt.NDArray[np.float32]],
        state: dict[str, npt.NDArray[np.float32]],
    ) -> npt.NDArray[np.float32]:
        return np.full(len(waves), os.getpid(), np.float32)


@launderbench.detector("loudness")
class Loudness(Process):
    """Scores the level of a wave."""

    summary = "loudness"
    ready_made = True
    pretrained = True

    def score(
        self,
        waves: Sequence[npt.NDArray[np.float32]],
        state: dict[str, npt.NDArray[np.float32]],
    ) -> npt.NDArray[np.float32]:
        return np.array([np.square(wave).mean() for wave in waves], np.float32)
