"""Arms of an augmentation study: trained clean, with every family, and with all but one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attacks.contract.condition import Condition
from benchmark.core.errors import InputError, unknown

CLEAN, ALL, WITHOUT = "clean", "all", "without-"
FEWEST = 2  # families: with one, nothing is left to train with when it is left out


@dataclass(frozen=True)
class Arm:
    """One way of training.

    name       : `clean`, `all`, or `without-FAMILY`
    conditions : spellings of the launderings in training; () for none
    """

    name: str
    conditions: tuple[str, ...] = ()


def without(family: str) -> str:
    """Return the name of the arm that leaves out a family."""
    return f"{WITHOUT}{family}"


def by_family(
    conditions: Sequence[Condition], asked: Sequence[str] = ()
) -> dict[str, list[Condition]]:
    """Return the laundered conditions of the families asked for, by family; all without `asked`.

    Raises `InputError` for a family that no condition has, and for fewer than two.
    """
    found: dict[str, list[Condition]] = {}
    for condition in conditions:
        if condition.steps:
            found.setdefault(condition.family, []).append(condition)
    for name in asked:
        if name not in found:
            raise unknown("family of the suite", name, found)
    chosen = {name: found[name] for name in found if not asked or name in asked}
    if len(chosen) < FEWEST:
        raise InputError(
            f"the study leaves out one family of launderings after another: want at least {FEWEST},"
            f" not {', '.join(chosen) or 'none'}"
        )
    return chosen


def arms(families: dict[str, list[Condition]]) -> list[Arm]:
    """Return the arms over these conditions: `clean`, `all`, and one without each family.

    A chain is left out with the family of any of its steps, so that the family is never met.
    Raises `InputError` if nothing is left to train with.
    """
    every = [condition for conditions in families.values() for condition in conditions]
    found = [Arm(CLEAN), Arm(ALL, _spelled(every))]
    for family in families:
        kept = [condition for condition in every if family not in _met(condition)]
        if not kept:
            raise InputError(f"every condition has {family} in it: nothing is left without it")
        found.append(Arm(without(family), _spelled(kept)))
    return found


def _met(condition: Condition) -> set[str]:
    """Return the families that a training with this condition meets."""
    return {condition.family, *(step.family for step in condition.steps)}


def _spelled(conditions: Sequence[Condition]) -> tuple[str, ...]:
    return tuple(map(str, conditions))
