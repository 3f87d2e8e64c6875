"""The detector contract: waveform or spectrogram in, one score per utterance out.

Higher scores always mean more bona fide. The runner computes each declared input once and shares
it among the detectors that declare it.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from benchmark.core import call_syntax, trust
from benchmark.core.errors import InputError
from benchmark.core.parameters import check_fields
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
    """Default training settings of a tensor detector."""

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    patience: int = 3


class Detector(ABC):
    """Base class of all detectors: class attributes and hooks.

    version    : raise it whenever equal weights give other scores; it is part of the detector's
                 identity, so old scores are not reused
    summary    : one line for `launderbench list detectors`
    citation   : citation keys for papers that use it, in the form of `Attack.citation`
    pretrained : it runs with weights from a file and is trained only if named explicitly
    ready_made : it is never trained, because its `files` are the detector; implies `pretrained`
    learns     : its state depends on training data; False for baselines such as random scores
    autocast   : the run computes it as a torch network, so bf16 or TF32 may be chosen
    on_cpu     : it scores on a CPU whatever the device, so processes that launder may score it
    licence    : licence of foreign weights, if any
    terms      : what that licence forbids of an evaluation, in a sentence; shown before a run
    trained_on : the corpora that foreign weights were trained on, by the names of their readers,
                 and which part: `train`, or `all` where it includes trials for evaluation

    The fields of a detector that is a frozen dataclass are its parameters. Such a detector is
    selected by its spelling, `name(key=value, ...)`.
    """

    name: ClassVar[str]
    version: ClassVar[int | str] = 1
    summary: ClassVar[str] = ""
    citation: ClassVar[str | None] = None
    pretrained: ClassVar[bool] = False
    ready_made: ClassVar[bool] = False
    learns: ClassVar[bool] = True
    autocast: ClassVar[bool] = False
    on_cpu: ClassVar[bool] = False
    licence: ClassVar[str] = ""
    terms: ClassVar[str] = ""
    trained_on: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __post_init__(self) -> None:
        check_fields(self, self.name)
        self.validate()

    def validate(self) -> None:
        """Raise `InputError` for inconsistent parameters or missing files."""
        return

    @classmethod
    def reaches(cls, values: Mapping[str, Any]) -> str:
        """Say what it runs, opens or loads beside its weights; '' if nothing.

        A phrase such as "runs a program", from the values of the parameters that are spelled. A
        file that spells such a detector is refused, unless the user allows it.
        """
        return trust.free_texts(cls, values)

    def declared(self) -> dict[str, Any]:
        """Return class attributes that depend on the parameters, such as `input` and `recipe`."""
        return {}

    def files(self) -> tuple[Path, ...]:
        """Return the files of a ready-made detector; their content is part of its identity."""
        return ()

    def facts(self) -> dict[str, Any]:
        """Return JSON-serialisable facts of a ready-made detector, which a run records."""
        return {}

    def unavailable(self) -> str | None:
        """Return why it cannot be trained here (a missing library or weights), or None if it can.

        It does not use the network: files that `fetch` could download count as missing.
        """
        return None

    def fetch(self) -> None:
        """Download the files that training starts from into the user's cache.

        Raises `InputError` if that fails.
        """
        return


class TensorDetector(Detector):
    """A network that maps one batch of its declared input to scores.

    The network maps a float32 batch to float32 (B,) scores, higher = more bona fide. It keeps no
    state between batches, and a score does not depend on the other items of the batch.

    input     : the input that the runner computes for it
    recipe    : its training settings
    cpu_batch : the number of items per forward pass on a CPU, where small groups of large feature
                maps are faster and need less memory; None for the whole batch
    """

    autocast = True
    input: ClassVar[Input]
    cpu_batch: ClassVar[int | None] = None
    recipe: ClassVar[Recipe] = Recipe()

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """Return a freshly initialised network, in the default dtype, on the CPU."""

    def blueprint(self) -> torch.nn.Module:
        """Return a network with the names and shapes of `build`'s; its values do not count.

        A detector whose network is large returns it on torch's `meta` device.
        """
        return self.build()

    def initial(self) -> torch.nn.Module:
        """Return the network that training starts from: by default the one from `build`.

        A detector that starts from foreign weights overrides it and raises `InputError` if those
        weights are missing.
        """
        return self.build()

    def foundation(self) -> tuple[Path, ...]:
        """Return the foreign weight files that `initial` reads and that users may replace.

        If their content changes, the detector is retrained. Raises `InputError` if one is missing.
        """
        return ()

    def adopt(self, arrays: Arrays) -> Arrays:
        """Rename the arrays of a foreign weight file to the network's names; default: unchanged."""
        return arrays

    def augment(
        self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Augment one training batch; by default, return it unchanged.

        Items with the same number in `pairs` (B,) are copies of one recording. Give them the same
        draws, so that copies differ only by the copying (such as vocoding).
        """
        return batch


class WaveDetector(Detector):
    """A detector that scores whole waves of any length; its state is a set of named arrays."""

    on_cpu = True

    @abstractmethod
    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Train on 16 kHz waves and return the state as arrays that safetensors can store."""

    @abstractmethod
    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return scores (len(waves),) of 16 kHz waves, higher = more bona fide."""


class Detectors(Registry[type[Detector]]):
    """The registry of detectors, by name or by spelling with parameters."""

    def get(self, name: str) -> type[Detector]:
        """Return the detector class for a name or spelling.

        Its `name` is the canonical spelling, which omits parameters with default values. Raises
        `InputError` for an unknown detector or parameter, or for invalid parameter values.
        """
        head, body = call_syntax.call(name) or (name, "")
        cls = super().get(head)
        if dataclasses.is_dataclass(cls):
            return _configured(cls, call_syntax.arguments(head, body, _parameters(cls)))
        if head != name.strip():
            raise InputError(f"detector {head!r} takes no parameters")
        return cls

    def from_file(
        self, spelling: str, where: object, trusted: Collection[str] = ()
    ) -> type[Detector]:
        """Return the detector that the file `where` names, as `get` does.

        trusted : spellings that the user gave in this command

        Raises `InputError` if it runs a program, opens a file or loads foreign code, unless the
        user spelled or allowed it.
        """
        head, body = call_syntax.call(spelling) or (spelling, "")
        if not any(trust.same(text, spelling) for text in trusted):
            cls = super().get(head)
            values = call_syntax.arguments(head, body, _parameters(cls))
            trust.check(spelling, cls.reaches(values), where)
        return self.get(spelling)

    def names(self) -> list[str]:
        """Return the names of the detectors without parameters, sorted."""
        return [name for name in super().names() if not dataclasses.is_dataclass(self._items[name])]

    def parametrised(self) -> dict[str, type[Detector]]:
        """Return the detector classes that take parameters, unconfigured, by name."""
        return {name: self._items[name] for name in super().names() if name not in self.names()}

    def knows(self, text: str) -> bool:
        """Return whether `text` names a known detector; its parameters are not checked."""
        return self.class_of(text) is not None

    def class_of(self, text: str) -> type[Detector] | None:
        """Return the class that `text` names, without its parameters; None if it is not known here.

        No file is opened and no program sought, so a name out of a table may be given.
        """
        head, _ = call_syntax.call(text) or (text, "")
        return self._items[head] if head in super().names() else None


def _parameters(cls: type[Detector]) -> list[str]:
    return [f.name for f in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []


def _configured(cls: type[Detector], values: dict[str, Any]) -> type[Detector]:
    """Return a subclass of `cls` with these parameter values bound."""
    item = cls(**values)
    attributes = {
        "__init__": lambda self: cls.__init__(self, **values),
        "__module__": cls.__module__,
        "__doc__": cls.__doc__,
        "name": call_syntax.spell(cls.name, item, defaults=False),
    }
    return type(cls.__name__, (cls,), attributes | item.declared())


registry = Detectors("detector", "detectors", "launderbench.detectors")

D = TypeVar("D", bound="type[Detector] | Callable[[Wave], Any]")


def detector(name: str, *, version: int | str | None = None) -> Callable[[D], D]:
    """Register a class derived from `Detector`, or a function of a wave, under `name`.

    A function takes a wave, float32 (T,) at 16 kHz, and returns one number, higher = more bona
    fide. Its scores are reused only if it is given a `version`, to be changed whenever its scores
    change. A class states its version itself.
    """

    def register(item: D) -> D:
        if isinstance(item, type):
            if not issubclass(item, Detector) or version is not None:
                cause = "a class states its own version" if issubclass(item, Detector) else ""
                raise InputError(
                    f"detector {name!r}: {cause or 'decorate a class derived from Detector'}"
                )
            item.name = name
            registry.add(name, item)
        else:
            from detectors.contract.function_detector import of

            registry.add(name, of(name, item, version))
        return item

    return register
