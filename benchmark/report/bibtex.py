"""Parser and writer of BibTeX entries; white space in values is normalised."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from benchmark.core.errors import InputError
from benchmark.report.latex.escape import OTHER, escape

_HEAD = re.compile(r"@\s*(\w+)\s*\{\s*([^\s,{}()=#%\"~\\]+)\s*,")
_FIELD = re.compile(r"\s*(\w+)\s*=\s*")
_UNSUPPORTED = ("comment", "preamble", "string")


@dataclass(frozen=True)
class Entry:
    """One entry; `kind` and field names are in lower case, values have no delimiters."""

    kind: str
    key: str
    fields: tuple[tuple[str, str], ...]

    def named(self, key: str) -> Entry:
        """Return the same entry with another key."""
        return replace(self, key=key)

    def get(self, name: str) -> str:
        """Return the value of a field, or ''."""
        return dict(self.fields).get(name, "")

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.fields)
        lines = [f"  {name.ljust(width)} = {{{value}}}" for name, value in self.fields]
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}"


def parse(text: str, source: str) -> list[Entry]:
    """Return the entries in `text`; text between entries is skipped, as BibTeX does.

    Values are in braces, in quotes, or numbers. Raises `InputError`, which names `source`, for an
    unreadable entry, an entry without fields, or a repeated key.
    """
    found: dict[str, Entry] = {}
    place = text.find("@")
    while place >= 0:
        head = _HEAD.match(text, place)
        if head is None or head[1].lower() in _UNSUPPORTED:
            line = text[place:].partition("\n")[0]
            raise InputError(
                f"{source}: cannot read the BibTeX entry that begins with {line[:60]!r}"
            )
        kind, key = head[1].lower(), head[2]
        fields, place = _fields(text, head.end(), f"{source}: BibTeX entry {key!r}")
        if key in found:
            raise InputError(f"{source}: two BibTeX entries have the key {key!r}")
        found[key] = Entry(kind, key, fields)
        place = text.find("@", place)
    return list(found.values())


def value_of(text: str) -> str:
    r"""Convert any text to the value of a field: LaTeX for every engine, with balanced braces.

    BibTeX also counts escaped braces, so these become commands. A script that no Latin font covers
    becomes its code points, because our macros are not defined in a bibliography.

    >>> value_of("noise(snr=5) | a_b {"), value_of("声")
    ('noise(snr=5) \\textbar{} a\\_b \\textbraceleft{}', 'U+58F0')
    """
    plain = re.sub(rf"{re.escape(OTHER)}\{{[^{{}}]*\}}\{{([^{{}}]*)\}}", r"\1", escape(text))
    return plain.replace(r"\{", r"\textbraceleft{}").replace(r"\}", r"\textbraceright{}")


def _fields(text: str, place: int, where: str) -> tuple[tuple[tuple[str, str], ...], int]:
    """Return the fields that begin at `place`, and the end of the entry."""
    fields: dict[str, str] = {}
    while (match := _FIELD.match(text, place)) is not None:
        name = match[1].lower()
        if name in fields:
            raise InputError(f"{where} contains the field {name} twice")
        value, place = _value(text, match.end(), f"{where}, field {name}")
        fields[name] = " ".join(value.split())
        comma = re.compile(r"\s*,").match(text, place)
        if comma is None:
            break
        place = comma.end()
    close = re.compile(r"\s*\}").match(text, place)
    if close is None or not fields:
        raise InputError(f"{where} is not closed, or has no readable field")
    return tuple(fields.items()), close.end()


def _value(text: str, place: int, where: str) -> tuple[str, int]:
    number = re.compile(r"\d+").match(text, place)
    if number is not None:
        return number[0], number.end()
    if text[place : place + 1] not in ("{", '"'):
        raise InputError(f"{where} is neither in braces nor in quotes")
    quoted = text[place] == '"'
    depth = 0
    for end in range(place + 1, len(text)):
        char = text[end]
        if depth == 0 and char == ('"' if quoted else "}"):
            return text[place + 1 : end], end + 1
        depth += (char == "{") - (char == "}")
        if depth < 0:
            break
    raise InputError(f"{where} has unbalanced braces")
