"""The conditions that a visitor chooses. What a visitor writes is data: it names no file.

Nothing is fetched for a visitor: an attack whose files are not on this machine is left out by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from attacks.contract import suites
from attacks.contract.base import Attack, registry
from attacks.contract.condition import Condition, parse, parse_from_file, spell, split_steps
from attacks.contract.precomputed import Ready
from benchmark.core.errors import InputError
from benchmark.web.limits import Limits

WRITER = "what you wrote"  # named in an error as the file would be


@dataclass(frozen=True)
class Asked:
    """What a visitor chose on the page.

    suite   : name of a built-in suite; '' for none
    attacks : names of attacks, with their default parameters
    ladders : names of attacks, at each of their five levels
    text    : spellings of conditions, separated by line breaks or `;`
    """

    suite: str = ""
    attacks: tuple[str, ...] = ()
    ladders: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Chosen:
    """The distinct conditions of a choice, without `clean`, and the causes of what is left out."""

    conditions: tuple[Condition, ...]
    left_out: tuple[str, ...] = ()


@cache
def offered() -> dict[str, type[Attack]]:
    """Return the attacks, by name, that this machine can apply to a visitor's clip."""
    every = {name: registry.get(name) for name in registry.names()}
    return {
        name: cls
        for name, cls in every.items()
        if not (issubclass(cls, Ready) or cls.reaches({}) or cls().unavailable())
    }


def chosen(asked: Asked, limits: Limits) -> Chosen:
    """Return the conditions in the order suite, attacks, ladders, text.

    Raises `InputError` if a spelling is wrong, reaches beyond its own arithmetic, or asks for more
    than the limits allow.
    """
    found = dict.fromkeys(condition for condition in _spelled(asked) if condition.steps)
    for condition in found:
        _require_bounds(condition, limits)
    absent = {condition: cause for condition in found if (cause := _lacking(condition))}
    usable = tuple(condition for condition in found if condition not in absent)
    if len(usable) > limits.conditions:
        raise InputError(
            f"{len(usable)} conditions are chosen, and this server launders a clip under at most"
            f" {limits.conditions} at once"
        )
    left_out = (f"{condition}: {cause}" for condition, cause in absent.items())
    return Chosen(usable, tuple(left_out))


def _spelled(asked: Asked) -> Iterator[Condition]:
    if asked.suite:
        if asked.suite not in suites.names():  # a path would open a file
            raise InputError(f"no built-in suite is called {asked.suite!r}")
        yield from suites.load(asked.suite).conditions
    for name in asked.attacks:
        yield parse_from_file(name, WRITER)
    for name in asked.ladders:
        yield from map(parse, suites.levels(str(parse_from_file(name, WRITER)), WRITER))
    for text in split_steps(asked.text.replace("\n", ";"), ";"):
        if text.strip():
            yield parse_from_file(text, WRITER)


def _require_bounds(condition: Condition, limits: Limits) -> None:
    if any(isinstance(step, Ready) for step in condition.steps):
        raise InputError(f"{condition}: ready-made audio belongs to a data set, not to a clip")
    if len(condition.steps) > limits.steps:
        raise InputError(
            f"{condition} has {len(condition.steps)} steps; at most {limits.steps} are allowed here"
        )
    stretch = math.prod(step.warp or 1.0 for step in condition.steps)
    if stretch > limits.stretch:
        raise InputError(
            f"{condition} makes a clip {stretch:.3g} times as long; at most {limits.stretch:g}"
            " times are allowed here"
        )


def _lacking(condition: Condition) -> str | None:
    """Return why a step cannot be applied on this machine; None if all can."""
    causes = (f"{spell(step)} is not available here: {cause}"
              for step in condition.steps if (cause := step.unavailable()))  # fmt: skip
    return next(causes, None)
