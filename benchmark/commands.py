"""What each command does, in terms of the harness's parts."""

from __future__ import annotations

import os
import re
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import torch

import attacks.base
import detectors.base
from attacks import suite as suites
from attacks.condition import CLEAN
from benchmark import checkpoints, datasets, embedded, paths, plugins, runner
from benchmark.checkpoints import Checkpoint
from benchmark.errors import InputError
from benchmark.executor import Setting
from benchmark.plan import Plan, limited, require_files
from benchmark.protocol import Protocol, require_both_classes
from benchmark.scoring import resolve_device
from benchmark.store import Store

RESULTS = Path("results")


def bench(options: Namespace) -> int:
    """Data, training, matrix, report."""
    plugins.load(options.plugin)
    names = _detector_names(options)
    _suite(options)
    device = _device(options)
    if options.data is None or (names and options.train_data is None):
        _build_embedded()
    protocol = _protocol(options)
    if names:
        _train(names, _training_data(options), options, device)
    return _run(options, protocol, names, device)


def run(options: Namespace) -> int:
    """Matrix and report, with detectors that are trained already."""
    plugins.load(options.plugin)
    return _run(options, _protocol(options), _detector_names(options), _device(options))


def plan(options: Namespace) -> int:
    """Say what a run would compute."""
    plugins.load(options.plugin)
    matrix = _plan(options, _protocol(options), _detector_names(options))
    store = Store(_folder(options, matrix))
    todo = runner.missing(matrix, store, options.retry_failures)
    trials = len(matrix.test.table)
    print(f"data        {matrix.test.name} {matrix.test.version}: {trials} test trials")
    print(f"digest      {matrix.test.digest()}")
    print(f"suite       {matrix.suite}: {len(matrix.conditions)} conditions")
    for condition in matrix.conditions:
        print(f"              {condition}")
    print(f"detectors   {', '.join(c.name for c in matrix.detectors)}")
    print(f"folder      {store.folder}")
    print(f"units       {todo.units_planned} planned, {len(todo.jobs)} missing")
    print(f"trials      {todo.trials} utterances x conditions to launder")
    if todo.jobs:
        workers = _workers(options)
        seconds = runner.estimate(todo, _setting(options, matrix, store, _device(options)))
        print(f"estimate    {seconds / max(workers, 1) / 60:.1f} min with {workers} workers")
    return 0


def report(options: Namespace) -> int:
    """Leaderboards from scores alone."""
    _report(options.folder, "cpu")
    return 0


def verify(options: Namespace) -> int:
    """0 when every cell of the run is complete and every condition verified, else 1."""
    from benchmark.collect import collect
    from benchmark.leaderboard import tables

    cells = tables(collect(options.folder, {})).conditions
    as_claimed = (cells["condition"] == CLEAN) | (cells["verified"].eq(True))
    bad = cells[~(cells["complete"].eq(True) & as_claimed)]
    for row in bad.itertuples():
        what = "unverified" if row.complete else "incomplete"
        print(f"{what}: {row.detector} under {row.condition} (track {row.track})")
    print(f"{len(cells) - len(bad)} of {len(cells)} cells are complete and verified")
    return 1 if len(bad) or cells.empty else 0


def train(options: Namespace) -> int:
    """Train detectors and keep their checkpoints."""
    plugins.load(options.plugin)
    names = [_trainable(name) for name in options.names] or _default_detectors()
    if options.out and len(names) != 1:
        raise InputError("--out takes one detector; name it")
    protocol = datasets.open_folder(options.data) if options.data else _embedded()
    _train(names, protocol, options, resolve_device(options.device))
    return 0


def data(options: Namespace) -> int:
    """Build the embedded data set, or show its card."""
    if options.action == "build":
        _build_embedded()
        return 0
    _embedded()
    print((paths.embedded() / "CARD.md").read_text(), end="")
    return 0


def list(options: Namespace) -> int:
    """List what is registered."""
    from benchmark import listing

    for line in getattr(listing, f"{options.what}_")():
        print(line)
    return 0


def check(options: Namespace) -> int:
    """Conformance of attacks; 1 when any finding stands."""
    from attacks.condition import parse
    from attacks.conformance import check as conformance

    plugins.load(options.plugin)
    names = attacks.base.registry.names() if options.all else options.names
    if not names:
        raise InputError("name the attacks to check, or say --all")
    failed = 0
    for name in names:
        findings = conformance(parse(name))
        failed += bool(findings)
        print(f"{'FAIL' if findings else 'ok  '}  {name}")
        for finding in findings:
            print(f"        {finding}")
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _run(options: Namespace, protocol: Protocol, names: Sequence[str], device: torch.device) -> int:
    workers = _workers(options)
    matrix = _plan(options, protocol, names)
    store = Store(_folder(options, matrix))
    runner.claim(matrix, store)
    todo = runner.missing(matrix, store, options.retry_failures)
    print(
        f"{matrix.suite}: {len(matrix.conditions)} conditions x {len(matrix.test.table)} trials x"
        f" {len(matrix.detectors)} detectors on {device}; {len(todo.jobs)} of"
        f" {todo.units_planned} units to do, in {store.folder}"
    )
    if todo.jobs:
        started = time.monotonic()
        setting = _setting(options, matrix, store, device)
        runner.run(todo, setting, workers, split_scoring=device.type == "cuda")
        print(f"laundered and scored in {(time.monotonic() - started) / 60:.1f} min")
    _report(store.folder, str(device))
    return 0


