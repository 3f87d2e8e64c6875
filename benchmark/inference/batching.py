"""Input batches of waves: each distinct input is computed once, for all detectors that share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from benchmark import frontends
from benchmark.frontends.specs import Waveform, WholeWaveform
from detectors.contract.base import Input

BATCH = 16

Wave = npt.NDArray[np.float32]
Timing = Callable[[str, str, int], AbstractContextManager[None]]


@dataclass(frozen=True)
class Batch:
    """One input batch; `rows` are the wave indices of its first items, in order."""

    rows: list[int]
    inputs: torch.Tensor


class Inputs:
    """The inputs of up to `BATCH` waves; each distinct input and waveform is computed once.

    start  : the index of the first wave in the whole list
    timing : a context for (stage, item, count), in which inputs are computed
    fill   : whether batches are filled up to `BATCH` by repeating the last wave
    """

    def __init__(
        self, waves: Sequence[Wave], start: int, device: torch.device, timing: Timing, fill: bool
    ) -> None:
        self.waves = list(waves)
        self.rows = list(range(start, start + len(self.waves)))
        self._device = device
        self._timing = timing
        self._fill = fill
        self._waveforms: dict[Waveform | WholeWaveform, list[Batch]] = {}
        self._made: dict[Input, list[Batch]] = {}

    def batches(self, spec: Input) -> list[Batch]:
        """Return the batches of `spec`: one, or one per length of wave if `spec` keeps that."""
        if spec not in self._made:
            with self._timing("frontend", str(spec), len(self.waves)):
                self._made[spec] = [
                    Batch(batch.rows, frontends.features(spec, batch.inputs))
                    for batch in self._waveform(frontends.waveform_of(spec))
                ]
        return self._made[spec]

    def _waveform(self, spec: Waveform | WholeWaveform) -> list[Batch]:
        if spec not in self._waveforms:
            self._waveforms[spec] = [
                Batch([self.rows[row] for row in rows], self._stacked(spec, rows))
                for rows in self._groups(spec)
            ]
        return self._waveforms[spec]

    def _groups(self, spec: Waveform | WholeWaveform) -> list[list[int]]:
        every = range(len(self.waves))
        if not frontends.keeps_length(spec):
            return [[*every]]
        lengths = sorted({wave.size for wave in self.waves})
        return [[row for row in every if self.waves[row].size == length] for length in lengths]

    def _stacked(self, spec: Waveform | WholeWaveform, rows: list[int]) -> torch.Tensor:
        chosen = [self.waves[row] for row in rows]
        if self._fill and not frontends.keeps_length(spec):
            chosen += chosen[-1:] * (BATCH - len(chosen))
        return frontends.waveforms(spec, chosen, self._device)
