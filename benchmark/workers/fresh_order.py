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
LONGEST_S = 120


def findings(conditions: Iterable[str], context: ProcessContext) -> dict[str, str]:
    """Return what is wrong with each condition, '' if nothing: equal in either order.

    A condition that the processes do not know (an attack that a running program defines) could not
    be checked, which is said too.
    """
    spelled = [*dict.fromkeys(conditions)]
    forwards, backwards = _answers(spelled, context)
    return {name: compared(forwards.get(name), backwards.get(name)) for name in spelled}


def _answers(conditions: list[str], context: ProcessContext) -> tuple[Answer, Answer]:
    """Return the answers of the process that goes forwards, and of the other one."""
    with one_thread():  # the environment that the processes inherit
        asked = [_start(conditions, context, backwards) for backwards in (False, True)]
        try:
            forwards, backwards = [_answer(process, request) for process, request in asked]
        finally:
            for process, _ in asked:
                process.kill()
                process.wait()
    return forwards, backwards


def compared(one: Mapping[str, str] | None, two: Mapping[str, str] | None) -> str:
    """Return what the digests of two processes differ in, '' if they are equal."""
    if not one or not two:
        return "the order check did not run: a fresh process does not know this attack"
    changed = [name for name, digest in one.items() if two[name] != digest]
    if not changed:
        return ""
    return f"order: gives {changed[0]} signal other samples or facts if another came before"


def environment() -> dict[str, str]:
    """Return the environment of a process that imports this package, wherever it lies."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return os.environ | {"PYTHONPATH": path}


def _start(
    conditions: list[str], context: ProcessContext, backwards: bool
) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, *PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    request = request_of(context) | {"conditions": conditions, "backwards": backwards}
    return process, json.dumps(request)


def request_of(context: ProcessContext) -> dict[str, Any]:
    """Return what a process must be told to enter the context, as JSON values."""
    return {
        "plugins": [str(file) for file in context.plugins],
        "noises": None if context.noises is None else str(context.noises),
    }


def context_of(request: Mapping[str, Any]) -> ProcessContext:
    """Return the context of a request, without progress bars."""
    noises = request["noises"]
    files = tuple(map(Path, request["plugins"]))
    return ProcessContext(files, None if noises is None else Path(noises), quiet=True)


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
    context_of(request).enter()
    backwards = bool(request["backwards"])
    conditions = request["conditions"]
    found: Answer = {}
    for spelled in reversed(conditions) if backwards else conditions:
        with contextlib.suppress(InputError):  # unknown here
            condition = parse(spelled)
            found[spelled] = conformance.order_digests(condition, backwards=backwards)
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
