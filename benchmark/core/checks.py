"""Checks of what callers pass: values, and folders that must be new."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

from benchmark.core.errors import InputError


def whole(name: str, value: Any, low: int, also: tuple[Any, ...] = ()) -> Any:
    """Return `value` as an int of at least `low`, or unchanged if it is one of `also`.

    Raises `InputError` that names the argument for any other value, such as 1.5, True or a text.
    """
    if any(value is one for one in also):
        return value
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if isinstance(value, bool) or number < low:
        raise InputError(f"{name}: want a whole number of at least {low}, not {value!r}")
    return number


def settle(item: object, **values: Any) -> None:
    """Set checked values of a frozen dataclass in its `__post_init__`."""
    for name, value in values.items():
        object.__setattr__(item, name, value)


def require_new(folder: Path, advice: str) -> None:
    """Raise `InputError` that ends with `advice` unless a folder is absent or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already: {advice}")
