"""Trainings: the configuration of one, its data, and the detectors that it trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from benchmark.core.checks import settle, whole
from benchmark.core.errors import InputError, unknown
from benchmark.core.log import logger
from benchmark.data import embedded, splitting
from benchmark.data.data_config import DataConfig
from benchmark.data.protocol import Protocol
from benchmark.inference import checkpoints, detector_selection, networks, published_weights
from benchmark.inference.scorer import resolve_device
from benchmark.laundering import suite_choice
from benchmark.training import trained_checkpoints, training_config, training_examples
from benchmark.training.parallel_training import Training, train_all
from benchmark.training.training_config import (
    CLEAN_SHARE,
    VARIANTS,
    LaunderingAugmentation,
    TrainingConfig,
)
from benchmark.workers.context import ProcessContext
from detectors.contract import recipe_files
from detectors.contract.base import Recipe, TensorDetector, registry

PROTOCOL = "protocol"  # keep the splits of the data set


@dataclass(frozen=True)
class TrainConfig:
    """What a training is: detectors, data, and how they are trained.

    names       : detectors, or `all`; without names the defaults
    splits      : shares of train/dev/test to cut by speaker, or `protocol` for the data's own
    subset      : at most this many training utterances
    suite       : conditions that launder the training data; '' for none
    clean_share : how often a recording is heard clean, if a suite is given
    variants    : laundered variants of each recording
    loss        : '' for that of the recipe; so with `precision`
    start       : a checkpoint whose weights begin the training
    recipe      : fields of the detector's `Recipe` to change
    recipes     : recipe files, each in place of the package's own for its detector
    patience    : keep the epoch of the lowest dev EER; stop after this many without a lower one
    name, out   : the name in tables and the checkpoint file, for one detector
    force       : train again what is there
    """

    names: tuple[str, ...] = ()
    data: DataConfig = field(default_factory=DataConfig)
    splits: str = PROTOCOL
    subset: int | None = None
    suite: str = ""
    clean_share: float = CLEAN_SHARE
    variants: int = VARIANTS
    start: Path | None = None
    seed: int = 0
    device: str = "auto"
    recipe: dict[str, Any] = field(default_factory=dict)
    patience: int | None = None
    loss: str = ""
    precision: str = ""
    name: str = ""
    out: Path | None = None
    force: bool = False
    context: ProcessContext = field(default_factory=ProcessContext)
    recipes: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        settle(self, seed=whole("seed", self.seed, 0))
        settle(self, subset=whole("subset", self.subset, 2, also=(None,)))
        settle(self, variants=whole("variants", self.variants, 1))
        settle(self, patience=whole("patience", self.patience, 1, also=(None,)))
        known = {item.name: item for item in fields(Recipe)}
        for name, value in self.recipe.items():
            if name not in known:
                raise unknown("field of a recipe", str(name), known)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise InputError(f"recipe: {name}: want a number of 0 or more, not {value!r}")


def train(config: TrainConfig) -> list[Path]:
    """Train the detectors that have no checkpoint yet, or all with `force`; return all files.

    Raises `InputError` if a detector cannot be trained, or cannot take the configuration.
    """
    asked = config.names or tuple(recipe_files.read(path).detector for path in config.recipes)
    names = trainable(asked)
    for option in ("out", "name"):
        if getattr(config, option) and len(names) != 1:
            raise InputError(f"--{option} takes one detector; name it")
    recipe = _recipe(config, names)
    for name in names:
        require_taken(name, recipe)
    protocol = opened(config)
    device = resolve_device(config.device)
    return train_missing(names, protocol, recipe, device, config.context, config.out, config.force)


def train_missing(
    names: Sequence[str],
    protocol: Protocol,
    config: TrainingConfig,
    device: torch.device,
    context: ProcessContext,
    out: Path | None = None,
    force: bool = False,
) -> list[Path]:
    """Train the detectors that have no checkpoint yet, or all with `force`; return all files."""
    trainings = [
        Training(name, out or trained_checkpoints.path_of(name, config, protocol), config)
        for name in names
    ]
    return train_absent(trainings, protocol, device, context, force)


def train_absent(
    trainings: Sequence[Training],
    protocol: Protocol,
    device: torch.device,
    context: ProcessContext,
    force: bool = False,
) -> list[Path]:
    """Run the trainings whose file is not there yet, or all with `force`; return all files."""
    wanted = []
    for training in trainings:
        if training.out.is_file() and not force:
            called = training.config.called(training.name)
            logger.info(f"{called} is trained already: {training.out}")
        else:
            registry.get(training.name)().fetch()
            wanted.append(training)
    if wanted:
        train_all(wanted, protocol, device, context)
    return [training.out for training in trainings]


def fetch_all() -> None:
    """Fetch what detectors need before they can be trained, and log which are left out."""
    for line in detector_selection.fetch_missing():
        logger.warning(line)


def trainable(asked: Sequence[str]) -> list[str]:
    """Return the names of the detectors asked for, without any the defaults.

    Raises `InputError` for one that is unknown or cannot be trained.
    """
    names = [*asked] or [
        name for name in detector_selection.default() if not registry.get(name).ready_made
    ]
    if detector_selection.ALL in names:
        fetch_all()
        every = [n for n in detector_selection.every() if not registry.get(n).pretrained]
        named = [name for name in names if name != detector_selection.ALL]
        names = list(dict.fromkeys([*every, *named]))
    names = [registry.get(name).name for name in names]
    for name in names:
        if name in published_weights.index():
            raise InputError(f"detector {name!r} has published weights: it cannot be trained")
        if registry.get(name).ready_made:
            raise InputError(f"detector {name!r} comes ready-made: it is not trained")
    return names


def require_taken(name: str, config: TrainingConfig) -> None:
    """Refuse (`InputError`) a configuration that the detector cannot take."""
    item = registry.get(name)()
    config = config.of(name)
    training_config.require_taken(item, config)
    if config.loss == networks.ONE_CLASS and isinstance(item, TensorDetector):
        trained_checkpoints.fetch_foundation(item)
        networks.require_one_class(item)


def _recipe(config: TrainConfig, names: Sequence[str]) -> TrainingConfig:
    laundering = None
    if config.suite:
        suite = suite_choice.fetched(config.suite, config.data)
        spelled = tuple(str(c) for c in suite.conditions if c.steps)
        laundering = LaunderingAugmentation(
            suite.name, spelled, config.clean_share, config.variants
        )
    start = checkpoints.load(config.start) if config.start else None
    return TrainingConfig(
        config.seed, config.recipe, config.loss, config.precision, laundering, start, config.name,
        config.patience, recipes=training_config.recipes(config.recipes, names),
    )  # fmt: skip


def opened(config: TrainConfig) -> Protocol:
    """Return the training data, built if they are those of the embedded data set."""
    ratios = {} if config.splits == PROTOCOL else splitting.ratios_of(config.splits)
    if ratios and "dev" not in ratios:
        raise InputError(f"--splits {config.splits}: training wants three, as 80/10/10")
    protocol = _built(config, bool(ratios)) if config.data.embedded else config.data.open()
    if ratios:
        protocol = splitting.split(protocol, ratios, config.seed)
        counts = protocol.table["split"].value_counts()
        logger.info(
            f"split by speaker: {counts['train']} train, {counts['dev']} dev; the"
            f" {counts['test']} of test are left out (launderbench data split keeps such splits)"
        )
    elif not set(protocol.table["split"]) >= {"train", "dev"}:
        raise InputError(
            f"{protocol.root} has no train and dev splits: say --splits 80/10/10 to cut them by"
            " speaker, or launderbench data split to keep them"
        )
    for line in training_examples.left_out(protocol):
        logger.info(line)
    return (
        training_examples.subset(protocol, config.subset) if config.subset is not None else protocol
    )


def _built(config: TrainConfig, whole: bool) -> Protocol:
    """Build train and dev of the embedded data set, or the whole set, and return its protocol.

    Of train only the utterances of `subset` are built.
    """

    def needed(protocol: Protocol) -> list[str]:
        kept = config.subset
        part = protocol if kept is None else training_examples.subset(protocol, kept)
        return training_examples.used_ids(part)

    return embedded.build(
        None if whole else needed,
        bank=bool(config.suite) and config.context.noises is None,
        device=str(resolve_device(config.device)),
    )
