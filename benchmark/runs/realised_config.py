"""The further realisations of a run as configurations: other trainings, other attack seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.runs import detector_choice
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.runs.run_config import RunConfig
from benchmark.scores import realisations
from benchmark.scores.realisations import Seeds


def trainings(config: RunConfig) -> list[RunConfig]:
    """Return the run with the detectors of each training; the first has all that are chosen."""
    seeds = range(config.detectors.seed, config.detectors.seed + config.train_seeds)
    return [replace(config, detectors=_of_training(config, seed)) for seed in seeds]


def further(config: RunConfig) -> list[Seeds]:
    """Return the seeds of all realisations but the run itself."""
    first = Seeds(config.seed, config.detectors.seed)
    return realisations.planned(first, config.attack_seeds, config.train_seeds)


def of_seeds(config: RunConfig, seeds: Seeds, folder: Path) -> RunConfig:
    """Return a further realisation of the run in `folder`, as a run of its own."""
    return replace(
        config,
        detectors=_of_training(config, seeds.train),
        seed=seeds.attack,
        run=str(realisations.place(folder, seeds)),
        attack_seeds=1,
        train_seeds=1,
    )


def _of_training(config: RunConfig, seed: int) -> DetectorChoice:
    """Return the detectors of a training: the chosen ones, after the first those that learn."""
    choice = config.detectors
    if seed == choice.seed:
        return choice
    names = tuple(detector_choice.learning(choice))
    if not names:
        raise InputError(
            "--train-seeds: none of the chosen detectors is trained here; their weights are given"
        )
    return replace(choice, names=names, checkpoints=(), weights=(), seed=seed)
