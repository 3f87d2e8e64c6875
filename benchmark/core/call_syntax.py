"""The grammar of attack and detector spellings: ``name(key=value, ...)``.

Numbers have their shortest round-trip form. Text is bare where possible, else in double quotes.
Single quotes would be part of the text, so a value in single quotes is refused as ambiguous.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from typing import Any

from benchmark.core.errors import InputError, unknown
from benchmark.core.parameters import is_added

_CALL = re.compile(r"\s*([A-Za-z_][\w-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SINGLE = re.compile(r"'[^']*'?")
_BARE = re.compile(r"[A-Za-z_][\w./+-]*")


def call(text: str) -> tuple[str, str] | None:
    """Return the name and the text between the parentheses; None if `text` is not a call."""
    match = _CALL.fullmatch(text)
    return (match[1], match[2] or "") if match else None


def arguments(name: str, body: str, known: Collection[str]) -> dict[str, Any]:
    """Parse `body`, the text between the parentheses of `name`, into parameter values.

    Raises `InputError` for a parameter that is not `known` (with similar names), is given twice,
    has no value, or has its value in single quotes.
    """
    values: dict[str, Any] = {}
    for part in split(body, ",") if body.strip() else []:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise InputError(f"{name}: write parameters as key=value, not {part.strip()!r}")
        if key not in known:
            raise unknown(f"parameter of {name}", key, known)
        if key in values:
            raise InputError(f"{name}: {key} is given twice")
        values[key] = _parse_value(value, f"{name}: {key}")
    return values


def spell(name: str, item: Any, *, defaults: bool = True, added: bool = False) -> str:
    """Return the canonical spelling of a dataclass: fields in the order of their declaration.

    A field with its default value is left out without `defaults`, and without `added` if it was
    declared as added.
    """
    values = ", ".join(
        f"{f.name}={value(getattr(item, f.name))}"
        for f in dataclasses.fields(item)
        if (defaults and (added or not is_added(f))) or getattr(item, f.name) != f.default
    )
    return f"{name}({values})" if values else name


def split(text: str, separator: str) -> list[str]:
    """Split `text` at `separator` outside quotes and parentheses.

    Raises `InputError` for unbalanced quotes or parentheses.
    """
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
        raise InputError(f"unbalanced quotes or parentheses in {text.strip()!r}")
    return [*parts, text[start:]]


def value(item: object) -> str:
    """Return the canonical spelling of one value."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, float):
        return repr(int(item)) if item == int(item) and abs(item) < 1e15 else repr(item)
    if isinstance(item, int):
        return str(item)
    text = str(item)
    if _BARE.fullmatch(text) and text not in ("true", "false"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _parse_value(text: str, where: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if not text:
        raise InputError(f"{where} has no value")
    if _SINGLE.fullmatch(text):
        plain = text.strip("'")
        raise InputError(f'{where} is in single quotes; use double quotes: "{plain}"')
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if re.search(r"[.eE]", text) else int(text)
