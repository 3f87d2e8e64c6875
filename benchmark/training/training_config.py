"""Training configuration, and the checkpoint path that follows from it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from attacks.contract import suites
from attacks.contract.condition import Condition, parse
from attacks.contract.precomputed import made
from benchmark.core import paths
from benchmark.core.errors import InputError, unknown
from benchmark.data.file_hashes import file_digests, rows_digest
from benchmark.data.protocol import NO_RECIPE, Protocol
from benchmark.data.trial_table import rows_of, with_digests
from benchmark.inference.checkpoints import FLOAT32, Checkpoint
from benchmark.inference.networks import ONE_CLASS
from benchmark.inference.precision import BF16
from benchmark.laundering import suite_choice
from benchmark.training import rawboost
from benchmark.training.losses import BCE, LOSSES
from benchmark.training.training_examples import used
from detectors.contract import recipe_files
from detectors.contract.base import Detector, TensorDetector, registry
from detectors.contract.recipe_files import LaunderingSection, RawBoostSection, TrainingRecipe

PROCEDURE = 2  # increased when the same recipe and data would give different weights
PRECISIONS = (FLOAT32, BF16)
RAWBOOST = "rawboost"  # the fact of a checkpoint, and the mark in its name
CLEAN_SHARE = 0.25
VARIANTS = 4
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
LONGEST_SUITE = 30
LONGEST_NAME = 80  # characters of a file name, without seed and digest


@dataclass(frozen=True)
class LaunderingAugmentation:
    """Laundering as augmentation: each recording gets `variants` conditions of a suite.

    The conditions are drawn and applied once, before the training. In every epoch a recording is
    used clean with probability `clean` (0 <= clean < 1), else in one of its variants. `conditions`
    are spellings, without clean. Raises `InputError` for an empty list, a precomputed condition or
    a share out of range.
    """

    suite: str
    conditions: tuple[str, ...]
    clean: float = CLEAN_SHARE
    variants: int = VARIANTS

    def __post_init__(self) -> None:
        if not self.conditions:
            raise InputError(f"the suite {self.suite!r} contains only clean: name one with attacks")
        for condition in map(parse, self.conditions):
            if made(condition):
                raise InputError(f"{condition} is ready-made audio: training cannot apply it")
        if not 0 <= self.clean < 1:
            raise InputError(f"the share of clean must be 0 or more and below 1, not {self.clean}")

    def parsed(self) -> list[Condition]:
        """Return the conditions, with noise excerpts and rooms that evaluation never draws."""
        return [
            Condition(tuple(step.for_training() for step in parse(spelling).steps))
            for spelling in self.conditions
        ]


@dataclass(frozen=True)
class TrainingConfig:
    """The configuration of one training.

    changes  : override fields of the detector's `Recipe`
    loss     : '' for that of the recipe, else `bce`
    precision: '' for that of the recipe, else `float32`
    laundering, rawboost : augmentation; at most one. None for that of the recipe, else none
    recipes  : recipe files, each in place of the package's own for its detector
    start    : a checkpoint of the same network, whose weights initialise the training
    patience : if given, the epoch of the lowest dev EER is kept, and training stops after this
               many consecutive epochs without a better one (at equal EER, with a lower dev loss)
    name     : the trained detector's name in tables; if empty, the detector's own name with the
               suite and the loss of the training (`mel-cnn+laundering`, `mel-cnn+oc-softmax`)

    Raises `InputError` for an unknown loss or precision, or a malformed name.
    """

    seed: int = 0
    changes: dict[str, Any] = field(default_factory=dict)
    loss: str = ""
    precision: str = ""
    laundering: LaunderingAugmentation | None = None
    start: Checkpoint | None = None
    name: str = ""
    patience: int | None = None
    rawboost: RawBoostSection | None = None
    recipes: tuple[TrainingRecipe, ...] = ()
    settled: bool = False

    def __post_init__(self) -> None:
        if self.loss and self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)
        if self.precision and self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)
        if self.name and not NAME.fullmatch(self.name):
            raise InputError(
                f"--name {self.name!r}: use letters, digits and . _ + - , starting with a letter"
                " or digit"
            )

    def of(self, detector: str) -> TrainingConfig:
        """Return the configuration with what the recipe of the detector says, and defaults.

        Raises `InputError` if the recipe cannot be followed.
        """
        if self.settled:
            return self
        recipe = self._recipe(detector)
        try:
            found = replace(
                self,
                changes={**recipe.settings, **self.changes},
                loss=self.loss or recipe.loss or BCE,
                precision=self.precision or recipe.precision or FLOAT32,
                laundering=self.laundering or _laundering(recipe.laundering),
                rawboost=self.rawboost or recipe.rawboost,
                settled=True,
            )
        except InputError as error:
            raise InputError(f"{recipe.path}: {error}") from error
        if found.laundering and found.rawboost:
            raise InputError(
                f"{recipe.path} augments by RawBoost: leave out --suite, because laundering and"
                " RawBoost exclude each other"
            )
        return found

    def _recipe(self, detector: str) -> TrainingRecipe:
        given = [recipe for recipe in self.recipes if recipe.detector == detector]
        own = recipe_files.packaged(detector)
        return given[0] if given else own or TrainingRecipe(Path(), detector)

    def called(self, detector: str) -> str:
        """Return the name of the trained detector in tables; `InputError` if another one has it."""
        name = self.name or "+".join([detector, *self.of(detector)._marks()])
        if name != detector and name in registry.names():
            raise InputError(f"--name {name!r} is the name of another detector")
        return name

    def _marks(self) -> list[str]:
        """Return what a name says of the training: its augmentation, and its loss."""
        marks = [_short(self.laundering.suite)] if self.laundering else []
        marks += [RAWBOOST] if self.rawboost else []
        return marks + ([self.loss] if self.loss != BCE else [])


def planned(
    detector: str, protocol: Protocol, config: TrainingConfig | None = None
) -> tuple[dict[str, Any], Path]:
    """Return the facts that determine the training of `detector`, and its checkpoint's path.

    The file's name follows from the facts: a different recipe, input, version, seed, loss, suite,
    training file or content of the detector's pretrained encoder gives a different checkpoint.
    Raises `InputError` if a split lacks a class or a file, if that encoder is absent, or if the
    detector does not support the configuration.
    """
    config = config or TrainingConfig()
    facts = configured(detector, config) | data_facts(protocol)
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", config.called(detector)).strip("-")[:LONGEST_NAME]
    file = f"{plain}-seed{config.seed}-{digest(facts)[:12]}.safetensors"
    return facts, paths.checkpoints() / file


def data_facts(protocol: Protocol) -> dict[str, Any]:
    """Return the facts of the data that determine a training.

    A data set that is built on each machine is identified by its recipe, and not by the bits of its
    samples, because these differ between processors.
    """
    facts: dict[str, Any] = {}
    if protocol.recipe != NO_RECIPE:
        facts["data_recipe"] = protocol.recipe
    for split in ("train", "dev"):
        part = used(protocol, split)
        facts[f"{split}_digest"] = part.digest()
        if protocol.recipe == NO_RECIPE:
            rows = rows_of(with_digests(part).table, "utterance_id", "label", "file_sha256")
            facts[f"{split}_files"] = rows_digest(rows)
    return facts


def configured(detector: str, config: TrainingConfig) -> dict[str, Any]:
    """Return the facts that determine a training apart from its data; errors as in `planned`."""
    item = registry.get(detector)()
    config = config.of(item.name)
    require_taken(item, config)
    name = config.called(detector)
    facts: dict[str, Any] = {
        "detector": detector,
        "version": item.version,
        "procedure": PROCEDURE,
        "seed": config.seed,
    }
    if isinstance(item, TensorDetector):
        facts["input"] = repr(item.input)
        facts["recipe"] = asdict(replace(item.recipe, **config.changes))
        if files := item.foundation():
            facts["foundation"] = {
                file.name: sha256 for file in files
                for sha256 in file_digests(file.parent, [file.name])
            }  # fmt: skip
    if config.start:
        facts["start"] = config.start.identity
    # defaults are omitted, so that an option at its default means the same training as no option
    if name != detector:
        facts["name"] = name
    if config.loss != BCE:
        facts["loss"] = config.loss
    if config.precision != FLOAT32:
        facts["precision"] = config.precision
    if config.patience is not None:
        facts["early_stopping"] = config.patience
    if config.laundering:
        facts["laundering"] = {
            **asdict(config.laundering),
            "identities": digest([c.identity() for c in config.laundering.parsed()]),
        }
    if config.rawboost:
        facts[RAWBOOST] = {**asdict(config.rawboost), "version": rawboost.VERSION}
    return facts


def require_taken(item: Detector, config: TrainingConfig) -> None:
    """Raise `InputError` if the detector does not support `config`, before any data are read.

    Whether the network can have the head of another loss is not checked here: that requires
    building it, as `networks.require_one_class` does.
    """
    config = config.of(item.name)
    if not isinstance(item, TensorDetector):
        if (recipe := config._recipe(item.name)).settings:
            raise InputError(
                f"{recipe.path}: detector {item.name!r} is not a network: it has no"
                f" {next(iter(recipe.settings))}"
            )
        if config.start:
            raise InputError(
                f"detector {item.name!r} is not a network: it cannot start from weights"
            )
        if (config.loss, config.precision, config.patience) != (BCE, FLOAT32, None):
            raise InputError(
                f"detector {item.name!r} is not a network: it has no --loss, --precision or"
                " --patience"
            )
    elif (start := config.start) and start.detector != item.name:
        raise InputError(f"{start.path} holds weights of {start.detector!r}, not of {item.name!r}")
    elif start and (start.facts.get("loss") == ONE_CLASS) != (config.loss == ONE_CLASS):
        raise InputError(
            f"{start.path} was trained with --loss {start.facts.get('loss')}: its last layer"
            f" differs from that of --loss {config.loss}; choose the same loss or another --start"
        )


def recipes(paths_: Sequence[Path], names: Sequence[str]) -> tuple[TrainingRecipe, ...]:
    """Read recipe files; `InputError` if one is of no detector in `names`, or two are of one."""
    found: dict[str, TrainingRecipe] = {}
    for recipe in map(recipe_files.read, paths_):
        if recipe.detector not in names:
            raise InputError(
                f"{recipe.path} is a recipe of {recipe.detector!r}, not of"
                f" {' or '.join(map(repr, names))}"
            )
        if other := found.get(recipe.detector):
            raise InputError(
                f"{other.path} and {recipe.path} are both recipes of {recipe.detector!r}"
            )
        TrainingConfig(recipes=(recipe,)).of(recipe.detector)
        found[recipe.detector] = recipe
    return tuple(found.values())


def _laundering(section: LaunderingSection | None) -> LaunderingAugmentation | None:
    """Return the augmentation that a recipe asks for, by a suite of the package alone."""
    if section is None:
        return None
    if section.suite not in suites.names():
        raise unknown("suite", section.suite, suites.names(), "launderbench list suites")
    suite = suite_choice.fetched(section.suite)
    spelled = tuple(str(condition) for condition in suite.conditions if condition.steps)
    return LaunderingAugmentation(suite.name, spelled, section.clean_share, section.variants)


def digest(value: Any) -> str:
    """Return the SHA-256 (hex) of a value that JSON can represent."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _short(suite: str) -> str:
    """Return a suite's name for a detector's name; a list of conditions becomes its attacks."""
    if NAME.fullmatch(suite):
        return suite
    attacks = [step.name for part in suite.split("; ") for step in parse(part).steps]
    joined = "-".join(dict.fromkeys(attacks))
    return joined if len(joined) <= LONGEST_SUITE else f"{len(suite.split('; '))}-conditions"
