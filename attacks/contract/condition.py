"""Conditions: an attack with every parameter fixed, in one canonical spelling.

Grammar: ``clean``, or steps joined by `` | ``; a step is ``name(key=value, ...)``, keys in
declaration order, defaults written out, numbers in their shortest round-trip form. `parse` reads
any order and omitted defaults; `str(condition)` writes the one spelling.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from attacks.contract.base import Attack, registry
from benchmark.core import call_syntax
from benchmark.core.call_syntax import split as split_steps
from benchmark.core.errors import InputError

__all__ = ["CLEAN", "Condition", "parse", "spell", "split_steps"]

CLEAN = "clean"


@dataclass(frozen=True)
class Condition:
    """A laundering condition: no step is `clean`, one is an attack, several are a fixed chain."""

    steps: tuple[Attack, ...] = ()

    def __str__(self) -> str:
        return " | ".join(spell(step) for step in self.steps) or CLEAN

    @property
    def family(self) -> str:
        """The family under which the leaderboard averages: the attack's, or `chain`."""
        if not self.steps:
            return CLEAN
        return self.steps[0].family if len(self.steps) == 1 else "chain"

    @property
    def aligned(self) -> bool:
        """True when the samples keep their place in time through every step."""
        return all(step.aligned for step in self.steps)

    def identity(self) -> str:
        """The spelling with each attack's version and resource digests: what fixes the samples."""
        return " | ".join(_identity(step) for step in self.steps) or CLEAN


def spell(attack: Attack) -> str:
    """The canonical spelling of one attack.

    >>> import attacks.filters.band_filters
    >>> spell(attacks.filters.band_filters.LowPass(cutoff=7000.0))
    'lowpass(cutoff=7000)'
    """
    return call_syntax.spell(attack.name, attack)


def parse(text: str) -> Condition:
    """Read a condition from its spelling; `InputError` names what is wrong, with near names."""
    if text.strip() == CLEAN:
        return Condition()
    return Condition(tuple(_parse_step(part) for part in split_steps(text, "|")))


def blamed(attack: Attack, error: InputError) -> InputError:
    """The error with the attack's name in it, so that a cause deep inside says whom it concerns."""
    return error if attack.name in str(error) else InputError(f"{attack.name}: {error}")


def _identity(attack: Attack) -> str:
    try:
        found = attack.resources()
    except InputError as error:
        raise blamed(attack, error) from error
    resources = "".join(f"+{k}:{v}" for k, v in sorted(found.items()))
    return f"{spell(attack)}#v{attack.version}{resources}"


def _parse_step(text: str) -> Attack:
    if text.strip() == CLEAN:
        raise InputError("clean is a condition of its own, not a step of a chain")
    step = call_syntax.call(text)
    if step is None:
        raise InputError(f"cannot read the condition step {text.strip()!r}: want name(key=value)")
    name, body = step
    cls = registry.get(name)
    return cls(**call_syntax.arguments(name, body, [f.name for f in fields(cls)]))
