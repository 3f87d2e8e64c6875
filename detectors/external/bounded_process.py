"""Run a program with a deadline that holds whatever its child processes do, and bounded output."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.foreign import end_group

MOST_OUTPUT = 64_000_000  # bytes of standard output; more ends the program
MOST_ERRORS = 64_000  # last bytes of standard error that are kept
_CHUNK = 65536
_REAP_S = 5.0


@dataclass(frozen=True)
class BoundedRun:
    """What a program did.

    code    : its exit code; None if it was ended, at the deadline or because it was `flooded`
    output  : its standard output
    errors  : the end of its standard error
    flooded : it wrote more than `MOST_OUTPUT`
    """

    code: int | None
    output: bytes
    errors: bytes
    flooded: bool = False


def bounded_run(words: Sequence[str], given: bytes, timeout: float) -> BoundedRun:
    """Run a program with `given` on its standard input; kill its whole session at the deadline.

    Its pipes are never waited for beyond the deadline, so a child that left the session and keeps
    them open holds nothing up.
    """
    until = time.monotonic() + timeout
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )
    output, errors = bytearray(), bytearray()
    code: int | None = None
    try:
        if _exchanged(process, given, output, errors, until):
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(max(0.0, until - time.monotonic()))
    finally:
        _end(process, kill=code is None)
    return BoundedRun(code, bytes(output), bytes(errors), len(output) > MOST_OUTPUT)


def _exchanged(
    process: subprocess.Popen[bytes],
    given: bytes,
    output: bytearray,
    errors: bytearray,
    until: float,
) -> bool:
    """Write and read until all pipes end; return False at the deadline or after too much output."""
    assert process.stdin and process.stdout and process.stderr
    rest = memoryview(given)
    with selectors.DefaultSelector() as pipes:
        pipes.register(process.stdout, selectors.EVENT_READ, output)
        pipes.register(process.stderr, selectors.EVENT_READ, errors)
        os.set_blocking(process.stdin.fileno(), False)
        pipes.register(process.stdin, selectors.EVENT_WRITE)
        while pipes.get_map():
            left = until - time.monotonic()
            if left <= 0.0 or len(output) > MOST_OUTPUT:
                return False
            for key, _ in pipes.select(left):
                if key.data is None:
                    rest = _written(key.fd, rest)
                    over = not rest
                else:
                    chunk = os.read(key.fd, _CHUNK)
                    key.data.extend(chunk)
                    over = not chunk
                if over:
                    pipes.unregister(key.fileobj)
                    if key.data is None:
                        process.stdin.close()
            del errors[:-MOST_ERRORS]
    return True


def _written(pipe: int, rest: memoryview) -> memoryview:
    """Write what fits into a pipe and return the rest; nothing is left if nobody reads."""
    try:
        return rest[os.write(pipe, rest[:_CHUNK]) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        return rest[:0]


def _end(process: subprocess.Popen[bytes], kill: bool) -> None:
    """Close the pipes of a program; before, `kill` its session if it did not end by itself."""
    if kill:
        end_group(process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_REAP_S)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
