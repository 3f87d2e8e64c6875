"""The detector contract: waveform or spectrogram in, one score per utterance out.

Higher scores mean more bona fide, always. The runner makes the inputs that a detector declares,
so detectors with one contract share them.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from benchmark.core import call_syntax
from benchmark.core.errors import InputError
from benchmark.core.parameters import settle
from benchmark.core.registry import Registry
from benchmark.frontends.specs import (
    Cqt,
    Image,
    Input,
    Keep,
    Lfcc,
    LogMel,
    Mfcc,
    Spectrogram,
    Waveform,
    WholeWaveform,
)

if TYPE_CHECKING:
    import torch

__all__ = [
    "Arrays",
    "Cqt",
    "Detector",
    "Image",
    "Input",
    "Keep",
    "Lfcc",
    "LogMel",
    "Mfcc",
    "Recipe",
    "Spectrogram",
    "TensorDetector",
    "Wave",
    "WaveDetector",
    "Waveform",
    "WholeWaveform",
    "detector",
    "registry",
]

Wave = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Recipe:
    """How a tensor detector is trained by default."""

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    patience: int = 3


class Detector(ABC):
    """Base of all detectors: their declarations.

    `version` is raised whenever the same weights give other scores: it is part of the detector's
    identity, so that no older score is taken for a new one. A detector that is `pretrained` runs
    with weights from a file; it is trained only when that is asked for by name. One that is
    `ready_made` (and thereby pretrained) is never trained: it is what its `files` hold.
    `citation` is what papers that use it cite, as `Attack.citation` says. Where `autocast` is set,
    it is a network of torch that the run computes, so that it may be asked for in bf16 or TF32.

    A detector that is a frozen dataclass has its fields as parameters and is asked for by its
    spelling, `name(key=value, ...)`.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    summary: ClassVar[str] = ""
    citation: ClassVar[str | None] = None
    pretrained: ClassVar[bool] = False
    ready_made: ClassVar[bool] = False
    autocast: ClassVar[bool] = False
    licence: ClassVar[str] = ""

    def __post_init__(self) -> None:
        settle(self, self.name)
        self.validate()

    def validate(self) -> None:
        """Refuse parameters that make no sense, or files that are not there (`InputError`)."""
        return

    def declared(self) -> dict[str, Any]:
        """Class attributes that follow from the parameters: the input, the recipe."""
        return {}

    def files(self) -> tuple[Path, ...]:
        """The files that a ready-made detector is: their content belongs to its identity."""
        return ()

    def facts(self) -> dict[str, Any]:
        """Return the facts of a ready-made detector that a run records, JSON-able."""
        return {}

    def unavailable(self) -> str | None:
        """Why it cannot be trained here (a library or weights that are absent); None if it can.

        The network is not asked: what `fetch` could bring counts as absent until it has.
        """
        return None

    def fetch(self) -> None:
        """Bring what its training starts from into a cache of the user's; `InputError` if not."""
        return


class TensorDetector(Detector):
    """A network that maps one batch of its declared input to scores.

    `input` is what the runner makes for it; `recipe` how it is trained; `build` gives the
    untrained network: float32 batch -> float32 (B,) scores, higher = more bona fide. The network
    has no memory between batches and its scores do not depend on the batch's other members.
    `cpu_batch` is how many items the network takes at once on a CPU, where large feature maps are
    faster in small groups and need less memory; None: a whole batch.
    """

    autocast = True
    input: ClassVar[Input]
    cpu_batch: ClassVar[int | None] = None
    recipe: ClassVar[Recipe] = Recipe()

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """A freshly initialised network, in the default dtype, on the CPU."""

    def initial(self) -> torch.nn.Module:
        """The network that training starts from: `build`'s, unless it starts from foreign weights.

        Raises `InputError` where those weights are absent.
        """
        return self.build()

    def foundation(self) -> tuple[Path, ...]:
        """The files of foreign weights that `initial` reads and that others may replace.

        What they hold tells one training from another. Raises `InputError` where one is absent.
        """
        return ()

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


class Detectors(Registry[type[Detector]]):
    """Detectors by name, and those that take parameters by their spelling."""

    def get(self, name: str) -> type[Detector]:
        """The detector called `name`, or spelt so; its `name` is the canonical spelling.

        Parameters that have their default value are not written out in it. Raises `InputError`
        where there is no such detector or parameter, or where it cannot be had so.
        """
        head, body = call_syntax.call(name) or (name, "")
        cls = super().get(head)
        if dataclasses.is_dataclass(cls):
            known = [f.name for f in dataclasses.fields(cls)]
            return _configured(cls, call_syntax.arguments(head, body, known))
        if head != name.strip():
            raise InputError(f"detector {head!r} takes no parameters")
        return cls

    def names(self) -> list[str]:
        """The detectors that are complete without parameters, sorted."""
        return [name for name in super().names() if not dataclasses.is_dataclass(self._items[name])]

    def parametrised(self) -> dict[str, type[Detector]]:
        """The detectors that take parameters, unconfigured, by name."""
        return {name: self._items[name] for name in super().names() if name not in self.names()}

    def knows(self, text: str) -> bool:
        """Is `text` a detector's name or spelling, whether its parameters are right or not?"""
        head, _ = call_syntax.call(text) or (text, "")
        return head in super().names()


def _configured(cls: type[Detector], values: dict[str, Any]) -> type[Detector]:
    """A detector class without parameters of its own: `cls` with these."""
    item = cls(**values)
    attributes = {
        "__init__": lambda self: cls.__init__(self, **values),
        "__module__": cls.__module__,
        "__doc__": cls.__doc__,
        "name": call_syntax.spell(cls.name, item, defaults=False),
    }
    return type(cls.__name__, (cls,), attributes | item.declared())


registry = Detectors("detector", "detectors", "launderbench.detectors")

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
