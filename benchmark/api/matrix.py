"""A whole run: build the data, train what is missing, launder and score, write the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from attacks.contract.condition import spell
from benchmark.api import quality, reporting, stage_durations, training
from benchmark.core import trust
from benchmark.core.log import logger
from benchmark.core.stage_timer import StageTimer
from benchmark.data import embedded
from benchmark.data.protocol import Protocol
from benchmark.inference import precision
from benchmark.inference.checkpoints import FLOAT32
from benchmark.inference.scorer import resolve_devices
from benchmark.laundering import suite_choice
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.runs import (
    detector_choice,
    executor_choice,
    planning,
    plugin_checks,
    precision_check,
    provenance,
    realised_config,
    run_folders,
    runner,
)
from benchmark.runs.audio_cache import AudioCache
from benchmark.runs.detector_notes import notes
from benchmark.runs.executor_choice import workers_of
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import ExecutionConfig, ReportConfig, RunConfig
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.scores import fusion, realisations
from benchmark.scores.realisations import Seeds
from benchmark.scores.store import Scan, Store
from benchmark.workers.context import ProcessContext

Inspection = Callable[[RunPlan], None]


@dataclass(frozen=True)
class Finished:
    """A finished call: the run folder, and its tables and files unless other shares are missing."""

    folder: Path
    tables: Tables | None = None
    written: tuple[Path, ...] = ()


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
    suite, device = suite_choice.fetched(config.suite, config.data), devices_of(config)[0]
    if config.detectors.every:
        training.fetch_all()
    for mine in realised_config.trainings(config):
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
    device = device or devices_of(config)[0]
    matrix = planning.plan(config)
    if config.detectors.device == "auto":
        logger.info(f"device: {device} (chosen automatically)")
    for note in notes((found.detector for found in matrix.detectors), matrix.test.name):
        logger.warning(note)
    if inspect is not None:
        inspect(matrix)
    store = Store(run_folders.of(config, matrix), sync=execution.fsync)
    matrix, found = _begun(matrix, store, config.context, execution)
    done = _computed(config, execution, matrix, store, found, device, timer)
    for seeds in realised_config.further(config):
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


def _realised(
    config: RunConfig,
    seeds: Seeds,
    execution: ExecutionConfig,
    folder: Path,
    device: torch.device,
    timer: StageTimer,
) -> bool:
    """Compute a further realisation of the run in `folder`; return False if others lack units."""
    mine = realised_config.of_seeds(config, seeds, folder)
    store = Store(realisations.place(folder, seeds), sync=execution.fsync)
    matrix, found = _begun(planning.plan(mine), store, mine.context, execution)
    return _computed(mine, execution, matrix, store, found, device, timer)


def _begun(
    matrix: RunPlan, store: Store, context: ProcessContext, execution: ExecutionConfig
) -> tuple[RunPlan, Scan]:
    """Return the plan with its plugins checked, and what the store has of it that is whole."""
    matrix = plugin_checks.checked(matrix, store, context, execution.unit_timeout)
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
    devices = devices_of(config)
    todo = runner.missing(matrix, store, retry, execution.share, recheck, found)
    runner.write_plan(
        matrix, store, _precision_notes(config, matrix, store, device, todo.units > 0)
    )
    logger.info(
        f"{matrix.suite}: {len(matrix.conditions)} conditions x {len(matrix.test.table)} trials x"
        f" {len(matrix.detectors)} detectors on {', '.join(map(str, devices))}; {todo.units} of"
        f" {todo.units_planned} units to do, in {store.folder}"
    )
    if todo.units:
        started = time.monotonic()
        setup = setup_of(store.folder, matrix, config.context, device)
        setup = replace(
            setup,
            origin=origin_of(",".join(map(str, devices))),
            cache=_cache(execution),
            sync=execution.fsync,
            timeout=execution.unit_timeout,
        )
        executor = executor_choice.chosen(execution, config.detectors.device, devices)
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


def devices_of(config: RunConfig) -> tuple[torch.device, ...]:
    """Return the devices of a run; `InputError` if one is absent or cannot use the precision."""
    devices = resolve_devices(config.detectors.device)
    for device in devices:
        precision.require(config.detectors.precision, device)
    return devices


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


class _Needs:
    """What a run needs of the embedded set; logs once how long it takes to make that."""

    def __init__(self, config: RunConfig, conditions: int) -> None:
        self.config, self.conditions, self.announced = config, conditions, False

    def __call__(self, whole: Protocol) -> set[str]:
        ids = planning.needed(self.config, whole)
        absent = ids.intersection(embedded.missing(whole))
        if absent and not self.announced:
            self.announced = True
            for line in stage_durations.announced(self.config, self.conditions, whole, absent):
                logger.info(line)
        return ids


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
    return WorkerSetup(folder, matrix.detectors, str(device), context, origin_of(str(device)))


def origin_of(devices: str) -> dict[str, Any]:
    """Return the origin of scores that this machine computes on these devices."""
    return provenance.code() | {"machine": provenance.machine(devices)}
