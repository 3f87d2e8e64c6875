"""The commands `bench`, `plan` and `run`: the matrix of attacks and detectors."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
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
from benchmark.core.stage_timer import StageTimer

if TYPE_CHECKING:
    import torch

    from benchmark.data.protocol import Protocol
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
    sub.add_argument(
        "--train", action="store_true",
        help="train the detectors here instead of using the checkpoints that come along",
    )  # fmt: skip
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
    from benchmark.training import trained_checkpoints
    from benchmark.training.training_config import TrainingConfig
    from benchmark.workers import plugins

    plugins.open_all(options.plugin)
    report.ensembles(options)  # refuses a misspelt one before the work, not after it
    suite, device = run_config.suite_of(options), _device(options)
    if detector_selection.ALL in run_config.asked_detectors(options):
        train.fetch_all()
    timer = StageTimer()
    if run_config.needs_embedded(options, suite):
        with timer.timing("audio"):
            embedded.build(
                _Needs(options, len(suite.conditions)),
                bank=run_config.needs_bank(options, suite),
                workers=options.workers or 0,
                device=str(device),
            )
    config = TrainingConfig(options.seed)
    if names := run_config.untrained_names(options):
        known = run_config.known_training_data(options)
        for name in names:
            if known and (cause := trained_checkpoints.refused(name, config, known)):
                print(cause)
        if missing := run_config.to_train(options, known):
            protocol = run_config.training_data(options)
            with timer.timing("training"):
                train.train_missing(missing, protocol, config, device, options.plugin)
    code = _run(options, device, timer)
    spent = ", ".join(f"{stage} {time_.wall:.0f} s" for (stage, _), time_ in timer.spent.items())
    print(f"time spent: {spent}")
    return code


class _Needs:
    """What a run needs of the embedded set; prints once how long it takes to make that."""

    def __init__(self, options: Namespace, conditions: int) -> None:
        self.options, self.conditions, self.announced = options, conditions, False

    def __call__(self, whole: Protocol) -> set[str]:
        from benchmark.cli import run_config
        from benchmark.data import embedded

        ids = run_config.choose(self.options, whole)
        absent = ids.intersection(embedded.missing(whole))
        if absent and not self.announced:
            self.announced = True
            print("\n".join(_durations(self.options, self.conditions, whole, absent)), flush=True)
        return ids


def _durations(
    options: Namespace, conditions: int, whole: Protocol, absent: set[str]
) -> Iterator[str]:
    """Yield this machine's speed, and about how long each stage of a run will take on it."""
    from benchmark.cli import run_config
    from benchmark.runs import machine_speed
    from benchmark.training import training_examples

    speed = machine_speed.measure()
    yield f"this machine: {speed}"
    table = whole.table
    systems = table[table["utterance_id"].isin(absent)]["spoof_system"].tolist()
    seconds = machine_speed.synthesis_s(systems, speed)
    yield f"about {_minutes(seconds)} to make {len(absent)} utterances"
    if options.train_data is None and (names := run_config.to_train(options, whole)):
        count = len(training_examples.used(whole, "train").table)
        seconds = machine_speed.training_s(names, count)
        yield f"about {_minutes(seconds)} to train {', '.join(names)}"
    if options.data is None:
        trials = len(run_config.evaluated(options, whole)[0].table) * conditions
        seconds = machine_speed.matrix_s(trials, speed)
        yield f"about {_minutes(seconds)} to launder and score {trials} trials"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


def run(options: Namespace) -> int:
    """Run the matrix and report, with detectors that are trained already."""
    from benchmark.workers import plugins

    plugins.open_all(options.plugin)
    return _run(options, _device(options), StageTimer())


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
    if run_config.needs_embedded(options, suite):
        if not embedded.planned():
            say("data", "the embedded data set is not here yet: bench fetches and builds it")
            return 0
        whole = embedded.read()
        absent = run_config.choose(options, whole).intersection(embedded.missing(whole))
        if run_config.needs_bank(options, suite):
            say("data", "the noise bank is not here yet: bench builds it")
            return 0
        if absent:
            for line in _durations(options, len(suite.conditions), whole, absent):
                say("data", line)
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


def _run(options: Namespace, device: torch.device, timer: StageTimer) -> int:
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
        with timer.timing("matrix"):
            runner.run(todo, setup, workers, split_scoring=device.type == "cuda")
        print(f"laundered and scored in {(time.monotonic() - started) / 60:.1f} min")
    if share.of > 1 and (left := runner.missing(matrix, store).units):
        print(
            f"share {share} is done; {left} units of other shares are not there yet: the last"
            f" share to be done writes the report, or: launderbench report {store.folder}"
        )
        return 0
    with timer.timing("report"):
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
