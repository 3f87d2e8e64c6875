"""Result tables from frozen dataclasses: one class per row, one annotated field per column.

The type of a field and its `Column` are all that is said about a column. The names, their order,
the types in data frames and the column reference are derived from them. A row may hold other rows:
an `Estimate` gives a metric its value, bounds and differences as six columns.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype
from pandas.api.types import pandas_dtype

VERSION = 4  # raised when a column is renamed, removed, or changes its meaning or unit
UNVERSIONED = 1  # the tables of releases that wrote no version
SCHEMA = "schema"  # the last column of every CSV file holds the version
LOWER, HIGHER = "lower", "higher"
WHOLE = "{}"  # in a part of a nested row, stands for the meaning of the whole
VALUE = "value"  # the part of a nested row that has the name of the whole


@dataclass(frozen=True)
class Column:
    """What a field of a row means.

    meaning : in words; in a part of a nested row, `{}` stands for the meaning of the whole
    unit    : of a number, e.g. `share`; '' for text, and where the meaning says it
    better  : `lower` or `higher`; '' where neither is
    prefix  : of the names of a nested row's columns; by default the field's name
    """

    meaning: str
    unit: str = ""
    better: str = ""
    prefix: str | None = None

    def __post_init__(self) -> None:
        if self.better not in ("", LOWER, HIGHER):
            raise TypeError(f"a column is better {LOWER} or {HIGHER}, not {self.better!r}")

    def of(self, what: str) -> Column:
        """Return the same measure of something narrower.

        >>> Column("EER", "share", LOWER).of("on clean audio").meaning
        'EER, on clean audio'
        """
        return replace(self, meaning=f"{self.meaning}, {what}")


@dataclass(frozen=True)
class Field:
    """One column of a table.

    path    : the attributes that lead from a row to the value, with dots
    kind    : str, int, float or bool
    missing : whether the value may be missing; a float may be always (NaN)
    """

    name: str
    path: str
    kind: type
    missing: bool
    column: Column

    @property
    def dtype(self) -> ExtensionDtype | np.dtype:
        """The type of the column in a data frame."""
        name = {
            str: "str",
            float: "float64",
            int: "Int64" if self.missing else "int64",
            bool: "boolean" if self.missing else "bool",
        }[self.kind]
        return pandas_dtype(name)


@cache
def columns(row: type) -> tuple[Field, ...]:
    """Return the columns of a class of rows, in order.

    Raises `TypeError` if a field has no meaning, or a type that no column can have, and if two
    columns have one name.
    """
    found: list[Field] = []
    hints = get_type_hints(row, include_extras=True)
    for name in (field.name for field in fields(row)):
        column, kind = _annotated(f"{row.__name__}.{name}", hints[name])
        nested = is_dataclass(kind)
        if nested:
            found += [_part(name, column, part) for part in columns(kind)]
            continue
        kind, missing = _optional(kind)
        if kind not in (str, int, float, bool):
            raise TypeError(f"{row.__name__}.{name}: no column can hold {kind}")
        found.append(Field(name, name, kind, missing or kind is float, column))
    names = [field.name for field in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TypeError(f"{row.__name__} has two columns {', '.join(sorted(twice))}")
    return tuple(found)


def frame(row: type, rows: Sequence[Any]) -> pd.DataFrame:
    """Return rows as a data frame; None, NaN and empty text are missing values."""
    made = {}
    for field in columns(row):
        values = list(map(attrgetter(field.path), rows))
        if field.kind is str:
            values = [value or None for value in values]
        made[field.name] = pd.Series(values, dtype=field.dtype)
    return pd.DataFrame(made)


def versioned(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the version of the schema as its last column.

    It is a column, and in every row: so it survives every reader of CSV without an option, and rows
    that were copied elsewhere still say what their columns mean.
    """
    return table.assign(**{SCHEMA: VERSION})


def typed(row: type, table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `row` from a table that has them, in their order and types.

    Raises `ValueError` if a column is absent or holds something else.
    """
    absent = [field.name for field in columns(row) if field.name not in table.columns]
    if absent:
        raise ValueError(f"column {', '.join(absent)} is absent")
    made = {}
    for field in columns(row):
        values = table[field.name]
        try:
            if field.kind is int:  # pandas converts no float to int if a value is missing
                values = values.astype("Int64")
            if field.kind is str:
                values = values.astype(object).where(values.notna() & values.ne(""), None)
            made[field.name] = values.astype(field.dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(f"column {field.name}: {error}") from error
        if not field.missing and values.isna().any():
            raise ValueError(f"column {field.name} has a missing value")
    return pd.DataFrame(made).reset_index(drop=True)


def _annotated(where: str, hint: Any) -> tuple[Column, Any]:
    """Return the column of a field and its type."""
    notes = [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Column)]
    if get_origin(hint) is not Annotated or len(notes) != 1:
        raise TypeError(f"{where} needs a type and one Column")
    kind = get_args(hint)[0]
    if not notes[0].meaning and not is_dataclass(kind):
        raise TypeError(f"{where} has no meaning")
    return notes[0], kind


def _optional(kind: Any) -> tuple[Any, bool]:
    """Return the type without None, and whether None was in it."""
    if get_origin(kind) in (Union, types.UnionType):
        own = [part for part in get_args(kind) if part is not type(None)]
        if len(own) == 1:
            return own[0], True
    return kind, False


def _part(name: str, whole: Column, part: Field) -> Field:
    """Return a column of a nested row as a column of the row that holds it."""
    prefix = whole.prefix
    if prefix is None:
        prefix = name if part.name == VALUE else f"{name}_"
    own = "" if part.name == VALUE else part.name
    meaning = part.column.meaning
    if WHOLE in meaning:
        meaning = meaning.replace(WHOLE, whole.meaning)
    elif whole.meaning:
        meaning = f"{meaning}, {whole.meaning}"
    column = Column(meaning, part.column.unit or whole.unit, part.column.better or whole.better)
    return Field(f"{prefix}{own}", f"{name}.{part.path}", part.kind, part.missing, column)
