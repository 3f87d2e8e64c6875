"""Messages of all packages on the terminal: progress on standard output, warnings on error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.core import progress
from benchmark.core.log import logger


class _Console(logging.Handler):
    """Print messages where `print` would, so that redirection and tests see them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message: below WARNING on standard output."""
        warning = record.levelno >= logging.WARNING
        print(record.getMessage(), file=sys.stderr if warning else sys.stdout, flush=True)


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
