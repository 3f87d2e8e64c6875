"""The detector contract: waveform or spectrogram in, one score per utterance out.

Higher scores mean more bona fide, always. The runner makes the inputs that a detector declares,
so detectors with one contract share them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError
from benchmark.registry import Registry

if TYPE_CHECKING:
    import torch

Wave = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Waveform:
    """A fixed-length raw waveform, float32 (B, samples).

    Longer utterances are cut to their first `samples`; shorter ones are tiled (repeated whole)
    or padded with zeros at the end.
    """

    samples: int = 64000
    sample_rate: int = 16000
    pad: Literal["tile", "zero"] = "tile"


@dataclass(frozen=True)
class LogMel:
    """A log-mel spectrogram of a fixed-length waveform, float32 (B, 1, mels, frames).

    Natural log of the mel power (Slaney filters), floored at `floor`; `image` resizes the result
    to (height, width) with antialiased bilinear interpolation.
    """

    waveform: Waveform = Waveform()
    mels: int = 128
    n_fft: int = 1024
    window: int = 512
    hop: int = 256
    fmin: float = 0.0
    fmax: float = 8000.0
    floor: float = 1e-7
    image: tuple[int, int] | None = None


@dataclass(frozen=True)
class WholeWaveform:
    """A raw waveform of its own length, float32 (B, T).

    Waves shorter than `shortest` samples are tiled (repeated whole) up to it. The waves of one
    batch have one length.
    """

    shortest: int = 1
    sample_rate: int = 16000


@dataclass(frozen=True)
class Lfcc:
    """Linear-frequency cepstral coefficients, float32 (B, 1, 3 * coefficients, frames).

    `coefficients` triangular filters, linear from 0 Hz to half the sample rate, on the power
    spectrum of the pre-emphasised wave; log10; orthonormal DCT; the first coefficient replaced by
    the log energy; then their differences over time, and the differences of those.
    """

    waveform: Waveform | WholeWaveform = Waveform()
    coefficients: int = 20
    n_fft: int = 512
    window: int = 320
    hop: int = 160
    preemphasis: float = 0.97


Input = Waveform | WholeWaveform | LogMel | Lfcc


@dataclass(frozen=True)
class Recipe:
    """How a tensor detector is trained by default."""

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    patience: int = 3


class Detector(ABC):
    """What every detector says about itself.

    `version` is raised whenever the same weights give other scores: it is part of the detector's
    identity, so that no older score is taken for a new one.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    summary: ClassVar[str] = ""
    citation: ClassVar[str] = ""


class TensorDetector(Detector):
    """A network that maps one batch of its declared input to scores.

    `input` is what the runner makes for it; `recipe` how it is trained; `build` gives the
    untrained network: float32 batch -> float32 (B,) scores, higher = more bona fide. The network
    has no memory between batches and its scores do not depend on the batch's other members.
    A detector that is `pretrained` runs with weights from a file; it is not trained unless named.
    """

    input: ClassVar[Input]
    pretrained: ClassVar[bool] = False
    recipe: ClassVar[Recipe] = Recipe()

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """A freshly initialised network, in the default dtype, on the CPU."""

    def adopt(self, arrays: Arrays) -> Arrays:
        """The arrays of a foreign weight file under the network's names; as they are by default."""
        return arrays

    def augment(
        self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Training-time augmentation of one input batch; the identity by default.

        Items with one number in `pairs` (B,) are copies of one recording: giving them the same
        draws leaves only what the copying did to tell them apart.
        """
        return batch


class WaveDetector(Detector):
    """A detector that takes whole waves of any length; its state is a set of named arrays."""

    @abstractmethod
    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Train on 16 kHz waves; the state as float32 arrays (safetensors)."""

    @abstractmethod
    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Scores (len(waves),) of 16 kHz waves, higher = more bona fide."""


registry: Registry[type[Detector]] = Registry("detector", "detectors", "launderbench.detectors")

D = TypeVar("D", bound=type[Detector])


def detector(name: str) -> Callable[[D], D]:
    """Register a subclass of `TensorDetector` or `WaveDetector` under `name`."""

    def register(cls: D) -> D:
        if not isinstance(cls, type) or not issubclass(cls, Detector):
            raise InputError(f"detector {name!r}: decorate a class derived from Detector")
        cls.name = name
        registry.add(name, cls)
        return cls

    return register
