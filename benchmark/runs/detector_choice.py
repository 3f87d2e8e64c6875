"""The detectors that a command asks for, and the checkpoint of each."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.core import call_syntax
from benchmark.core.checks import settle, whole
from benchmark.core.errors import InputError
from benchmark.data import embedded, loading
from benchmark.data.protocol import Protocol
from benchmark.inference import checkpoints, detector_selection, precision, published_weights
from benchmark.inference.checkpoints import FLOAT32, Checkpoint
from benchmark.inference.scorer import resolve_devices
from benchmark.scores import fusion
from benchmark.training import trained_checkpoints, training_config
from benchmark.training.training_config import TrainingConfig
from detectors.contract.base import registry


@dataclass(frozen=True)
class DetectorChoice:
    """The detectors of a run, and where their weights come from.

    names       : registered names or spellings, or `all`; without names and files the defaults
    checkpoints : files of our own, each for its detector
    weights     : (name, file): published state dicts
    train_data  : data set of the training; None for the embedded one
    seed        : seed of the training
    train       : train here instead of using the checkpoints that come along
    precision   : arithmetic of networks
    recipes     : recipe files by which detectors were or are trained
    device      : `auto`, `cpu` or `cuda`; on CUDA the defaults include cached published weights
    """

    names: tuple[str, ...] = ()
    checkpoints: tuple[Path, ...] = ()
    weights: tuple[tuple[str, Path], ...] = ()
    train_data: Path | None = None
    seed: int = 0
    train: bool = False
    precision: str = FLOAT32
    device: str = "auto"
    recipes: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        settle(self, seed=whole("seed", self.seed, 0))
        if not isinstance(self.device, str):
            raise InputError(f"device: want auto, cpu, cuda or cuda:N, not {self.device!r}")

    @property
    def every(self) -> bool:
        """True if all detectors that are available here are asked for."""
        return detector_selection.ALL in self.names


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a comma-separated list; commas in parentheses do not separate them."""
    return tuple(name.strip() for name in call_syntax.split(text, ",") if name.strip())


def names(choice: DetectorChoice) -> list[str]:
    """Return the names of the detectors that a choice selects."""
    return _names(choice, _given(choice))


def learning(choice: DetectorChoice) -> list[str]:
    """Return the selected detectors that a run trains, including those already trained.

    Raises `InputError` if published weights of a selected detector are not in the cache.
    """
    given = _given(choice)
    found = [name for name in _names(choice, given) if name not in given]
    for name in found:
        if name in published_weights.index():
            published_weights.checkpoint(name)
    return [name for name in found if _learns(name)]


def untrained(choice: DetectorChoice, data: Protocol | None) -> list[str]:
    """Return the selected detectors that have no checkpoint of a training on `data`."""
    return [name for name in learning(choice) if _trained(name, choice, data) is None]


def training_data(choice: DetectorChoice) -> Protocol:
    """Return the data for detectors without a checkpoint: `train_data`, or the embedded set."""
    return loading.open_data(choice.train_data) if choice.train_data else embedded.read()


def training(choice: DetectorChoice) -> TrainingConfig:
    """Return how the selected detectors were or are trained.

    Raises `InputError` for a recipe that cannot be read, or of a detector that is not selected.
    """
    if not choice.recipes:
        return TrainingConfig(choice.seed)
    return TrainingConfig(
        choice.seed, recipes=training_config.recipes(choice.recipes, names(choice))
    )


def known_training_data(choice: DetectorChoice) -> Protocol | None:
    """Return the data of `training_data`; None if the embedded set is not known here yet."""
    if choice.train_data:
        return loading.open_data(choice.train_data)
    try:
        return embedded.read()
    except InputError:
        return None


def refusals(choice: DetectorChoice, data: Protocol | None) -> list[str]:
    """Say why shipped checkpoints of the selected detectors are not used on `data`."""
    config = training(choice)
    causes = [
        trained_checkpoints.refused(name, config, data) if data else None
        for name in learning(choice)
    ]
    return [cause for cause in causes if cause]


def ready(choice: DetectorChoice) -> tuple[Checkpoint, ...]:
    """Return the checkpoints to run, in the chosen precision.

    Raises `InputError` that says how to train a detector without one, or that names the detectors
    if none of them can use the precision.
    """
    return in_precision(_ready(choice), choice.precision)


