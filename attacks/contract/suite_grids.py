"""The grid of a suite: which of its conditions are the rows and columns of one printed table.

Papers on some data sets print one table of conditions by two labels, such as codec by quality. A
suite of the package declares it, and its conditions belong to the suite like all others:

    [grid]
    row = "codec"
    column = "quality"
    columns = ["1", "2", "3"]
    [[grid.rows]]
    label = "C01"
    name = "Opus"
    group = "wide band"
    conditions = ["opus(kbps=6)", "opus(kbps=16)", "opus(kbps=32)"]
    [[grid.rows]]
    label = "C04"
    name = "EnCodec"
    group = "wide band"
    waits_for = "its weights"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.errors import InputError, unknown

TEXTS = ("label", "name", "group")
ENTRIES = ("row", "column", "columns", "rows")
ROW_ENTRIES = (*TEXTS, "conditions", "waits_for")


@dataclass(frozen=True)
class GridRow:
    """One row: its label, name and group, and a condition for each column.

    `conditions` is empty where the row has none yet; `waits_for` then says what is missing.
    """

    label: str
    name: str
    group: str
    conditions: tuple[str, ...]
    waits_for: str = ""


@dataclass(frozen=True)
class Grid:
    """What rows and columns are called, the labels of the columns, and the rows."""

    row: str
    column: str
    columns: tuple[str, ...]
    rows: tuple[GridRow, ...]

    @property
    def conditions(self) -> list[str]:
        """The conditions of all rows, row by row, as the file spells them."""
        return [condition for row in self.rows for condition in row.conditions]


def read(table: object, path: Path) -> Grid:
    """Return the grid that the suite file `path` declares as `table`.

    Raises `InputError` if an entry is missing, unknown or of another type, if two rows or columns
    have one label, or if a row has neither a condition for each column nor something to wait for.
    """
    found = _table(table, ENTRIES, f"{path}: grid")
    columns = _texts(found.get("columns"), f"{path}: grid.columns")
    if not columns or len(set(columns)) < len(columns):
        raise InputError(f"{path}: grid.columns must be labels, each once")
    rows = found.get("rows")
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path}: grid.rows must be tables, [[grid.rows]]")
    made = [
        _row(row, len(columns), f"{path}: row {n} of the grid") for n, row in enumerate(rows, 1)
    ]
    labels = [row.label for row in made]
    if twice := {label for label in labels if labels.count(label) > 1}:
        raise InputError(f"{path}: the grid has two rows {', '.join(sorted(twice))}")
    row, column = (_text(found.get(key), f"{path}: grid.{key}") for key in ("row", "column"))
    return Grid(row, column, tuple(columns), tuple(made))


def _row(entry: object, size: int, where: str) -> GridRow:
    found = _table(entry, ROW_ENTRIES, where)
    label, name, group = (_text(found.get(key), f"{where}: {key}") for key in TEXTS)
    conditions = _texts(found.get("conditions", []), f"{where}: conditions")
    waits_for = found.get("waits_for", "")
    if bool(conditions) == bool(waits_for) or len(conditions) not in (0, size):
        raise InputError(f"{where} needs {size} conditions, one for each column, or waits_for")
    return GridRow(
        label,
        name,
        group,
        tuple(conditions),
        _text(waits_for, f"{where}: waits_for") if waits_for else "",
    )


def _table(value: object, entries: Sequence[str], where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} must be a table")
    if unexpected := sorted(set(value) - set(entries)):
        raise unknown(f"entry in {where}", unexpected[0], entries)
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where} must be a text in quotes")
    return value


def _texts(value: object, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise InputError(f"{where} must be a list of texts in quotes")
    return value
