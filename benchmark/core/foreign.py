"""The fence around foreign code: what plugins raise, claim and print harms nothing but themselves.

A fence turns whatever a plugin raises into one `ForeignError`, `SystemExit` and `GeneratorExit`
included. A hang or a crash of the whole process is no exception: see `supervisor`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from benchmark.core.errors import InputError

LONGEST = 2000  # characters of an error's text that are kept
MOST_FACTS = 16_000_000  # characters of the facts of one step, as JSON
RESERVED = "attack"  # the name under which a part stores the step itself


class ForeignError(Exception):
    """Whatever foreign code raised, in safe words; the error itself is its cause."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM; every fence lets it pass, as Ctrl-C."""


class fence:
    """Raise `ForeignError` for whatever is raised in this block, except `passed` and Ctrl-C.

    Where `ignore_interrupts` was called, no interrupt is real, and none passes.
    """

    def __init__(self, *passed: type[BaseException]) -> None:
        self.passed = passed

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # of the class: `isinstance` would also ask the error itself, which may lie or raise
        if kind is None or error is None or issubclass(kind, self.passed):
            return
        if issubclass(kind, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is not _deaf:
            return
        raise ForeignError(described(error)) from error


def described(error: BaseException) -> str:
    """Return the `repr` of an error, shortened; of one whose `repr` fails, the name of its class.

    >>> described(ValueError("no such room"))
    "ValueError('no such room')"
    """
    try:
        text = repr(error)
    except BaseException:  # noqa: BLE001 - a plugin's error may do anything when it is shown
        return f"{type(error).__name__} (its text cannot be shown)"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


@contextmanager
def no_exit() -> Iterator[None]:
    """Raise `InputError` in place of an exit, so that no plugin ends a command as a success."""
    try:
        yield
    except (SystemExit, GeneratorExit) as error:
        raise InputError(
            f"foreign code tried to end the command ({described(error)}), which is therefore"
            " unfinished; finished units are kept"
        ) from error


def require_facts(facts: Any) -> None:
    """Raise `ValueError` that names the fact unless `facts` are a dict of plain JSON values."""
    if not isinstance(facts, dict):
        raise ValueError(f"its facts are no dict but {type(facts).__name__}")
    if RESERVED in facts:
        raise ValueError(f"its facts use the reserved name {RESERVED!r}")
    try:
        size = len(json.dumps(facts, sort_keys=True))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(_culprit(facts)) from error
    if size > MOST_FACTS:
        raise ValueError(f"its facts are {size} characters long, above {MOST_FACTS}")


def _culprit(facts: dict[Any, Any]) -> str:
    for name, value in facts.items():
        if not isinstance(name, str):
            return f"the name of its fact {name!r} is no text"
        try:
            json.dumps(value, sort_keys=True)
        except (TypeError, ValueError, RecursionError) as error:
            return f"its fact {name!r} is no plain JSON value ({error})"
    return "its facts are no plain JSON values"


def ignore_interrupts() -> None:
    """Ignore Ctrl-C in this process: its parent is interrupted too, and ends it.

    A handler rather than `SIG_IGN`, which the programs that this process starts would inherit.
    """
    signal.signal(signal.SIGINT, _deaf)


def _deaf(number: int, frame: object) -> None:
    return


def lead_group() -> None:
    """Make this process a group of its own: foreign code that kills its group ends it alone.

    Such a group may not write to a terminal that is set to `tostop`, unless it ignores the signal.
    """
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)


def end_group(leader: int) -> None:
    """Kill the leader of a group, if it lives, and all that it left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def print_to_stderr() -> None:
    """Send all that this process writes to its standard output to standard error, for good."""
    os.dup2(_errors(), 1)


@contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """Send what is written to file descriptor 1 in this block to standard error.

    Results go to standard output; a plugin's prints, also those of C code, must not mix with them.
    """
    if sys.__stdout__ is None:  # it was closed from the start: nothing can mix
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(_errors(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _errors() -> int:
    """Return the descriptor of standard error; of the null device if it is closed."""
    try:
        os.fstat(2)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    return 2
