"""Parameters of attacks and detectors: fields of a frozen dataclass, with range and unit.

A parameter that an attack or detector gets in a later version is declared with `added=True`. A
spelling leaves it out at its default, so that spellings and identities from before stay as they
were.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import field
from typing import Any

from benchmark.core.errors import InputError, unknown


def check_fields(item: Any, owner: str) -> None:
    """Check every field declared with a function of this module and convert it to its type.

    `item` is a frozen dataclass; error messages name `owner`. Raises `InputError` for a value that
    is out of range or of the wrong type.
    """
    for parameter in dataclasses.fields(item):
        check = parameter.metadata.get("check")
        if check is not None:
            value = check(owner, parameter.name, getattr(item, parameter.name))
            object.__setattr__(item, parameter.name, value)


def is_added(parameter: dataclasses.Field[Any]) -> bool:
    """Return whether spellings leave the parameter out at its default."""
    return bool(parameter.metadata.get("added", False))


def number(
    default: float,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    unit: str = "",
    added: bool = False,
) -> Any:
    """Declare a real parameter in [low, high] with its physical unit."""

    def check(owner: str, parameter: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not _finite(value):
            raise InputError(f"{owner}: {parameter} must be a number, not {value!r}")
        if not low <= value <= high:
            bounds = f"from {low:g} to {high:g}" + (f" {unit}" if unit else "")
            raise InputError(f"{owner}: {parameter}={value:g} is out of range ({bounds})")
        return float(value)

    return _declared(default, check, unit, (low, high), added)


def integer(default: int, *, low: int, high: int, unit: str = "", added: bool = False) -> Any:
    """Declare an integer parameter in [low, high] with its physical unit."""

    def check(owner: str, parameter: str, value: object) -> int:
        whole = isinstance(value, (int, float)) and _finite(value) and value == int(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not whole:
            raise InputError(f"{owner}: {parameter} must be a whole number, not {value!r}")
        if not low <= value <= high:
            bounds = f"from {low} to {high}" + (f" {unit}" if unit else "")
            raise InputError(f"{owner}: {parameter}={value:g} is out of range ({bounds})")
        return int(value)

    return _declared(default, check, unit, (low, high), added)


def _finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of floats
        return False


def choice(default: str, *options: str, added: bool = False) -> Any:
    """Declare a parameter that takes one of the `options`."""

    def check(owner: str, parameter: str, value: object) -> str:
        if value not in options:
            raise unknown(f"{owner} {parameter}", str(value), options)
        return str(value)

    return _declared(default, check, "", options, added)


def flag(default: bool, *, added: bool = False) -> Any:
    """Declare a parameter that is true or false."""

    def check(owner: str, parameter: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"{owner}: {parameter} must be true or false, not {value!r}")
        return value

    return _declared(default, check, "", (False, True), added)


def text(default: str = "", *, added: bool = False) -> Any:
    """Declare a parameter that takes any text: a path, or the name of an external resource."""

    def check(owner: str, parameter: str, value: object) -> str:
        if isinstance(value, (bool, int, float)):
            raise InputError(f"{owner}: {parameter} must be text, not {value!r}; put it in quotes")
        return str(value)

    return _declared(default, check, "", None, added)


def _declared(
    default: Any,
    check: Callable[[str, str, object], object],
    unit: str,
    allowed: tuple[Any, ...] | None,
    added: bool,
) -> Any:
    return field(
        default=default, metadata={"check": check, "unit": unit, "range": allowed, "added": added}
    )
