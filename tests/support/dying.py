"""Tasks of worker processes that end badly; light to import, as every worker does."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from benchmark.core import whereabouts

Job = tuple[str, Any]


class ShyError(Exception):
    """An exception that raises whenever it is shown."""

    def __repr__(self) -> str:
        raise SystemExit(0)

    __str__ = __repr__


def segfault() -> None:
    """Read address 0."""
    ctypes.string_at(0)


def hang() -> None:
    """Sleep as good as for ever."""
    time.sleep(10_000)


def start(*, fails: str = "") -> None:
    """Start a worker."""
    del fails


def start_badly() -> None:
    """Leave as the worker starts."""
    os._exit(0)


def start_with_an_error() -> None:
    """Raise as the worker starts."""
    raise ValueError("no such folder")


def work(job: Job) -> Any:
    """Do what a job says: ("return", 3) returns 3."""
    kind, value = job
    whereabouts.mark("attack", utterance=str(value))
    if kind == "return":
        return value
    if kind == "sleep":
        time.sleep(value)
        return value
    if kind == "raise":
        raise ValueError(value)
    if kind == "shy":
        raise ShyError
    if kind == "leave":
        sys.exit(value)
    if kind == "print":
        print(value, flush=True)
        os.write(1, value.encode())
        return value
    if kind == "segfault":
        segfault()
    if kind == "exit":
        os._exit(value)
    if kind == "kill":
        os.kill(os.getpid(), value)
    if kind == "group":  # kill all processes of this group
        os.killpg(0, value)
    if kind == "orphan":  # leave a process behind, whose id goes into a file
        if (child := os.fork()) == 0:
            hang()
        Path(value).write_text(str(child))
        os._exit(0)
    if kind == "hang":
        hang()
    if kind == "close":  # its pipe, so that it can never answer
        os.closerange(3, 100)
        hang()
    if kind == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        return value
    raise AssertionError(kind)
