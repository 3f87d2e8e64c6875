"""The command `check`: does each attack, or detector, keep its contract?"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmark.cli import console, typed
from benchmark.cli.arguments import Command, workers_option
from benchmark.core.errors import InputError
from benchmark.core.progress import progress_bar

if TYPE_CHECKING:
    from attacks.contract.condition import Condition
    from benchmark.workers.context import ProcessContext
    from detectors.contract.base import Detector


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("check", "run the conformance checks on attacks or detectors", check)
    sub.add_argument("names", nargs="*", metavar="NAME", help="attacks, conditions or detectors")
    sub.add_argument("--all", action="store_true", help="every registered attack")
    sub.add_argument("--quick", action="store_true", help="leave out the levels of severity")
    workers_option(sub)


def check(options: Namespace) -> int:
    """Check attacks and detectors; return 1 when one fails or none was checked.

    With --all, an attack plugin that does not load fails too.
    """
    from attacks.contract.base import registry
    from attacks.contract.condition import Condition, parse
    from benchmark.assets import wheel_files
    from benchmark.workers.conformance_checks import checked

    context = typed.context(options)
    every = registry.names() if options.all else []
    broken = registry.broken if options.all else {}
    found = {name: parse(name) for name in every} | {name: checked(name) for name in options.names}
    if not found:
        raise InputError("name the attacks or detectors to check, or say --all")
    conditions = {name: item for name, item in found.items() if isinstance(item, Condition)}
    detectors = {name: item for name, item in found.items() if not isinstance(item, Condition)}
    failed, absent, ending = 0, 0, ""
    asked = [
        step for name in options.names if name in conditions for step in conditions[name].steps
    ]
    wheel_files.fetch(file for step in asked for file in step.wheel_files)
    if conditions:
        failed, absent, ending = _conditions(conditions, options, context)
    if detectors:
        wrong, missing = _detectors(detectors)
        failed, absent = failed + wrong, absent + missing
    passed = len(found) - failed - absent
    for plugin, cause in broken.items():
        print(f"FAIL  {plugin}: not loaded: {cause}")
    failed += len(broken)
    print(f"{passed} passed, {failed} failed, {absent} not available{ending}")
    return 1 if failed or not passed else 0


def _conditions(
    found: Mapping[str, Condition], options: Namespace, context: ProcessContext
) -> tuple[int, int, str]:
    """Check conditions and print the findings.

    Returns how many fail, how many are not available, and the cost in words.
    """

    from benchmark.core.parallel import one_thread
    from benchmark.workers import fresh_order
    from benchmark.workers.conformance_checks import ConditionCheck, findings, spellings

    started = time.monotonic()
    names, conditions = [*found], [*found.values()]
    absent = {place: cause for place, c in enumerate(conditions) if (cause := _unavailable(c))}
    for place, cause in absent.items():
        print(f"n/a   {names[place]}: not available in this build: {cause}")
    jobs = [
        ConditionCheck(place, step, spelling)
        for place, condition in enumerate(conditions)
        if place not in absent
        for step, spelling in enumerate(spellings(condition, options.quick))
    ]
    failed = 0
    order = fresh_order.findings(
        [str(c) for place, c in enumerate(conditions) if place not in absent], context
    )
    with (
        one_thread(),
        progress_bar(total=len(jobs), desc="checking", unit="condition") as bar,
    ):
        for place, found_here in findings(jobs, options.workers, context, bar):
            wrong = order[str(conditions[place])]
            lines = [*found_here, *([f"{conditions[place]}: {wrong}"] if wrong else [])]
            failed += bool(lines)
            head = f"{'FAIL' if lines else 'ok  '}  {names[place]}"
            console.tell("\n        ".join([head, *lines]))
    seconds = time.monotonic() - started
    return failed, len(absent), f" ({len(jobs)} conditions in {seconds:.0f} s)"


def _unavailable(condition: Condition) -> str:
    return next((cause for step in condition.steps if (cause := step.unavailable())), "")


def _detectors(found: Mapping[str, type[Detector]]) -> tuple[int, int]:
    """Check detectors and print the findings; return how many fail and are not available."""
    from detectors.contract.base import WaveDetector
    from detectors.contract.conformance import check as conforms

    failed, unavailable = 0, 0
    for name, cls in found.items():
        if issubclass(cls, WaveDetector) and (cause := cls().unavailable()):
            unavailable += 1
            print(f"n/a   {name}: not available here: {cause}")
            continue
        findings = conforms(cls)
        failed += bool(findings)
        print(f"{'FAIL' if findings else 'ok  '}  {name}", flush=True)
        for finding in findings:
            print(f"        {finding}")
    return failed, unavailable
