"""Severity ladders: conditions of one attack that differ only in how severe it is."""

from __future__ import annotations

from dataclasses import dataclass

from attacks.contract.condition import split_steps
from benchmark.scores.run_results import ConditionInfo


@dataclass(frozen=True)
class Ladder:
    """Conditions of one attack that differ only in severity, from mild to severe.

    `name` is their spelling with `*` for the severity, e.g. `noise(kind=babble, snr=*)`.
    """

    name: str
    family: str
    unit: str
    conditions: tuple[str, ...]
    levels: tuple[float, ...]


def ladders(conditions: tuple[ConditionInfo, ...]) -> list[Ladder]:
    """Return the severity ladders of a plan with two or more levels, in plan order."""
    found: dict[str, list[ConditionInfo]] = {}
    for info in conditions:
        if info.parameter and info.severity is not None:
            found.setdefault(attack_of(info), []).append(info)
    result = []
    for name, infos in found.items():
        if len(infos) > 1:
            infos.sort(key=lambda info: info.severity or 0.0, reverse=not infos[0].rising)
            names = tuple(info.condition for info in infos)
            levels = tuple(float(info.severity or 0.0) for info in infos)
            result.append(Ladder(name, infos[0].family, infos[0].unit, names, levels))
    return result


def attack_of(info: ConditionInfo) -> str:
    """Return the attack of a condition: its spelling, with a star for the severity if it has one.

    Conditions of one attack are levels of a ladder. A chain is an attack by itself.
    """
    if info.parameter and info.severity is not None:
        return starred(info.condition, info.parameter)
    return info.condition


def starred(condition: str, parameter: str) -> str:
    """Replace the value of a parameter by a star in the spelling of one attack.

    >>> starred("noise(kind=babble, snr=20)", "snr")
    'noise(kind=babble, snr=*)'
    """
    head, _, body = condition.partition("(")
    parts = [part.strip() for part in split_steps(body.removesuffix(")"), ",")]
    starred_parts = [f"{parameter}=*" if p.startswith(f"{parameter}=") else p for p in parts]
    return f"{head}({', '.join(starred_parts)})"
