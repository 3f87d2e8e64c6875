"""The commands `bench`, `plan` and `run`: the matrix of attacks and detectors."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmark.cli.arguments import (
    Command,
    cache_options,
    execution_options,
    matrix_options,
    report_options,
    shard_option,
)

if TYPE_CHECKING:
    import torch

    from benchmark.runs.audio_cache import AudioCache
    from benchmark.runs.executor import WorkerSetup
    from benchmark.runs.plan import RunPlan
    from benchmark.scores.store import Store


def add(command: Command) -> None:
    """Add the commands and their options."""
    sub = command(
        "bench", "build the data, train what is missing, run the matrix, write the report", bench
    )
    matrix_options(sub)
    execution_options(sub)
    cache_options(sub)
    sub.set_defaults(shard=(1, 1))  # bench also trains, which machines cannot share
    report_options(sub)

    sub = command("plan", "say what a run would compute, and about how long it would take", plan)
    matrix_options(sub)
    execution_options(sub)
    shard_option(sub)

    sub = command("run", "run the matrix with trained detectors", run)
    matrix_options(sub)
    execution_options(sub)
    cache_options(sub)
    shard_option(sub)
    report_options(sub)


def bench(options: Namespace) -> int:
    """Build the data, train, run the matrix and report."""
    from benchmark.cli import report, run_config, train
    from benchmark.data import embedded
    from benchmark.inference import detector_selection
    from benchmark.training.training_config import TrainingConfig
    from benchmark.workers import plugins

    plugins.open_all(options.plugin)
    report.ensembles(options)  # refuses a misspelt one before the work, not after it
    suite, device = run_config.suite_of(options), _device(options)
    if detector_selection.ALL in run_config.asked_detectors(options):
        train.fetch_all()
    missing = run_config.untrained_names(options)
    if run_config.needs_embedded(options, suite):
        embedded.build()
    if missing:
        protocol = run_config.training_data(options)
        config = TrainingConfig(options.seed)
        train.train_missing(missing, protocol, config, device, options.plugin)
    return _run(options, device)


def run(options: Namespace) -> int:
    """Run the matrix and report, with detectors that are trained already."""
    from benchmark.workers import plugins

    plugins.open_all(options.plugin)
    return _run(options, _device(options))


def plan(options: Namespace) -> int:
    """Print what a run would compute."""
    from benchmark.cli import run_config
    from benchmark.core import terminal
    from benchmark.data import embedded
    from benchmark.inference import precision
    from benchmark.inference.scorer import resolve_device
    from benchmark.runs import runner
    from benchmark.runs.plan import PlanShare
    from benchmark.scores.store import Store
    from benchmark.workers import plugins

    plugins.open_all(options.plugin)
    precision.require(options.precision, resolve_device(options.device))
    suite = run_config.suite_of(options)

    def say(label: str, text: str) -> None:
        print("\n".join(terminal.columns([(label.ljust(10), text)])))

    say("suite", f"{suite.name}: {len(suite.conditions)} conditions")
    for condition in suite.conditions:
        say("", f"  {condition}")
    if run_config.needs_embedded(options, suite) and not embedded.complete():
        say("data", "the embedded data set is not built yet: bench builds it, about 10 min")
        return 0
    matrix = run_config.plan(options)
    store = Store(run_config.folder(options, matrix))
    todo = runner.missing(matrix, store, options.retry_failures, PlanShare(*options.shard))
    trials = len(matrix.test.table)
    say("data", f"{matrix.test.name} {matrix.test.version}: {trials} test trials")
    say("digest", matrix.test.digest())
    say("detectors", ", ".join(c.name for c in matrix.detectors))
    say("folder", str(store.folder))
    say("units", f"{todo.units_planned} planned, {todo.units} missing")
    say("trials", f"{todo.trials} utterances x conditions to launder")
    if todo.units:
        workers = _workers(options)
        seconds = runner.estimate(todo, _setup(options, matrix, store, _device(options)))
        say("estimate", f"{seconds / max(workers, 1) / 60:.1f} min with {workers} workers")
    return 0


def _run(options: Namespace, device: torch.device) -> int:
    from benchmark.cli import report, run_config
    from benchmark.runs import runner
    from benchmark.runs.plan import PlanShare
    from benchmark.scores.store import Store

    report.ensembles(options)  # refuses a misspelt one before the work, not after it
    workers = _workers(options)
    matrix = run_config.plan(options)
    store = Store(run_config.folder(options, matrix))
    share = PlanShare(*options.shard)
    todo = runner.missing(matrix, store, options.retry_failures, share)
    notes = _notes(options, matrix, store, device, busy=todo.units > 0)
    runner.claim(matrix, store, notes)
    print(
        f"{matrix.suite}: {len(matrix.conditions)} conditions x {len(matrix.test.table)} trials x"
        f" {len(matrix.detectors)} detectors on {device}; {todo.units} of"
        f" {todo.units_planned} units to do, in {store.folder}"
    )
    if todo.units:
        started = time.monotonic()
        setup = _setup(options, matrix, store, device)
        setup = replace(setup, cache=_cache(options, workers))
        runner.run(todo, setup, workers, split_scoring=device.type == "cuda")
        print(f"laundered and scored in {(time.monotonic() - started) / 60:.1f} min")
    if share.of > 1 and (left := runner.missing(matrix, store).units):
        print(
            f"share {share} is done; {left} units of other shares are not there yet: the last"
            f" share to be done writes the report, or: launderbench report {store.folder}"
        )
        return 0
    report.write_report(options, store.folder)
    return 0


def _notes(
    options: Namespace, matrix: RunPlan, store: Store, device: torch.device, busy: bool
) -> dict[str, Any]:
    """Return, by detector, how scores in another precision differ from float32."""
    from benchmark.inference.checkpoints import FLOAT32
    from benchmark.runs import precision_check, runner

    if options.precision == FLOAT32:
        return {}
    return precision_check.report(matrix, runner.joined_head(matrix, store), device, busy)


def _device(options: Namespace) -> torch.device:
    from benchmark.inference import precision
    from benchmark.inference.scorer import resolve_device

    device = resolve_device(options.device)
    precision.require(options.precision, device)
    if options.device == "auto":
        print(f"device: {device} (chosen automatically)")
    return device


def _cache(options: Namespace, workers: int) -> AudioCache | None:
    from benchmark.runs.audio_cache import AudioCache

    if options.audio_cache is None:
        return None
    return AudioCache(options.audio_cache, int(options.cache_gb * 1e9), max(workers, 1))


def _workers(options: Namespace) -> int:
    from benchmark.core.parallel import cores

    return cores() if options.workers is None else int(options.workers)


def _setup(options: Namespace, matrix: RunPlan, store: Store, device: torch.device) -> WorkerSetup:
    from benchmark.runs import provenance
    from benchmark.runs.executor import WorkerSetup

    origin = provenance.code() | {"machine": provenance.machine(str(device))}
    return WorkerSetup(store.folder, matrix.detectors, str(device), tuple(options.plugin), origin)
