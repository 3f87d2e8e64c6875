"""Conditions: an attack with every parameter fixed, in one canonical spelling.

Grammar: ``clean``, or steps joined by `` | ``; a step is ``name(key=value, ...)``, keys in
declaration order, defaults written out, numbers in their shortest round-trip form. `parse` reads
any order and omitted defaults; `str(condition)` writes the one spelling.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from attacks.base import Attack, registry
from benchmark.errors import InputError, unknown

CLEAN = "clean"
_STEP = re.compile(r"\s*([A-Za-z_][\w-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_BARE = re.compile(r"[A-Za-z_][\w./+-]*")


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

    >>> import attacks.filtering
    >>> spell(attacks.filtering.LowPass(cutoff=7000.0))
    'lowpass(cutoff=7000)'
    """
    fields = dataclasses.fields(attack)
    values = ", ".join(f"{f.name}={_spell_value(getattr(attack, f.name))}" for f in fields)
    return f"{attack.name}({values})" if fields else attack.name


def parse(text: str) -> Condition:
    """Read a condition from its spelling; `InputError` names what is wrong, with near names."""
    if text.strip() == CLEAN:
        return Condition()
    return Condition(tuple(_parse_step(part) for part in split_steps(text, "|")))


def _identity(attack: Attack) -> str:
    resources = "".join(f"+{k}:{v}" for k, v in sorted(attack.resources().items()))
    return f"{spell(attack)}#v{attack.version}{resources}"


def _spell_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _BARE.fullmatch(text) and text not in ("true", "false"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _parse_step(text: str) -> Attack:
    if text.strip() == CLEAN:
        raise InputError("clean is a condition of its own, not a step of a chain")
    match = _STEP.fullmatch(text)
    if match is None:
        raise InputError(f"cannot read the condition step {text.strip()!r}: want name(key=value)")
    name, body = match.groups()
    cls = registry.get(name)
    known = [f.name for f in dataclasses.fields(cls)]
    values: dict[str, object] = {}
    for part in split_steps(body, ",") if body and body.strip() else []:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise InputError(f"{name}: write parameters as key=value, not {part.strip()!r}")
        if key not in known:
            raise unknown(f"parameter of {name}", key, known)
        if key in values:
            raise InputError(f"{name}: {key} is given twice")
        values[key] = _parse_value(value, f"{name}: {key}")
    return cls(**values)


def _parse_value(text: str, where: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if not text:
        raise InputError(f"{where} has no value")
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if re.search(r"[.eE]", text) else int(text)


def split_steps(text: str, separator: str) -> list[str]:
    """Split at `separator` outside quotes and parentheses."""
    parts, depth, quoted, start, escaped = [], 0, False, 0, False
    for i, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if depth < 0:
                break
            if char == separator and depth == 0:
                parts.append(text[start:i])
                start = i + 1
    if quoted or depth != 0:
        raise InputError(f"unbalanced quotes or parentheses in condition {text.strip()!r}")
    return [*parts, text[start:]]
