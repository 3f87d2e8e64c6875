"""Check in fresh processes that attacks do not depend on what was laundered before.

Two processes launder the same signals under the same conditions, one forwards, one backwards, and
must give the same. This module is also the program of these processes: a request on the standard
input, the answer on the standard output.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attacks.contract import conformance
from attacks.contract.condition import parse
from benchmark.core.errors import InputError
from benchmark.core.foreign import print_to_stderr
from benchmark.core.parallel import one_thread
from benchmark.workers.context import ProcessContext

PROGRAM = ("-P", "-m", "benchmark.workers.fresh_order")
Answer = dict[str, dict[str, str]]  # condition -> signal -> digest
BRIEF = "brief check"  # in place of a signal: the first finding of the brief check
LONGEST_S = 120


def findings(conditions: Iterable[str], context: ProcessContext) -> dict[str, str]:
    """Return what is wrong with each condition, '' if nothing: equal in either order.

    A condition that the processes do not know (an attack that a running program defines) could not
    be checked, which is said too.
    """
    spelled = [*dict.fromkeys(conditions)]
    forwards, backwards = _answers(spelled, context)
    return {name: _compared(forwards.get(name), backwards.get(name)) for name in spelled}


def first_finding(name: str, context: ProcessContext) -> str:
    """Return the first finding of the brief check and of the order check of a condition.

    It is checked in processes of its own: if it kills them, or hangs, that is the finding.
    """
    try:
        forwards, backwards = _answers([name], context, brief=True)
    except InputError as error:
        return f"the check did not run: {error}"
    brief = forwards.get(name, {}).pop(BRIEF, "")
    return brief or _compared(forwards.get(name), backwards.get(name))


def _answers(
    conditions: list[str], context: ProcessContext, *, brief: bool = False
) -> tuple[Answer, Answer]:
    """Return the answers of the process that goes forwards, and of the other one."""
    with one_thread():  # the environment that the processes inherit
        asked = [_start(conditions, context, backwards, brief) for backwards in (False, True)]
        try:
            forwards, backwards = [_answer(process, request) for process, request in asked]
        finally:
            for process, _ in asked:
                process.kill()
                process.wait()
    return forwards, backwards


def _compared(one: Mapping[str, str] | None, two: Mapping[str, str] | None) -> str:
    if not one or not two:
        return "the order check did not run: a fresh process does not know this attack"
    changed = [name for name, digest in one.items() if two[name] != digest]
    if not changed:
        return ""
    return f"order: gives {changed[0]} signal other samples or facts if another came before"


def _start(
    conditions: list[str], context: ProcessContext, backwards: bool, brief: bool
) -> tuple[subprocess.Popen[str], str]:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen(
        [sys.executable, *PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    request = {
        "plugins": [str(file) for file in context.plugins],
        "noises": None if context.noises is None else str(context.noises),
        "conditions": conditions,
        "backwards": backwards,
        "brief": brief and not backwards,
    }
    return process, json.dumps(request)


def _answer(process: subprocess.Popen[str], request: str) -> Answer:
    """Return the answer of a process; `InputError` with its last line if it dies."""
    try:
        out, errors = process.communicate(request, timeout=LONGEST_S)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"it hung for {LONGEST_S} s") from error
    if process.returncode < 0:
        raise InputError(f"the process that checks it was killed by signal {-process.returncode}")
    if process.returncode or not out:
        lines = errors.strip().splitlines() or [f"exit code {process.returncode}"]
        raise InputError(f"the process that checks the order died: {lines[-1]}")
    answer: Answer = json.loads(out)
    return answer


def _answered(request: Mapping[str, Any]) -> Answer:
    noises = request["noises"]
    files = tuple(map(Path, request["plugins"]))
    ProcessContext(files, None if noises is None else Path(noises), quiet=True).enter()
    backwards = bool(request["backwards"])
    conditions = request["conditions"]
    found: Answer = {}
    for spelled in reversed(conditions) if backwards else conditions:
        with contextlib.suppress(InputError):  # unknown here
            condition = parse(spelled)
            found[spelled] = conformance.order_digests(condition, backwards=backwards)
            if request["brief"]:
                findings = conformance.check(condition, brief=True)
                found[spelled][BRIEF] = next(map(str, findings), "")
    return found


def main() -> None:
    """Answer the one request; what attacks print goes to the standard error."""
    request = json.load(sys.stdin)
    answered = os.fdopen(os.dup(1), "w")
    print_to_stderr()  # also what compiled code prints
    with contextlib.redirect_stdout(sys.stderr):
        answer = _answered(request)
    json.dump(answer, answered)
    answered.close()


if __name__ == "__main__":
    main()
