"""Short names of conditions for printed tables: the attack and its distinguishing parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from attacks.contract.base import registry
from attacks.contract.condition import split_steps
from benchmark.core import call_syntax
from benchmark.core.errors import InputError
from benchmark.scores.run_results import ConditionInfo

# A number with one of these units is ambiguous, so the parameter's name is shown before it instead.
NO_MEASURE = ("", "share", "share of packets", "full scale", "level", "steps", "times")


@dataclass(frozen=True)
class _Step:
    name: str
    values: dict[str, str]


def short_names(conditions: Sequence[ConditionInfo]) -> dict[str, str]:
    r"""Return a short name for every condition by its spelling, unique among `conditions`.

    For every step it holds the attack, its first parameter, its severity, and the parameters that
    differ between the steps of that attack here. A no-break space separates a number from its
    unit, and a caveat stands in brackets. If two short names would be equal, both conditions keep
    their spelling.

    >>> noises = [f"noise(kind=white, snr={snr}, reference=active)" for snr in (20, 0)]
    >>> infos = [ConditionInfo(name, "noise", 1.0, "dB", "snr", False) for name in noises]
    >>> [name.replace("\N{NO-BREAK SPACE}", " ") for name in short_names(infos).values()]
    ['noise white 20 dB', 'noise white 0 dB']
    """
    read = {info.condition: _steps(info.condition) for info in conditions}
    severities = {
        read[info.condition][0].name: (info.parameter, info.unit)
        for info in conditions
        if len(read[info.condition]) == 1 and info.parameter
    }
    seen: dict[str, list[dict[str, str]]] = {}
    for step in (step for steps in read.values() for step in steps):
        seen.setdefault(step.name, []).append(step.values)
    varied = {
        (name, key)
        for name, given in seen.items()
        for key in {key for values in given for key in values}
        if len({values.get(key) for values in given}) > 1
    }
    short = {
        name: " | ".join(
            _short(step, severities.get(step.name) or _severity(step.name), varied)
            for step in steps
        )
        for name, steps in read.items()
    }
    for info in conditions:
        short[info.condition] += f" ({info.caveat})" if info.caveat else ""
    times = Counter(short.values())
    return {name: name if times[text] > 1 else text for name, text in short.items()}


def _steps(condition: str) -> list[_Step]:
    """Return the steps with their values as text; an invalid spelling becomes a single step."""
    try:
        calls = [call_syntax.call(step) for step in split_steps(condition, "|")]
        if None in calls:
            return [_Step(condition, {})]
        return [_Step(name, _values(body)) for name, body in filter(None, calls)]
    except InputError:
        return [_Step(condition, {})]


def _values(body: str) -> dict[str, str]:
    parts = [part.partition("=") for part in split_steps(body, ",")] if body.strip() else []
    return {key.strip(): value.strip() for key, _, value in parts}


def _severity(name: str) -> tuple[str, str]:
    """Return severity parameter and unit of an attack that occurs only in chains."""
    severity = registry.get(name).severity if name in registry.names() else None
    return (severity.parameter, severity.unit) if severity else ("", "")


def _short(step: _Step, severity: tuple[str, str], varied: set[tuple[str, str]]) -> str:
    parameter, unit = severity
    words = [step.name]
    for place, (key, value) in enumerate(step.values.items()):
        if key == parameter and unit not in NO_MEASURE:
            words.append(f"{value}\N{NO-BREAK SPACE}{unit}")
        elif place == 0 or key == parameter or (step.name, key) in varied:
            words.append(value if _is_word(value) else f"{key}={value}")
    return " ".join(words)


def _is_word(value: str) -> bool:
    return value[:1].isalpha() and value not in ("true", "false")
