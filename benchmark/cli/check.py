"""The command `check`: does each attack, or detector, keep its contract?"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from attacks.contract import conformance
from attacks.contract.base import registry as attack_registry
from attacks.contract.condition import Condition, parse
from benchmark.core.errors import InputError
from benchmark.core.parallel import cores, one_thread, pooled
from benchmark.workers import plugins
from benchmark.workers.start import start_process
from detectors.contract.base import WaveDetector
from detectors.contract.base import registry as detector_registry

FEW = 12  # conditions that are not worth worker processes


@dataclass(frozen=True)
class ConditionCheck:
    """One condition to check for the name at `place`, as its `step`-th; ready for a worker."""

    place: int
    step: int
    spelling: str

    def __call__(self) -> list[str]:
        """The findings, as lines; at a level of severity the long signals are left out."""
        found = conformance.check(parse(self.spelling), brief=self.step > 0)
        return [str(finding) for finding in found]


def check(options: Namespace) -> int:
    """Conformance of attacks or detectors; 1 when a finding stands or nothing was checked."""
    plugins.open_all(options.plugin)
    if any(detector_registry.knows(name) for name in options.names):
        return _detectors(options.names)
    names = attack_registry.names() if options.all else options.names
    if not names:
        raise InputError("name the attacks to check, or say --all")
    started = time.monotonic()
    conditions = [parse(name) for name in names]
    absent = {place: cause for place, c in enumerate(conditions) if (cause := _unavailable(c))}
    for place, cause in absent.items():
        print(f"n/a   {names[place]}: not available in this build: {cause}")
    jobs = [
        ConditionCheck(place, step, spelling)
        for place, condition in enumerate(conditions)
        if place not in absent
        for step, spelling in enumerate(_spellings(condition, options.quick))
    ]
    failed = 0
    with (
        one_thread(),
        tqdm(total=len(jobs), desc="check", unit="condition", disable=len(jobs) < 2) as bar,
    ):
        for place, findings in _findings(jobs, options.workers, options.plugin, bar):
            failed += bool(findings)
            told = [f"{'FAIL' if findings else 'ok  '}  {names[place]}"]
            bar.write("\n        ".join([*told, *findings]))
    passed = len(names) - failed - len(absent)
    print(
        f"{passed} passed, {failed} failed, {len(absent)} not available"
        f" ({len(jobs)} conditions in {time.monotonic() - started:.0f} s)"
    )
    return 1 if failed or not passed else 0


def _unavailable(condition: Condition) -> str:
    return next((cause for step in condition.steps if (cause := step.unavailable())), "")


def _spellings(condition: Condition, quick: bool) -> list[str]:
    """The condition, then its other levels of severity."""
    own = str(condition)
    rest = [] if quick else map(str, conformance.levels(condition))
    return [own, *(level for level in rest if level != own)]


def _findings(
    jobs: Sequence[ConditionCheck],
    workers: int | None,
    plugin_files: Sequence[Path],
    bar: tqdm[Any],
) -> Iterator[tuple[int, list[str]]]:
    """What was found of each name, by its place and in that order, whoever is done first.

    workers = None: one per core, but none for a handful of conditions.
    """
    if workers is None:
        workers = 0 if len(jobs) <= FEW else cores()
    results: Iterable[tuple[ConditionCheck, list[str]]] = map(_work, jobs)
    if workers:
        results = pooled(_work, jobs, workers, start_process, (tuple(plugin_files),))
    waiting: dict[int, set[ConditionCheck]] = {}
    for job in jobs:
        waiting.setdefault(job.place, set()).add(job)
    found: dict[ConditionCheck, list[str]] = {}
    for done, lines in results:
        found[done] = lines
        bar.update()
        while waiting and (first := next(iter(waiting.values()))) <= found.keys():
            place = next(iter(waiting))
            del waiting[place]
            ordered = sorted(first, key=lambda job: job.step)
            yield place, [line for job in ordered for line in found[job]]


def _work(job: ConditionCheck) -> tuple[ConditionCheck, list[str]]:
    return job, job()


def _detectors(names: Sequence[str]) -> int:
    from detectors.contract.conformance import check as conforms

    failed, unavailable = 0, 0
    for name in names:
        cls = detector_registry.get(name)
        if issubclass(cls, WaveDetector) and (cause := cls().unavailable()):
            unavailable += 1
            print(f"n/a   {name}: not available here: {cause}")
            continue
        findings = conforms(cls)
        failed += bool(findings)
        print(f"{'FAIL' if findings else 'ok  '}  {name}", flush=True)
        for finding in findings:
            print(f"        {finding}")
    passed = len(names) - failed - unavailable
    print(f"{passed} passed, {failed} failed, {unavailable} not available")
    return 1 if failed or not passed else 0