def _report(folder: Path, device: str) -> None:
    from benchmark import provenance, report
    from benchmark.collect import collect
    from benchmark.leaderboard import tables

    results = collect(folder, provenance.machine(device))
    made = tables(results)
    written = report.write(results, folder, made)
    print(report.summary(made))
    print(f"wrote {', '.join(path.name for path in written)} in {folder}")


def _plan(options: Namespace, protocol: Protocol, names: Sequence[str]) -> Plan:
    if options.noise_dir is not None:
        if not options.noise_dir.is_dir():
            raise InputError(f"noise folder not found: {options.noise_dir}")
        os.environ["LAUNDERBENCH_NOISES"] = str(options.noise_dir.resolve())
    suite = _suite(options)
    test = protocol.split("test")
    require_both_classes(test, "the test split")
    if options.limit is not None:
        test = limited(test, options.limit)
    dev = protocol.split("dev")
    for part in (test, dev):
        require_files(part)
    ready = _checkpoints(options, names)
    return Plan(test, dev, suite.name, suite.conditions, ready, options.seed)


def _suite(options: Namespace) -> suites.Suite:
    return suites.parse_suite(options.suite)


def _checkpoints(options: Namespace, names: Sequence[str]) -> tuple[Checkpoint, ...]:
    given = {c.name: c for c in map(checkpoints.load, options.checkpoint)}
    training = _training_data(options) if set(names) - set(given) else None
    ready = []
    for name in [*names, *(n for n in given if n not in names)]:
        if name in given:
            ready.append(given[name])
            continue
        assert training is not None
        path = checkpoints.path_for(name, training, options.seed)
        if not path.is_file():
            raise InputError(
                f"detector {name!r} is not trained for seed {options.seed}:"
                f" run launderbench train {name} --seed {options.seed}"
            )
        ready.append(checkpoints.load(path))
    return tuple(ready)


def _train(
    names: Sequence[str], protocol: Protocol, options: Namespace, device: torch.device
) -> None:
    from benchmark.training_pool import train_all

    changes = {
        field: getattr(options, option)
        for field, option in (
            ("epochs", "epochs"),
            ("batch_size", "batch_size"),
            ("learning_rate", "lr"),
        )
        if getattr(options, option, None) is not None
    }
    given = {checkpoints.load(path).name for path in getattr(options, "checkpoint", [])}
    out, force = getattr(options, "out", None), getattr(options, "force", False)
    wanted = {
        name: out or checkpoints.path_for(name, protocol, options.seed)
        for name in names
        if name not in given
    }
    missing = {name: path for name, path in wanted.items() if force or not path.is_file()}
    if missing:
        train_all(missing, protocol, options.seed, device, changes, tuple(options.plugin))


def _build_embedded() -> None:
    if not embedded.complete():
        embedded.build()


def _embedded() -> Protocol:
    return embedded.read()


def _training_data(options: Namespace) -> Protocol:
    """What detectors without a given checkpoint are trained on: the embedded set, unless asked."""
    return datasets.open_folder(options.train_data) if options.train_data else _embedded()


def _protocol(options: Namespace) -> Protocol:
    return datasets.open_folder(options.data) if options.data else _embedded()


def _detector_names(options: Namespace) -> Sequence[str]:
    asked = [name.strip() for name in options.detectors.split(",") if name.strip()]
    if asked:
        return [_trainable(name) for name in dict.fromkeys(asked)]
    if options.checkpoint and not options.detectors:
        return []
    return _default_detectors()


def _default_detectors() -> Sequence[str]:
    return detectors.base.registry.names()


def _trainable(name: str) -> str:
    detectors.base.registry.get(name)
    return name


def _device(options: Namespace) -> torch.device:
    device = resolve_device(options.device)
    if options.device == "auto":
        print(f"device: {device} (chosen automatically)")
    return device


def _workers(options: Namespace) -> int:
    if options.workers is None:
        return len(os.sched_getaffinity(0))
    if options.workers < 0:
        raise InputError(f"--workers must be 0 (this process alone) or more, not {options.workers}")
    return int(options.workers)


def _setting(options: Namespace, matrix: Plan, store: Store, device: torch.device) -> Setting:
    return Setting(store.folder, matrix.detectors, str(device), tuple(options.plugin))


def _folder(options: Namespace, matrix: Plan) -> Path:
    if options.run:
        named = Path(options.run)
        return named if len(named.parts) > 1 else RESULTS / named
    parts = [matrix.test.name, matrix.suite]
    if options.limit is not None:
        parts.append(f"limit{options.limit}")
    if options.seed:
        parts.append(f"seed{options.seed}")
    return RESULTS / "-".join(re.sub(r"[^A-Za-z0-9_.]+", "-", part).strip("-") for part in parts)
