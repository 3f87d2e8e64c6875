"""The command `check`: does each attack, or detector, keep its contract?"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.cli.arguments import Command, workers_option
from benchmark.core.errors import InputError

if TYPE_CHECKING:
    from attacks.contract.condition import Condition


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("check", "run the conformance checks on attacks or detectors", check)
    sub.add_argument("names", nargs="*", metavar="NAME", help="attacks, conditions or detectors")
    sub.add_argument("--all", action="store_true", help="every registered attack")
    sub.add_argument("--quick", action="store_true", help="leave out the levels of severity")
    workers_option(sub)


def check(options: Namespace) -> int:
    """Check attacks or detectors; return 1 when one fails or none was checked."""
    from tqdm import tqdm

    from attacks.contract.base import registry
    from attacks.contract.condition import parse
    from benchmark.core.parallel import one_thread
    from benchmark.workers import plugins
    from benchmark.workers.conformance_checks import ConditionCheck, findings, spellings
    from detectors.contract.base import registry as detector_registry

    plugins.open_all(options.plugin)
    if any(detector_registry.knows(name) for name in options.names):
        return _detectors(options.names)
    names = registry.names() if options.all else options.names
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
        for step, spelling in enumerate(spellings(condition, options.quick))
    ]
    failed = 0
    with (
        one_thread(),
        tqdm(total=len(jobs), desc="check", unit="condition", disable=len(jobs) < 2) as bar,
    ):
        for place, found in findings(jobs, options.workers, options.plugin, bar):
            failed += bool(found)
            head = f"{'FAIL' if found else 'ok  '}  {names[place]}"
            bar.write("\n        ".join([head, *found]))
    passed = len(names) - failed - len(absent)
    print(
        f"{passed} passed, {failed} failed, {len(absent)} not available"
        f" ({len(jobs)} conditions in {time.monotonic() - started:.0f} s)"
    )
    return 1 if failed or not passed else 0


def _unavailable(condition: Condition) -> str:
    return next((cause for step in condition.steps if (cause := step.unavailable())), "")


def _detectors(names: Sequence[str]) -> int:
    from detectors.contract.base import WaveDetector, registry
    from detectors.contract.conformance import check as conforms

    failed, unavailable = 0, 0
    for name in names:
        cls = registry.get(name)
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
