"""The cells of a table of scores, whatever separates them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.exchange.score_text import Line

BLANKS = "blanks"
_MARKS = {"tab": "\t", "semicolon": ";", "comma": ","}
_PROBED = 200  # lines from which the separator is found
_ALIKE = 0.8  # share of them that must have the same number of columns
_WORD = re.compile(r'"(?:[^"]|"")*"(?=\s|$)|\'[^\']*\'(?=\s|$)|\S+')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """The rows of a table: the number of each line, and its cells as text.

    separator : 'tab', 'semicolon', 'comma' or 'blanks'
    """

    numbers: list[int]
    cells: list[list[str]]
    separator: str

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.cells[0])


def rows(path: Path, lines: Sequence[Line]) -> Rows:
    """Split lines into cells; `InputError` names the line that has another number of them.

    The separator is the first of tab, semicolon, comma and blanks that gives columns of which one
    holds numbers. Cells lose blanks and quotes around them. A column that is empty throughout is
    left out at the end; a header that lacks the name of the first column, as R and pandas write it,
    gets an empty one.
    """
    separator = _separator(lines[:_PROBED])
    numbers = [line.number for line in lines]
    cells = [_split(path, line, separator) for line in lines]
    if cells[0][0] == "#":  # as NumPy marks a header
        del cells[0][0]
    width = _usual([len(row) for row in cells[1:]] or [len(cells[0])])
    if len(cells[0]) == width - 1 and not any(is_number(cell, separator) for cell in cells[0]):
        cells[0] = ["", *cells[0]]
    for number, row in zip(numbers, cells, strict=True):
        if len(row) != width:
            raise InputError(
                f"{path}:{number}: this line has {_columns(len(row))}, but most have {width}"
                f" (separated by {separator})"
            )
    while width > 1 and not any(row[-1] for row in cells):
        width -= 1
        for row in cells:
            row.pop()
    return Rows(numbers, cells, separator)


def is_number(text: str, separator: str) -> bool:
    """Return whether a cell is a number; one with a decimal comma too, unless commas separate."""
    if _NUMBER.fullmatch(text):
        return text.isascii()
    return separator != "comma" and bool(_DECIMAL_COMMA.fullmatch(text)) and text.isascii()


def _separator(lines: Sequence[Line]) -> str:
    """Return the separator that explains these lines best."""
    usable: list[str] = []
    for name in (*_MARKS, BLANKS):
        cells = [_cells(line.text, name) or [] for line in lines]
        width = _usual([len(row) for row in cells])
        alike = [row for row in cells if len(row) == width]
        if width < 2 or len(alike) < _ALIKE * len(cells):
            continue
        usable.append(name)
        for column in zip(*alike, strict=True):
            if 2 * sum(is_number(cell, name) for cell in column) >= len(column):
                return name
    split = [name for name in (*_MARKS, BLANKS) if len(_cells(lines[0].text, name) or []) > 1]
    return next(iter([*usable, *split]), BLANKS)


def _split(path: Path, line: Line, separator: str) -> list[str]:
    cells = _cells(line.text, separator)
    if cells is None:
        raise InputError(f"{path}:{line.number}: a quote is opened but not closed")
    return cells


def _cells(text: str, separator: str) -> list[str] | None:
    """Return the cells of a line; None if a quoted one has no end."""
    if separator == BLANKS:
        return [_bare(cell) for cell in _WORD.findall(text)]
    mark = _MARKS[separator]
    if '"' not in text:
        return [_bare(cell) for cell in text.split(mark)]
    try:
        (cells,) = csv.reader([text], delimiter=mark, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        return None
    return [_bare(cell) for cell in cells]


def _bare(cell: str) -> str:
    """Return a cell without blanks and a pair of quotes around it."""
    cell = cell.strip()
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'":
        cell = cell[1:-1].replace('""', '"') if cell[0] == '"' else cell[1:-1]
    return cell


def _usual(widths: Sequence[int]) -> int:
    """Return the most frequent number, of several the first."""
    return Counter(widths).most_common(1)[0][0]


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"
