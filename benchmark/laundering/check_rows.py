"""Steps of a laundered utterance as rows and records, and back.

The columns of a check are the number and the attack of its step, and the fields of `Check`. They
are written down nowhere else: score parts, tables and the verification take them from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np

from attacks.contract.base import AttackError, Check
from attacks.contract.launder import Step
from benchmark.core.foreign import require_facts

Row = dict[str, Any]

_HINTS = get_type_hints(Check)


def _plain(hint: Any) -> type:
    """Return the type of a field without None: `float` for `float | None`."""
    (kind,) = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    return kind


COLUMNS: dict[str, type] = {  # name -> int, str, float or bool; any but step and attack may be null
    "step": int,
    "attack": str,
    **{field.name: _plain(_HINTS[field.name]) for field in fields(Check)},
}
_ACCEPTED = {float: (float, int, np.number), bool: (bool, np.bool_), str: (str,)}
_KINDS = {  # field of a check -> the types that its value may have
    field.name: (*_ACCEPTED[_plain(hint)], *(part for part in get_args(hint) if part is NoneType))
    for field in fields(Check)
    if (hint := _HINTS[field.name])
}
TEXTS = tuple(name for name, kind in COLUMNS.items() if kind is str)
NUMBERS = tuple(name for name, kind in COLUMNS.items() if kind is float)


def check_rows(steps: Iterable[Step]) -> list[Row]:
    """Return one row with `COLUMNS` per check; steps are numbered from 0."""
    return [
        {"step": number, "attack": step.attack, **vars(check)}
        for number, step in enumerate(steps)
        for check in step.checks
    ]


def require_plain(steps: Iterable[Step]) -> None:
    """Raise `AttackError` unless facts are plain JSON values and checks have the columns' types."""
    for step in steps:
        try:
            require_facts(step.facts)
            for check in step.checks:
                _require_check(check)
        except ValueError as error:
            raise AttackError(f"{step.attack}: {error}") from error


def _require_check(check: Any) -> None:
    if type(check) is not Check:
        raise ValueError(f"a check is no Check but {type(check).__name__}")
    for name, kinds in _KINDS.items():
        value = getattr(check, name)
        if not isinstance(value, kinds):
            raise ValueError(f"the {name} of a check is {type(value).__name__}")
    if check.passed != check.due:
        raise ValueError(
            f"the check of {check.quantity} says passed={check.passed}, but its claim and"
            f" measurement give {check.due}"
        )


def fact_rows(steps: Iterable[Step]) -> list[Row]:
    """Return one row per step: its attack and its facts."""
    return [{"attack": step.attack, **step.facts} for step in steps]


def step_records(steps: Iterable[Step]) -> list[Row]:
    """Return one record per step (JSON types only): attack, facts and the list of its checks."""
    return [
        {"attack": step.attack, "facts": step.facts, "checks": [{**vars(c)} for c in step.checks]}
        for step in steps
    ]


def steps_of_records(records: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps that `step_records` described."""
    return tuple(
        Step(item["attack"], item["facts"], tuple(Check(**check) for check in item["checks"]))
        for item in records
    )


def steps_of_rows(rows: Sequence[Row]) -> tuple[Step, ...]:
    """Return the steps of one utterance from its check rows, without facts.

    Further columns of the rows are ignored.
    """
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["step"], []).append(row)
    return tuple(
        Step(mine[0]["attack"], {}, tuple(map(_check, mine))) for _, mine in sorted(groups.items())
    )


def _check(row: Row) -> Check:
    passed = None if row["passed"] is None else bool(row["passed"])
    return Check(**{field.name: row[field.name] for field in fields(Check)} | {"passed": passed})