def one(choice: DetectorChoice) -> Checkpoint:
    """Return the only detector of a choice; `InputError` says how to get one that is missing."""
    found = ready(choice)
    if len(found) != 1:
        raise InputError(f"want one detector, not {', '.join(choice.names)!r}")
    return found[0]


def in_precision(found: tuple[Checkpoint, ...], asked: str) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in precision `asked`; those that cannot use it stay in float32."""
    if asked != FLOAT32 and not any(map(precision.supports, found)):
        shown = ", ".join(checkpoint.name for checkpoint in found)
        raise InputError(f"--precision {asked} changes nothing: no network is among {shown}")
    return tuple(precision.in_precision(checkpoint, asked) for checkpoint in found)


def with_files(choice: DetectorChoice, *files: Path) -> DetectorChoice:
    """Return the choice with further checkpoint files."""
    return replace(choice, checkpoints=(*choice.checkpoints, *files))


def _names(choice: DetectorChoice, given: dict[str, Checkpoint]) -> list[str]:
    """Return the selected names; the default ones without names and checkpoints."""
    asked = [*choice.names]
    if choice.every:
        asked = [
            *detector_selection.every(),
            *(name for name in asked if name != detector_selection.ALL),
        ]
    for name in asked:
        if name.partition("(")[0].strip() in fusion.METHODS:
            raise InputError(f'{name} is an ensemble: ask for it with --ensemble "{name}"')
    asked = [n if n in given else registry.get(n).name for n in asked]
    if not asked and not given:
        cuda = resolve_devices(choice.device)[0].type == "cuda"
        published = filter(detector_selection.published_here, registry.names())
        return detector_selection.default() + ([*published] if cuda else [])
    return list(dict.fromkeys([*asked, *given]))


def _ready(choice: DetectorChoice) -> tuple[Checkpoint, ...]:
    given = _given(choice)
    selected = _names(choice, given)
    given |= {
        name: published_weights.checkpoint(name)
        for name in selected
        if name in published_weights.index() and name not in given
    }
    given |= {
        name: checkpoints.ready_made(name)
        for name in selected
        if name not in given and registry.get(name).ready_made
    }
    rest = [name for name in selected if name not in given]
    data = known_training_data(choice) if any(map(_learns, rest)) else None
    found = []
    for name in selected:
        checkpoint = given.get(name) or _trained(name, choice, data)
        if checkpoint is None:
            raise _not_trained(name, choice, data)
        found.append(checkpoint)
    return tuple(found)


def _not_trained(name: str, choice: DetectorChoice, data: Protocol | None) -> InputError:
    spelt = shlex.quote(name)
    where = f" --data {shlex.quote(str(choice.train_data))}" if choice.train_data else ""
    foreign = registry.get(name).pretrained
    if foreign and (why := registry.get(name)().unavailable()):
        raise InputError(f"detector {name!r}: give its weights with --weights {spelt}=FILE; {why}")
    cause = trained_checkpoints.refused(name, training(choice), data) if data else None
    return InputError(
        f"detector {name!r} is not trained for seed {choice.seed}:"
        f"{f' give its weights with --weights {spelt}=FILE, or' if foreign else ''}"
        f" run launderbench train {spelt} --seed {choice.seed}{where}"
        + (f" ({cause})" if cause else "")
    )


def _trained(name: str, choice: DetectorChoice, data: Protocol | None) -> Checkpoint | None:
    """Return the checkpoint of a detector's training on `data`; no shipped one with `train`."""
    return trained_checkpoints.find(name, training(choice), data, not choice.train)


def _learns(name: str) -> bool:
    return registry.get(name).learns and not registry.get(name).pretrained


def _given(choice: DetectorChoice) -> dict[str, Checkpoint]:
    loaded = [checkpoints.load(path, choice.names) for path in choice.checkpoints]
    loaded += [published_weights.given(name, path) for name, path in choice.weights]
    given: dict[str, Checkpoint] = {}
    for checkpoint in loaded:
        other = given.setdefault(checkpoint.name, checkpoint)
        if other.path != checkpoint.path:
            raise InputError(
                f"{other.path} and {checkpoint.path} are both called {checkpoint.name!r}:"
                " train one of them with --name"
            )
    return given
