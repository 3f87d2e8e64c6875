"""Check in fresh processes that attacks keep their contract whatever was laundered before.

Two processes launder the same signals under the same conditions, one forwards, one backwards, and
must give the same. One fresh process, which imports what all need, forks them; they load the
plugins themselves. Of the attacks of a run each has two processes of its own, so that none meets
what another one left behind, and what kills or hangs them costs its own mark only. This module is
also the program of the fresh process: a request on the standard input, a line for each group of
conditions on the standard output.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from attacks.contract import conformance
from attacks.contract.condition import parse
from benchmark.core.errors import InputError
from benchmark.core.foreign import described, end_group, print_to_stderr
from benchmark.core.parallel import one_thread
from benchmark.workers.context import ProcessContext

PROGRAM = ("-P", "-m", "benchmark.workers.fresh_order")
LONGEST_S = 120.0  # for the conditions of a group, and for loading the plugins before them
END_S = 5.0  # for a process that closed its pipe to be gone
READY = "ready"
Answer = dict[str, tuple[dict[str, str], str]]  # condition -> digest by signal, brief finding
_FORK = multiprocessing.get_context("fork")


def findings(conditions: Iterable[str], context: ProcessContext) -> dict[str, str]:
    """Return what is wrong with each condition, '' if nothing: equal in either order.

    A condition that the processes do not know (an attack that a running program defines) could not
    be checked, which is said too. Raises `InputError` if a condition kills or hangs them.
    """
    spelled = [*dict.fromkeys(conditions)]
    ((found, cause),) = _answers([spelled], context, LONGEST_S, brief=False)
    if cause:
        raise InputError(cause)
    return found


def first_findings(
    names: Sequence[str], context: ProcessContext, longest_s: float = LONGEST_S
) -> Iterator[tuple[str, str]]:
    """Yield each condition and the first finding of its brief check and its order check.

    A finding is '' if there is none. If the check kills its processes, or takes longer than
    `longest_s` seconds after the plugins were loaded, that is the finding.
    """
    answers = _answers([[name] for name in names], context, longest_s, brief=True)
    for name, (found, cause) in zip(names, answers, strict=True):
        yield name, f"the check did not run: {cause}" if cause else found[name]


def _answers(
    groups: Sequence[Sequence[str]], context: ProcessContext, longest_s: float, *, brief: bool
) -> Iterator[tuple[dict[str, str], str]]:
    """Yield for each group the findings by condition, and why there are none, '' if there are."""
    request = {
        "plugins": [str(file) for file in context.plugins],
        "noises": None if context.noises is None else str(context.noises),
        "groups": groups,
        "longest_s": longest_s,
        "brief": brief,
    }
    answered = 0
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        with one_thread():  # the environment that the processes inherit
            process = _started(errors.fileno())
        with process:
            assert process.stdin is not None and process.stdout is not None
            try:
                with contextlib.suppress(BrokenPipeError):
                    json.dump(request, process.stdin)
                    process.stdin.close()
                for line in process.stdout:
                    found, cause = json.loads(line)
                    answered += 1
                    yield found, cause
            finally:
                end_group(process.pid)  # with those that it forked
        errors.seek(0)
        lines = errors.read().strip().splitlines() or [f"exit code {process.returncode}"]
    for _ in groups[answered:]:
        yield {}, f"the process that checks the order died: {lines[-1]}"


def _started(errors: int) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(
        [sys.executable, *PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
    )


def _findings(group: Sequence[str], request: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Return the findings about the conditions of a group, from two processes of its own."""
    pair = [_forked(group, request, backwards) for backwards in (False, True)]
    try:
        forwards, backwards = [_answer(*one, request["longest_s"]) for one in pair]
    except InputError as error:
        return {}, str(error)
    finally:
        for process, pipe in pair:
            process.kill()
            process.join()
            pipe.close()
    nothing: tuple[dict[str, str], str] = {}, ""
    found = {}
    for name in group:
        (one, brief), (two, _) = forwards.get(name, nothing), backwards.get(name, nothing)
        found[name] = brief or _compared(one, two)
    return found, ""


def _compared(one: Mapping[str, str], two: Mapping[str, str]) -> str:
    if not one or not two:
        return "the order check did not run: a fresh process does not know this attack"
    changed = [name for name, digest in one.items() if two[name] != digest]
    if not changed:
        return ""
    return f"order: gives {changed[0]} signal other samples or facts if another came before"


def _forked(
    group: Sequence[str], request: Mapping[str, Any], backwards: bool
) -> tuple[ForkProcess, Connection]:
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_check, args=(theirs, group, request, backwards))
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return process, ours


def _answer(process: ForkProcess, pipe: Connection, longest_s: float) -> Answer:
    """Return the answer of a forked process; `InputError` if it hangs, dies or fails."""
    said: str | Answer = ""
    for patience_s in (LONGEST_S, longest_s):
        try:
            if not pipe.poll(patience_s):
                raise InputError(f"it hung for {patience_s:g} s")
            said = pipe.recv()
        except EOFError as error:
            process.join(END_S)
            code = process.exitcode
            how = f"left with exit code {code}"
            if code is not None and code < 0:
                how = f"was killed by signal {-code}"
            raise InputError(f"the process that checks it {how}") from error
        if said != READY:
            break
    if isinstance(said, str):
        raise InputError(said)
    return said


def _check(
    pipe: Connection, group: Sequence[str], request: Mapping[str, Any], backwards: bool
) -> None:
    """Be a forked process: load the plugins, then send the answer, or a text if it fails."""
    said: str | Answer
    try:
        noises = request["noises"]
        files = tuple(map(Path, request["plugins"]))
        ProcessContext(files, None if noises is None else Path(noises), quiet=True).enter()
        pipe.send(READY)
        said = _answered(group, backwards, request["brief"])
    except InputError as error:
        said = str(error)
    except BaseException as error:  # noqa: BLE001 - said in the parent
        said = described(error)
    pipe.send(said)


def _answered(group: Sequence[str], backwards: bool, brief: bool) -> Answer:
    found: Answer = {}
    for spelled in reversed(group) if backwards else group:
        with contextlib.suppress(InputError):  # unknown here
            condition = parse(spelled)
            digests = conformance.order_digests(condition, backwards=backwards)
            wrong = conformance.check(condition, brief=True) if brief and not backwards else []
            found[spelled] = digests, next(map(str, wrong), "")
    return found


def main() -> None:
    """Answer the one request; what attacks print goes to the standard error."""
    request = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w")
    os.register_at_fork(after_in_child=answers.close)  # an attack may leave a process behind
    print_to_stderr()  # also what compiled code prints
    for group in request["groups"]:
        print(json.dumps(_findings(group, request)), file=answers, flush=True)


if __name__ == "__main__":
    main()
