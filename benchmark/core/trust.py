"""Spellings that come out of files: none may run a program, open a file or load foreign code.

What a user spells in a command is trusted. What a checkpoint, suite, plan or score file spells is
data: `check` refuses it if the attack or detector that it names reaches beyond its own arithmetic,
unless the user allows that spelling (`--allow SPELLING`).
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmark.core import call_syntax
from benchmark.core.errors import InputError

OPTION = "--allow"

_allowed: tuple[str, ...] = ()


def allowed() -> tuple[str, ...]:
    """Return the spellings that this process accepts from files."""
    return _allowed


def allow(spellings: Collection[str]) -> None:
    """Accept these spellings from files in this process from now on, and no others.

    Raises `InputError` for a text that is no spelling.
    """
    global _allowed
    for text in spellings:
        _pairs(text)
    _allowed = tuple(spellings)


@contextmanager
def allowing(*spellings: str) -> Iterator[None]:
    """Accept further spellings from files within a block."""
    before = _allowed
    allow((*before, *spellings))
    try:
        yield
    finally:
        allow(before)


def free_texts(cls: type, values: Mapping[str, Any]) -> str:
    """Say which parameters have a text of their own, which may name a file or a program.

    A text that the field declares as a choice, or has by default, names neither. Returns '' if
    there is no other.
    """
    if not dataclasses.is_dataclass(cls):
        return ""
    free = [
        field.name
        for field in dataclasses.fields(cls)
        if isinstance(value := values.get(field.name), str)
        and value != field.default
        and value not in (field.metadata.get("range") or ())
    ]
    return f"may open what its {' and '.join(free)} names" if free else ""


def check(spelling: str, reach: str, where: object) -> None:
    """Raise `InputError` if a file spells what reaches further than data may.

    reach : what the attack or detector would do, as a phrase after its name; '' if nothing
    where : the file
    """
    if reach and not any(_covers(text, spelling) for text in _allowed):
        text = " ".join(spelling.split())
        raise InputError(
            f"{where} is refused: it names {text}, which {reach}; if you trust it,"
            f" add {OPTION} {shlex.quote(text)}"
        )


def same(one: str, other: str) -> bool:
    """Return whether two spellings have the same name and the same parameters."""
    return _covers(one, other) and _covers(other, one)


def _covers(given: str, spelling: str) -> bool:
    """Return whether `spelling` has the name and every parameter of what was given."""
    try:
        (name, wanted), (other, found) = _pairs(given), _pairs(spelling)
    except InputError:
        return False
    return name == other and wanted.items() <= found.items()


def _pairs(text: str) -> tuple[str, dict[str, str]]:
    """Return the name of a spelling, and its parameters as canonical texts."""
    parsed = call_syntax.call(text)
    if parsed is None:
        raise InputError(f"{OPTION}: want NAME or NAME(KEY=VALUE, ...), not {text!r}")
    name, body = parsed
    keys = [part.partition("=")[0].strip() for part in call_syntax.split(body, ",")]
    values = call_syntax.arguments(name, body, keys)
    return name, {key: call_syntax.value(value) for key, value in values.items()}
