"""Check plugin attacks before a run, each in two processes of its own.

One fresh process imports what every check needs. For each attack it forks two processes, which load
the plugins and launder the same signals, one forwards, one backwards. No attack meets what another
one left behind, and what kills or hangs them costs its own mark only. This module is also the
program of the fresh process: a request on the standard input, a line for each attack on the
standard output.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any

from attacks.contract import conformance
from attacks.contract.condition import parse
from benchmark.core.errors import InputError
from benchmark.core.foreign import described, print_to_stderr
from benchmark.core.parallel import one_thread
from benchmark.workers import fresh_order
from benchmark.workers.context import ProcessContext

PROGRAM = ("-P", "-m", "benchmark.workers.separate_checks")
LONGEST_S = 120.0  # for a check, and for loading the plugins before it
END_S = 5.0  # for a process that closed its pipe to be gone
READY = "ready"
Answer = tuple[dict[str, str], str]  # signal -> digest, and the first finding of the brief check
_FORK = multiprocessing.get_context("fork")


def first_findings(
    names: list[str], context: ProcessContext, longest_s: float = LONGEST_S
) -> Iterator[tuple[str, str]]:
    """Yield each condition and the first finding of its brief check and its order check.

    A finding is '' if there is none. If the check kills its process, or takes longer than
    `longest_s` seconds after the plugins were loaded, that is the finding.
    """
    request = fresh_order.request_of(context) | {"conditions": names, "longest_s": longest_s}
    left = dict.fromkeys(names)
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        with one_thread():  # the environment that the process inherits
            process = subprocess.Popen(
                [sys.executable, *PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True, env=fresh_order.environment(), start_new_session=True,
            )  # fmt: skip
        with process:
            assert process.stdin is not None and process.stdout is not None
            try:
                with suppress(BrokenPipeError):
                    json.dump(request, process.stdin)
                    process.stdin.close()
                for line in process.stdout:
                    name, finding = json.loads(line)
                    del left[name]
                    yield name, finding
            finally:
                with suppress(ProcessLookupError):  # with the processes that it forked
                    os.killpg(process.pid, signal.SIGKILL)
        errors.seek(0)
        lines = errors.read().strip().splitlines() or [f"exit code {process.returncode}"]
        yield from ((name, _not_run(f"its process died: {lines[-1]}")) for name in left)


def _not_run(cause: object) -> str:
    return f"the check did not run: {cause}"


def _finding(name: str, request: Mapping[str, Any]) -> str:
    """Return the first finding about a condition, from two processes of its own."""
    pair = [_forked(name, request, backwards) for backwards in (False, True)]
    try:
        (forwards, brief), (backwards, _) = [
            _answer(*one, longest_s=request["longest_s"]) for one in pair
        ]
    except InputError as error:
        return _not_run(error)
    finally:
        for process, pipe in pair:
            process.kill()
            process.join()
            pipe.close()
    return brief or fresh_order.compared(forwards, backwards)


def _forked(
    name: str, request: Mapping[str, Any], backwards: bool
) -> tuple[ForkProcess, Connection]:
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_check, args=(theirs, name, request, backwards))
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return process, ours


def _answer(process: ForkProcess, pipe: Connection, longest_s: float) -> Answer:
    """Return the answer of a forked process; `InputError` if it hangs, dies or fails."""
    for patience_s in (LONGEST_S, longest_s):
        try:
            if not pipe.poll(patience_s):
                raise InputError(f"it hung for {patience_s:g} s")
            said: str | Answer = pipe.recv()
        except EOFError as error:
            process.join(END_S)
            code = process.exitcode
            if code is not None and code < 0:
                words = f"was killed by signal {-code}"
                raise InputError(f"the process that checks it {words}") from error
            raise InputError(f"the process that checks it ended: exit code {code}") from error
        if said != READY:
            break
    if isinstance(said, str):
        raise InputError(said)
    return said


def _check(pipe: Connection, name: str, request: Mapping[str, Any], backwards: bool) -> None:
    """Be a forked process: load the plugins, then send the answer, or a text if it fails."""
    said: str | Answer
    try:
        fresh_order.context_of(request).enter()
        pipe.send(READY)
        condition = parse(name)
        digests = conformance.order_digests(condition, backwards=backwards)
        found = () if backwards else conformance.check(condition, brief=True)
        said = digests, next(map(str, found), "")
    except InputError as error:
        said = str(error)
    except BaseException as error:  # noqa: BLE001 - said in the parent
        said = described(error)
    pipe.send(said)


def main() -> None:
    """Answer the one request; what attacks print goes to the standard error."""
    request = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w")
    print_to_stderr()  # also what compiled code prints
    for name in request["conditions"]:
        print(json.dumps([name, _finding(name, request)]), file=answers, flush=True)


if __name__ == "__main__":
    main()
