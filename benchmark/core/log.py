"""The logger of all packages: progress at level INFO, what a user should know at WARNING.

Nothing is printed by itself: the command line prints the messages, Python programs configure the
logger `launderbench` with the standard library's `logging`.
"""

from __future__ import annotations

import logging
from functools import cache

logger = logging.getLogger("launderbench")


@cache
def warn_once(line: str) -> None:
    """Log a warning, only the first time in this process."""
    logger.warning(line)
