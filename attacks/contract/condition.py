"""Conditions: an attack with every parameter fixed, in one canonical spelling.

Grammar: ``clean``, or steps joined by `` | ``. A step is ``name(key=value, ...)`` with keys in
declaration order, defaults written out, and numbers in their shortest round-trip form; a parameter
declared with `added` is left out at its default. `parse` accepts any order of keys and omitted
defaults; `str(condition)` writes the canonical spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from attacks.contract.base import CLEAN, Attack, registry
from benchmark.core import call_syntax, plugin_source, trust
from benchmark.core.call_syntax import split as split_steps
from benchmark.core.errors import InputError

__all__ = [
    "CLEAN",
    "Condition",
    "has_plugin",
    "parse",
    "parse_from_file",
    "spell",
    "split_steps",
]

_SOURCE = re.compile(rf"(#v|:)\d+@[0-9a-f]{{{plugin_source.DIGITS}}}(?![0-9a-f])")


@dataclass(frozen=True)
class Condition:
    """A laundering condition: `clean` without steps, an attack with one, else a fixed chain."""

    steps: tuple[Attack, ...] = ()

    def __str__(self) -> str:
        return " | ".join(spell(step) for step in self.steps) or CLEAN

    @property
    def family(self) -> str:
        """Family under which the leaderboard averages: `clean`, the attack's own, or `chain`."""
        if not self.steps:
            return CLEAN
        return self.steps[0].family if len(self.steps) == 1 else "chain"

    @property
    def aligned(self) -> bool:
        """True if the samples keep their place in time through every step."""
        return all(step.aligned for step in self.steps)

    def identity(self) -> str:
        """Return the spelling with each attack's version and the digests of its resources.

        Together these determine the samples. The source of a plugin is digested as well.
        """
        return " | ".join(_identity(step) for step in self.steps) or CLEAN


def spell(attack: Attack) -> str:
    """Return the canonical spelling of one attack.

    >>> import attacks.filters.band_filters
    >>> spell(attacks.filters.band_filters.LowPass(cutoff=7000.0))
    'lowpass(cutoff=7000)'
    """
    return call_syntax.spell(attack.name, attack)


def parse(text: str) -> Condition:
    """Parse a condition from its spelling.

    Raises `InputError` that names the cause, and similar names where a name is unknown.
    """
    if text.strip() == CLEAN:
        return Condition()
    return Condition(tuple(_parse_step(part) for part in split_steps(text, "|")))


def parse_from_file(text: str, where: object) -> Condition:
    """Parse a condition that the file `where` spells, as `parse` does.

    Raises `InputError` if a step runs a program, opens a file or loads foreign code, unless the
    user allowed it.
    """
    for part in [] if text.strip() == CLEAN else split_steps(text, "|"):
        if part.strip() != CLEAN:
            cls, values = _call_of(part)
            trust.check(part.strip(), cls.reaches(values), where)
    return parse(text)


def blamed(attack: Attack, error: InputError) -> InputError:
    """Return the error with the attack's name in its message, for causes raised deep inside."""
    return error if attack.name in str(error) else InputError(f"{attack.name}: {error}")


def has_plugin(identity: str) -> bool:
    """Return whether the identity of a condition holds the source of a plugin.

    >>> has_plugin("crush(bits=6)#v1@0123456789abcdef"), has_plugin("mp3(kbps=32)#v2+lame:0a1b")
    (True, False)
    """
    return _SOURCE.search(identity) is not None


def _identity(attack: Attack) -> str:
    try:
        found = attack.resources()
    except InputError as error:
        raise blamed(attack, error) from error
    resources = "".join(f"+{k}:{v}" for k, v in sorted(found.items()))
    source = plugin_source.of(type(attack)).suffix
    return f"{spell(attack)}#v{attack.version}{source}{resources}"


def _parse_step(text: str) -> Attack:
    if text.strip() == CLEAN:
        raise InputError("clean is a condition of its own, not a step of a chain")
    cls, values = _call_of(text)
    return cls(**values)


def _call_of(text: str) -> tuple[type[Attack], dict[str, Any]]:
    step = call_syntax.call(text)
    if step is None:
        raise InputError(f"cannot read the condition step {text.strip()!r}: needs name(key=value)")
    name, body = step
    cls = registry.get(name)
    return cls, call_syntax.arguments(name, body, [f.name for f in fields(cls)])
