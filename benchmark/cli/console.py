"""Messages on the terminal: results on standard output, information and warnings on error."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from benchmark.core import progress, terminal
from benchmark.core.foreign import Terminated
from benchmark.core.log import logger


def complain(text: str) -> None:
    """Print a line on standard error at once, without raw control characters."""
    progress.say(terminal.printable(text), sys.stderr)


def tell(text: str) -> None:
    """Print a result on standard output at once, above the bars that are drawn."""
    progress.say(terminal.printable(text), sys.stdout)


class _Console(logging.Handler):
    """Print messages on standard error, where they do not mix with results."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        try:
            complain(record.getMessage())
        except BrokenPipeError:  # nobody reads the messages any more; the work goes on
            discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Send all that is written to a stream from now on to the null device."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` in this block when SIGTERM arrives, so that it ends as by Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return

    def end(number: int, frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def messages(quiet: bool) -> Iterator[None]:
    """Print the messages of all packages in this block; if `quiet`, only warnings and no bars."""
    handler, level, spread = _Console(), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    logger.propagate = False
    hidden = progress.hide(quiet)
    try:
        yield
    finally:
        progress.hide(hidden)
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = spread
