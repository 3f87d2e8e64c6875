"""A whole run: build the data, train what is missing, launder and score, write the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from attacks.contract.condition import spell
from attacks.contract.suites import Suite
from benchmark.api import quality, reporting, training
from benchmark.assets import wheel_files
from benchmark.core import trust
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.stage_timer import StageTimer
from benchmark.data import embedded
from benchmark.data.data_config import evaluated
from benchmark.data.protocol import Protocol
from benchmark.inference import precision
from benchmark.inference.checkpoints import FLOAT32
from benchmark.inference.scorer import resolve_device
from benchmark.laundering import suite_choice
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.runs import (
    detector_choice,
    executor_choice,
    machine_speed,
    planning,
    plugin_checks,
    precision_check,
    provenance,
    run_folders,
    runner,
)
from benchmark.runs.audio_cache import AudioCache
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.runs.detector_notes import notes
from benchmark.runs.executor_choice import workers_of
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import ExecutionConfig, ReportConfig, RunConfig
from benchmark.runs.runner import MissingUnits
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.scores import fusion, realisations
from benchmark.scores.realisations import Seeds
from benchmark.scores.store import Scan, Store
from benchmark.training import training_examples
from benchmark.workers.context import ProcessContext

Inspection = Callable[[RunPlan], None]


@dataclass(frozen=True)
class Finished:
    """A finished call: the run folder, and its tables and files unless other shares are missing."""

    folder: Path
    tables: Tables | None = None
    written: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Prospect:
    """What a run would compute.

    test   : the trials; None before the embedded set, if the run is on it, is planned
    absent : what must be built first, as sentences; plan and missing units are then unknown
    """

    suite: Suite
    detectors: tuple[str, ...]
    test: Protocol | None
    absent: tuple[str, ...] = ()
    plan: RunPlan | None = None
    folder: Path | None = None
    missing: MissingUnits | None = None


def bench(
    config: RunConfig,
    execution: ExecutionConfig,
    report: ReportConfig,
    timer: StageTimer,
    inspect: Inspection | None = None,
) -> Finished:
    """Build the data, train what is missing, run the matrix, and write the report.

    inspect : called with the plan before anything is laundered; it may raise `InputError`
    """
    fusion.parse_all(report.ensembles)  # refuses a misspelt one before the work, not after it
    suite, device = suite_choice.fetched(config.suite, config.data), device_of(config)
    if config.detectors.every:
        training.fetch_all()
    for mine in _trainings(config):
        if planning.needs_embedded(mine, suite):
            with timer.timing("audio"):
                embedded.build(
                    _Needs(mine, len(suite.conditions)),
                    bank=planning.needs_bank(mine, suite),
                    workers=execution.workers or 0,
                    device=str(device),
                )
        _train(mine, device, timer)
    return run(config, execution, report, timer, device, inspect)


def run(
    config: RunConfig,
    execution: ExecutionConfig,
    report: ReportConfig,
    timer: StageTimer,
    device: torch.device | None = None,
    inspect: Inspection | None = None,
) -> Finished:
    """Run the matrix with detectors that are trained already, and write the report."""
    fusion.parse_all(report.ensembles)
    device = device or device_of(config)
    matrix = planning.plan(config)
    if config.detectors.device == "auto":
        logger.info(f"device: {device} (chosen automatically)")
    for note in notes((found.detector for found in matrix.detectors), matrix.test.name):
        logger.warning(note)
    if inspect is not None:
        inspect(matrix)
    store = Store(run_folders.of(config, matrix), sync=execution.fsync)
    matrix, found = _begun(matrix, store, config.context)
    done = _computed(config, execution, matrix, store, found, device, timer)
    for seeds in _further(config):
        done &= _realised(config, seeds, execution, store.folder, device, timer)
    if not done:
        return Finished(store.folder)
    with timer.timing("quality"):
        quality.measure(matrix, store, execution.quality, workers_of(execution), config.context)
    with timer.timing("report"):
        tables, written, damaged = _reported(store, matrix, report)
    if damaged:  # found only when their content was read
        store.set_aside(dict.fromkeys(damaged, "is damaged"))
        once = replace(execution, retry_failures=False)
        _computed(config, once, matrix, store, store.scan(), device, timer)
        with timer.timing("report"):
            tables, written, damaged = _reported(store, matrix, report)
    return Finished(store.folder, tables, tuple(written))


def _trainings(config: RunConfig) -> list[RunConfig]:
    """Return the run with the detectors of each training; the first has all that are chosen."""
    seeds = range(config.detectors.seed, config.detectors.seed + config.train_seeds)
    return [replace(config, detectors=_of_training(config, seed)) for seed in seeds]


def _further(config: RunConfig) -> list[Seeds]:
    first = Seeds(config.seed, config.detectors.seed)
    return realisations.planned(first, config.attack_seeds, config.train_seeds)


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


def _realised(
    config: RunConfig,
    seeds: Seeds,
    execution: ExecutionConfig,
    folder: Path,
    device: torch.device,
    timer: StageTimer,
) -> bool:
    """Compute a further realisation of the run in `folder`; return False if others lack units."""
    mine = replace(
        config,
        detectors=_of_training(config, seeds.train),
        seed=seeds.attack,
        run=str(realisations.place(folder, seeds)),
        attack_seeds=1,
        train_seeds=1,
    )
    store = Store(realisations.place(folder, seeds), sync=execution.fsync)
    matrix, found = _begun(planning.plan(mine), store, mine.context)
    return _computed(mine, execution, matrix, store, found, device, timer)


def _begun(matrix: RunPlan, store: Store, context: ProcessContext) -> tuple[RunPlan, Scan]:
    """Return the plan with its plugins checked, and what the store has of it that is whole."""
    matrix = plugin_checks.checked(matrix, store, context)
    found = store.scan()
    store.set_aside(found.damaged)
    return matrix, found


def _reported(
    store: Store, matrix: RunPlan, report: ReportConfig
) -> tuple[Tables, list[Path], list[str]]:
    """Write the report; the attacks in it are those that the user just asked for."""
    spelled = {spell(step) for condition in matrix.conditions for step in condition.steps}
    with trust.allowing(*sorted(spelled)):
        return reporting.write(store.folder, report)


def _computed(
    config: RunConfig,
    execution: ExecutionConfig,
    matrix: RunPlan,
    store: Store,
    found: Scan,
    device: torch.device,
    timer: StageTimer,
) -> bool:
    """Compute the units of this share that are not `found`; return False if others lack any."""
    retry, recheck = execution.retry_failures, execution.recheck_audio
    todo = runner.missing(matrix, store, retry, execution.share, recheck, found)
    runner.write_plan(
        matrix, store, _precision_notes(config, matrix, store, device, todo.units > 0)
    )
    logger.info(
        f"{matrix.suite}: {len(matrix.conditions)} conditions x {len(matrix.test.table)} trials x"
        f" {len(matrix.detectors)} detectors on {device}; {todo.units} of"
        f" {todo.units_planned} units to do, in {store.folder}"
    )
    if todo.units:
        started = time.monotonic()
        setup = setup_of(store.folder, matrix, config.context, device)
        setup = replace(
            setup,
            cache=_cache(execution),
            sync=execution.fsync,
            timeout=execution.unit_timeout,
        )
        executor = executor_choice.chosen(execution, config.detectors.device, device)
        with timer.timing("matrix"):
            runner.run(todo, setup, executor)
        logger.info(f"laundered and scored in {(time.monotonic() - started) / 60:.1f} min")
    share = execution.share
    if share.of > 1 and (left := runner.absent(matrix, store.scan()).units):
        logger.info(
            f"share {share} is done; {left} units of other shares are not there yet: the last"
            f" share to be done writes the report, or: launderbench report {store.folder}"
        )
        return False
    return True


def prospect(config: RunConfig, execution: ExecutionConfig) -> Prospect:
    """Return what a run would compute, as far as it can be known before its data are built."""
    precision.require(config.detectors.precision, resolve_device(config.detectors.device))
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
    return replace(found, test=matrix.test, plan=matrix, folder=folder, missing=todo)


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
    return (*_durations(config, len(suite.conditions), whole, absent), *waiting)


def estimate_s(config: RunConfig, found: Prospect) -> float:
    """Return the seconds that one worker needs for the missing units, from a short measurement."""
    assert found.plan is not None and found.folder is not None and found.missing is not None
    device = resolve_device(config.detectors.device)
    setup = setup_of(found.folder, found.plan, config.context, device)
    return runner.estimate(found.missing, setup)


def device_of(config: RunConfig) -> torch.device:
    """Return the device of a run; `InputError` if it is absent or cannot use the precision."""
    device = resolve_device(config.detectors.device)
    precision.require(config.detectors.precision, device)
    return device


def _train(config: RunConfig, device: torch.device, timer: StageTimer) -> None:
    choice = config.detectors
    if not detector_choice.learning(choice):
        return
    known = detector_choice.known_training_data(choice)
    for cause in detector_choice.refusals(choice, known):
        logger.info(cause)
    if missing := detector_choice.untrained(choice, known):
        protocol = detector_choice.training_data(choice)
        with timer.timing("training"):
            training.train_missing(
                missing, protocol, detector_choice.training(choice), device, config.context
            )


def _waiting(config: RunConfig) -> tuple[str, ...]:
    """Say which detectors must be trained, and on which data; () if none."""
    choice = config.detectors
    if not detector_choice.learning(choice):
        return ()
    names = detector_choice.untrained(choice, detector_choice.known_training_data(choice))
    data = choice.train_data or "the embedded data set"
    return (f"{', '.join(names)} must be trained on {data}",) if names else ()


class _Needs:
    """What a run needs of the embedded set; logs once how long it takes to make that."""

    def __init__(self, config: RunConfig, conditions: int) -> None:
        self.config, self.conditions, self.announced = config, conditions, False

    def __call__(self, whole: Protocol) -> set[str]:
        ids = planning.needed(self.config, whole)
        absent = ids.intersection(embedded.missing(whole))
        if absent and not self.announced:
            self.announced = True
            for line in _durations(self.config, self.conditions, whole, absent):
                logger.info(line)
        return ids


def _durations(
    config: RunConfig, conditions: int, whole: Protocol, absent: set[str]
) -> Iterator[str]:
    """Yield this machine's speed, and about how long each stage of a run will take on it."""
    speed = machine_speed.measure()
    yield f"this machine: {speed}"
    table = whole.table
    systems = table[table["utterance_id"].isin(absent)]["spoof_system"].tolist()
    seconds = machine_speed.synthesis_s(systems, speed)
    yield f"about {_minutes(seconds)} to make {len(absent)} utterances"
    choice = config.detectors
    if choice.train_data is None and (names := detector_choice.untrained(choice, whole)):
        count = len(training_examples.used(whole, "train").table)
        seconds = machine_speed.training_s(names, count)
        yield f"about {_minutes(seconds)} to train {', '.join(names)}"
    if config.data.embedded:
        trials = len(evaluated(whole, config.limit)[0].table) * conditions
        seconds = machine_speed.matrix_s(trials, speed)
        yield f"about {_minutes(seconds)} to launder and score {trials} trials"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


def _precision_notes(
    config: RunConfig, matrix: RunPlan, store: Store, device: torch.device, busy: bool
) -> dict[str, Any]:
    """Return, by detector, how scores in another precision differ from float32."""
    if config.detectors.precision == FLOAT32:
        return {}
    return precision_check.report(matrix, runner.joined_head(matrix, store), device, busy)


def _cache(execution: ExecutionConfig) -> AudioCache | None:
    if execution.audio_cache is None:
        return None
    size = int(execution.cache_gb * 1e9)
    return AudioCache(execution.audio_cache, size, max(workers_of(execution), 1))


def setup_of(
    folder: Path, matrix: RunPlan, context: ProcessContext, device: torch.device
) -> WorkerSetup:
    """Return what all processes of a run in `folder` share, with the origin of its scores."""
    origin = provenance.code() | {"machine": provenance.machine(str(device))}
    return WorkerSetup(folder, matrix.detectors, str(device), context, origin)
