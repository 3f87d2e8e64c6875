"""What each command does, in terms of the harness's parts."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from attacks.contract.condition import CLEAN
from benchmark.cli import run_config
from benchmark.core.errors import InputError
from benchmark.core.parallel import cores
from benchmark.data import embedded
from benchmark.inference import detector_selection, precision
from benchmark.inference import published_weights as published
from benchmark.inference.checkpoints import FLOAT32
from benchmark.inference.scorer import resolve_device
from benchmark.runs import precision_check, provenance, runner
from benchmark.runs.audio_cache import AudioCache
from benchmark.runs.executor import WorkerSetup
from benchmark.runs.plan import PlanShare, RunPlan
from benchmark.scores import fusion
from benchmark.scores.fusion import Ensemble
from benchmark.scores.store import Store
from benchmark.workers import plugins
from detectors.contract.base import registry as detector_registry


def bench(options: Namespace) -> int:
    """Data, training, matrix, report."""
    from benchmark.cli import detectors as detector_commands
    from benchmark.training.training_config import TrainingConfig

    plugins.open_all(options.plugin)
    _ensembles(options)  # a misspelt one is told before the work, not after it
    device, suite = _device(options), run_config.suite_of(options)
    if detector_selection.ALL in run_config.asked_detectors(options):
        detector_commands.bring_all()
    missing = run_config.untrained_names(options)
    if run_config.needs_embedded(options, suite):
        embedded.build()
    if missing:
        data = run_config.training_data(options)
        course = TrainingConfig(options.seed)
        detector_commands.train_missing(missing, data, course, device, options.plugin)
    return _run(options, device)


def run(options: Namespace) -> int:
    """Matrix and report, with detectors that are trained already."""
    plugins.open_all(options.plugin)
    return _run(options, _device(options))


def plan(options: Namespace) -> int:
    """Say what a run would compute."""
    plugins.open_all(options.plugin)
    precision.require(options.precision, resolve_device(options.device))
    suite = run_config.suite_of(options)
    print(f"suite       {suite.name}: {len(suite.conditions)} conditions")
    for condition in suite.conditions:
        print(f"              {condition}")
    if run_config.needs_embedded(options, suite) and not embedded.complete():
        print("data        the embedded data set is not built yet: bench builds it, about 10 min")
        return 0
    matrix = run_config.plan(options)
    store = Store(run_config.folder(options, matrix))
    todo = runner.missing(matrix, store, options.retry_failures, PlanShare(*options.shard))
    trials = len(matrix.test.table)
    print(f"data        {matrix.test.name} {matrix.test.version}: {trials} test trials")
    print(f"digest      {matrix.test.digest()}")
    print(f"detectors   {', '.join(c.name for c in matrix.detectors)}")
    print(f"folder      {store.folder}")
    print(f"units       {todo.units_planned} planned, {todo.units} missing")
    print(f"trials      {todo.trials} utterances x conditions to launder")
    if todo.units:
        workers = _workers(options)
        seconds = runner.estimate(todo, _setting(options, matrix, store, _device(options)))
        print(f"estimate    {seconds / max(workers, 1) / 60:.1f} min with {workers} workers")
    return 0


def report(options: Namespace) -> int:
    """Leaderboards from scores alone."""
    from benchmark.metrics.decision import parse_costs

    plugins.open_all(options.plugin)
    choices: dict[str, Any] = {"baseline": options.baseline}
    if options.bootstrap is not None:
        choices["resamples"] = options.bootstrap
    if options.costs:
        choices["costs"] = parse_costs(options.costs)
    _report(options, run_config.run_folder(options.run), choices)
    return 0


def verify(options: Namespace) -> int:
    """0 when every cell is complete, every condition verified and every file readable, else 1."""
    from benchmark.leaderboard.leaderboard_tables import tables
    from benchmark.scores.load_run import collect

    results = collect(run_config.run_folder(options.run), {})
    cells = tables(results, resamples=0).conditions
    as_claimed = (cells["condition"] == CLEAN) | (cells["verified"].eq(True))
    bad = cells[~(cells["complete"].eq(True) & as_claimed)]
    for row in bad.itertuples():
        what = "unverified" if row.complete else "incomplete"
        print(f"{what}: {row.detector} under {row.condition} (track {row.track})")
    for name in results.unreadable["utterance_id"]:
        print(f"unreadable: {name}")
    lost = len(results.unreadable)
    verdict = f"{len(cells) - len(bad)} of {len(cells)} cells are complete and verified"
    print(f"{verdict}, without {lost} trials that cannot be read" if lost else verdict)
    return 1 if len(bad) or cells.empty or lost else 0


def weights(options: Namespace) -> int:
    """List the published weights, fetch them by name, or take local files of them."""
    if options.action == "list":
        entries = [*published.index().values()]
    elif not options.what:
        raise InputError(f"say what to {options.action} (see launderbench weights list)")
    elif options.action == "add":
        entries = [published.add(Path(file)) for file in options.what]
    else:
        plugins.open_all(options.plugin)
        entries = []
        for name in options.what:
            if "(" in name:
                detector_registry.get(name)().fetch()
                print(f"{name}  is here")
            else:
                entries.append(published.find(name))
                published.fetch(name)
    for entry in entries:
        print(*published.describe(entry), sep="\n")
    return 0


def data(options: Namespace) -> int:
    """What is asked of data sets."""
    from benchmark.cli import data as data_commands

    getattr(data_commands, options.action)(options)
    return 0


def attack(options: Namespace) -> int:
    """Launder files; 1 when a file failed or a condition is not what it claims."""
    from benchmark.laundering import effect_tables, launder_files, output_layout

    plugins.open_all(options.plugin)
    suite = run_config.suite_of(options)
    wanted = [c for c in suite.conditions if c.steps] or [*suite.conditions]
    target = output_layout.target(options.input, options.out, options.format, len(wanted))
    found = output_layout.sources(options.input, target.folder, target.name)
    order = output_layout.order(wanted, target, options.seed, options.plugin)
    records = launder_files.run(order, found, options.workers)
    written = effect_tables.write(records, target.folder, target.prefix)
    if options.gallery:
        from benchmark.report import gallery

        page = target.folder / f"{target.prefix}{gallery.PAGE}"
        written.append(gallery.write(page, order, found, records))
    outcomes = effect_tables.outcomes(records)
    for outcome in outcomes:
        print(outcome)
    for cause in effect_tables.causes(records):
        print(f"failed: {cause}", file=sys.stderr)
    print(f"wrote {', '.join(path.name for path in written)} in {target.folder}")
    return 0 if all(outcome.sound for outcome in outcomes) else 1


def list(options: Namespace) -> int:
    """List what is registered."""
    from benchmark.cli import list as listing

    plugins.load(options.plugin)
    if options.family and options.what != "attacks":
        raise InputError("--family goes with: list attacks")
    given = (options.family,) if options.what == "attacks" else ()
    for line in getattr(listing, f"{options.what}_")(*given):
        print(line)
    return 0


def _ensembles(options: Namespace) -> Sequence[Ensemble]:
    return [fusion.parse(text) for text in options.ensemble]


def _run(options: Namespace, device: torch.device) -> int:
    _ensembles(options)  # a misspelt one is told before the work, not after it
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
        setting = _setting(options, matrix, store, device)
        setting = replace(setting, cache=_cache(options, workers))
        runner.run(todo, setting, workers, split_scoring=device.type == "cuda")
        print(f"laundered and scored in {(time.monotonic() - started) / 60:.1f} min")
    if share.of > 1 and (left := runner.missing(matrix, store).units):
        print(
            f"share {share} is done; {left} units of other shares are not there yet: the last"
            f" share to be done writes the report, or: launderbench report {store.folder}"
        )
        return 0
    _report(options, store.folder)
    return 0


def _report(options: Namespace, folder: Path, choices: dict[str, Any] | None = None) -> None:
    from benchmark.leaderboard.leaderboard_tables import tables
    from benchmark.report import writer
    from benchmark.report.html import samples_section
    from benchmark.scores.load_run import collect

    results = collect(folder, provenance.code() | {"written": provenance.now()})
    results = fusion.add(results, _ensembles(options))
    made = tables(results, **(choices or {}))
    played = samples_section.collect(results, made, options.voices, options.samples)
    written = writer.write(results, folder, made, played)
    print(writer.summary(made))
    print(f"wrote {', '.join(path.name for path in written)} in {folder}")


def _notes(
    options: Namespace, matrix: RunPlan, store: Store, device: torch.device, busy: bool
) -> dict[str, Any]:
    """How the detectors score, by their names, where another precision than float32 is asked."""
    if options.precision == FLOAT32:
        return {}
    return precision_check.report(matrix, runner.joined_head(matrix, store), device, busy)


def _device(options: Namespace) -> torch.device:
    device = resolve_device(options.device)
    precision.require(options.precision, device)
    if options.device == "auto":
        print(f"device: {device} (chosen automatically)")
    return device


def _cache(options: Namespace, workers: int) -> AudioCache | None:
    if options.audio_cache is None:
        return None
    return AudioCache(options.audio_cache, int(options.cache_gb * 1e9), max(workers, 1))


def _workers(options: Namespace) -> int:
    return cores() if options.workers is None else int(options.workers)


def _setting(
    options: Namespace, matrix: RunPlan, store: Store, device: torch.device
) -> WorkerSetup:
    origin = provenance.code() | {"machine": provenance.machine(str(device))}
    return WorkerSetup(store.folder, matrix.detectors, str(device), tuple(options.plugin), origin)
