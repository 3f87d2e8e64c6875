"""JSON out of files that others wrote."""

from __future__ import annotations

import json
from typing import Any


def parse(text: str | bytes) -> Any:
    """Return what JSON text holds; `ValueError` if it is invalid, or nested too deeply to read.

    >>> parse("[" * 100_000)
    Traceback (most recent call last):
    ValueError: JSON nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
