"""Augmentation studies: does laundering in training help against launderings that it never met?

Every detector is trained with every seed on clean audio, with all families of a suite, and with all
but one for each family. All of them are scored on the same laundered trials.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from attacks.contract.condition import Condition
from attacks.contract.suites import Suite
from benchmark.api import matrix, training
from benchmark.core import atomic_files, json_text
from benchmark.core.checks import require_new, settle, whole
from benchmark.core.errors import InputError, one_line
from benchmark.core.stage_timer import StageTimer
from benchmark.data.data_config import DataConfig
from benchmark.data.protocol import Protocol
from benchmark.inference.scorer import resolve_device
from benchmark.laundering import suite_choice
from benchmark.leaderboard import augmentation_gains
from benchmark.leaderboard.augmentation_gains import Trained
from benchmark.metrics import bootstrap
from benchmark.report import augmentation_text
from benchmark.runs import provenance, run_folders
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.runs.run_config import ExecutionConfig, ReportConfig, RunConfig
from benchmark.scores.run_results import RunResults
from benchmark.training import augmentation_arms, trained_checkpoints, training_config
from benchmark.training.augmentation_arms import ALL, CLEAN, Arm
from benchmark.training.parallel_training import Training
from benchmark.training.training_config import (
    CLEAN_SHARE,
    VARIANTS,
    LaunderingAugmentation,
    TrainingConfig,
)
from benchmark.workers.context import ProcessContext
from detectors.contract.base import registry
from detectors.contract.recipe_files import TrainingRecipe

FOLDER = run_folders.RESULTS / "augmentation-study"
FACTS, RUN = "study.json", "run"
SETTINGS, RECIPES = "settings", "recipes"


@dataclass(frozen=True)
class AugmentationStudy:
    """What an augmentation study is.

    detectors   : names of detectors that can be trained
    suite       : conditions, of which the laundered ones are in training and in scoring
    families    : families of the suite to take; () for all of it
    seed, seeds : first seed of the trainings, and their number; `seed` is also that of the attacks
    recipe      : fields of the detectors' `Recipe` to change, such as `epochs`
    recipes     : recipe files without augmentation, each in place of the detector's own
    subset      : at most this many training utterances
    limit       : at most this many test utterances
    clean_share : how often a recording is heard clean in a training with laundering
    variants    : laundered variants of each recording
    resamples   : bootstrap resamples behind every interval; 0 for no intervals
    out         : folder of the study
    """

    detectors: tuple[str, ...]
    data: DataConfig = field(default_factory=DataConfig)
    suite: str = "core"
    families: tuple[str, ...] = ()
    seed: int = 0
    seeds: int = 3
    recipe: dict[str, Any] = field(default_factory=dict)
    subset: int | None = None
    limit: int | None = None
    clean_share: float = CLEAN_SHARE
    variants: int = VARIANTS
    resamples: int = bootstrap.RESAMPLES
    out: Path = FOLDER
    device: str = "auto"
    workers: int | None = None
    context: ProcessContext = field(default_factory=ProcessContext)
    recipes: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        settle(self, seed=whole("seed", self.seed, 0), seeds=whole("seeds", self.seeds, 1))
        settle(self, limit=whole("limit", self.limit, 2, also=(None,)))
        settle(self, resamples=whole("resamples", self.resamples, 0))
        if not self.detectors:
            raise InputError("a study wants detectors: name them with --detectors A,B")


@dataclass(frozen=True)
class Studied:
    """A finished study: its table, its note, and the files that hold them."""

    table: pd.DataFrame
    note: str
    written: tuple[Path, ...]


@dataclass(frozen=True)
class _Design:
    """The detectors, conditions and arms of a study."""

    study: AugmentationStudy
    detectors: tuple[str, ...]
    suite: Suite
    families: Mapping[str, list[Condition]]
    arms: tuple[Arm, ...]
    recipes: tuple[TrainingRecipe, ...]

    def config(self, detector: str, arm: Arm, seed: int) -> TrainingConfig:
        """Return the configuration of one training, with a name that no other one has."""
        study, laundering = self.study, None
        if arm.conditions:
            laundering = LaunderingAugmentation(
                f"{self.suite.name} {arm.name}", arm.conditions, study.clean_share, study.variants
            )
        name = re.sub(r"[^A-Za-z0-9_.+-]+", "-", detector).strip("-")
        return TrainingConfig(
            seed, study.recipe, laundering=laundering, name=f"{name}+{arm.name}+seed{seed}",
            recipes=self.recipes,
        )  # fmt: skip

    @property
    def seeds(self) -> range:
        """The seeds of the trainings."""
        return range(self.study.seed, self.study.seed + self.study.seeds)

    def trained(self) -> dict[str, list[Trained]]:
        """Return the names of all trainings in tables, by detector, one entry per seed."""
        return {name: [self._names(name, seed) for seed in self.seeds] for name in self.detectors}

    def _names(self, detector: str, seed: int) -> Trained:
        names = {arm.name: self.config(detector, arm, seed).name for arm in self.arms}
        without = {family: names[augmentation_arms.without(family)] for family in self.families}
        return Trained(names[CLEAN], names[ALL], without)

    def trainings(self, protocol: Protocol) -> list[Training]:
        """Return all trainings of the study on these data."""
        return [
            Training(name, trained_checkpoints.path_of(name, config, protocol), config)
            for seed in self.seeds
            for arm in self.arms
            for name in self.detectors
            for config in [self.config(name, arm, seed)]
        ]

    def conditions(self) -> str:
        """Return the spelling of the suite that is scored."""
        every = [c for conditions in self.families.values() for c in conditions]
        chosen = len(every) + 1 == len(self.suite.conditions)
        return self.study.suite if chosen else "; ".join(map(str, every))

    def settings(self) -> dict[str, Any]:
        """Return what makes this study another one than the next, but for its data."""
        study = self.study
        return {
            "detectors": list(self.detectors),
            "conditions": {name: list(map(str, found)) for name, found in self.families.items()},
            "seeds": list(self.seeds),
            "recipe": study.recipe,
            "subset": study.subset,
            "limit": study.limit,
            "clean_share": study.clean_share,
            "variants": study.variants,
            RECIPES: {
                recipe.detector: dict(recipe.settings)
                | {"loss": recipe.loss, "precision": recipe.precision}
                for recipe in self.recipes
            },
        }


def study(config: AugmentationStudy) -> Studied:
    """Train and score what is missing, and write `study.csv`, `study.md` and `study.json`.

    Raises `InputError` for a detector that cannot be trained, for a recipe that augments, for
    families that the suite lacks or fewer than two, and for a folder that holds a study of other
    settings.
    """
    design = _designed(config)
    _require_same(config.out, design.settings())
    protocol = training.opened(_training(config, design))
    settings = design.settings() | {"data": training_config.data_facts(protocol)}
    _require_same(config.out, settings)
    facts = {
        SETTINGS: settings, "suite": design.suite.name, "data": protocol.name,
        "data_version": protocol.version, "code": _code(),
    }  # fmt: skip
    atomic_files.write(config.out / FACTS, json.dumps(facts, indent=1, sort_keys=True) + "\n")
    files = training.train_absent(
        design.trainings(protocol), protocol, resolve_device(config.device), config.context
    )
    results = _scored(config, design, files)
    table = augmentation_gains.table(results, design.trained(), config.resamples)
    note = augmentation_text.note(results, table, settings)
    written = augmentation_text.write(table, note, config.out)
    return Studied(table, note, tuple(written))


def _designed(config: AugmentationStudy) -> _Design:
    names = tuple(dict.fromkeys(training.trainable(config.detectors)))
    for name in names:
        if not registry.get(name).learns:
            raise InputError(f"detector {name!r} learns nothing: it cannot be trained")
    recipes = training_config.recipes(config.recipes, names)
    for recipe in recipes:
        if recipe.laundering or recipe.rawboost:
            raise InputError(
                f"{recipe.path}: a study chooses the augmentation itself: leave out"
                f" [{'laundering' if recipe.laundering else 'rawboost'}]"
            )
    suite = suite_choice.fetched(config.suite, config.data)
    families = augmentation_arms.by_family(suite.conditions, config.families)
    arms = tuple(augmentation_arms.arms(families))
    design = _Design(config, names, suite, families, arms, recipes)
    for name in names:
        for arm in design.arms:
            training.require_taken(name, design.config(name, arm, config.seed))
    return design


def _training(config: AugmentationStudy, design: _Design) -> training.TrainConfig:
    """Return the configuration that says which data are opened for training."""
    return training.TrainConfig(
        design.detectors, config.data, subset=config.subset, suite=config.suite,
        clean_share=config.clean_share, variants=config.variants, seed=config.seed,
        device=config.device, recipe=config.recipe, context=config.context,
    )  # fmt: skip


def _scored(config: AugmentationStudy, design: _Design, files: list[Path]) -> RunResults:
    """Score every training on the conditions of the study; return the results."""
    folder = config.out / RUN
    run = RunConfig(
        config.data,
        design.conditions(),
        DetectorChoice((), tuple(files), device=config.device),
        config.seed,
        config.limit,
        str(folder),
        context=config.context,
    )
    report = ReportConfig(voices="none", samples=0, resamples=0)
    matrix.bench(run, ExecutionConfig(config.workers), report, StageTimer())
    return run_folders.results(str(folder))


def _code() -> dict[str, Any]:
    known = provenance.code()
    return {name: known[name] for name in ("launderbench", "commit", "dirty", "plugins")}


def _require_same(folder: Path, settings: Mapping[str, Any]) -> None:
    """Raise `InputError` if the folder holds a study of other settings, or no study."""
    path = folder / FACTS
    if not path.is_file():
        require_new(folder, "it holds no study; choose another --out")
        return
    try:
        # studies of former versions had no recipe files
        found = {RECIPES: {}} | json_text.parse(path.read_bytes())[SETTINGS]
        values = [(name, found[name]) for name in settings]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({one_line(error)})") from error
    wanted = json.loads(json.dumps(settings))
    for name, value in values:
        if value != wanted[name]:
            raise InputError(
                f"{folder} holds a study with other {name}: {_short(value)}, not"
                f" {_short(wanted[name])}; choose another --out"
            )


def _short(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 80 else f"{text[:77]}..."
