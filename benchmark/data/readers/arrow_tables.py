"""Columns of Parquet and Arrow files as texts, and what Hugging Face writes about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core.errors import InputError, one_line
from benchmark.data.readers.tables import clean_table

MOST_COLUMNS = 500
_METADATA = b"huggingface"  # the key under which `datasets` keeps the features of a file
_UNREADABLE = (pa.ArrowException, ValueError, OSError, TypeError, KeyError, OverflowError)


def unreadable(file: Path, error: Exception) -> InputError:
    """Return the error for a Parquet or Arrow file that cannot be read."""
    kind = "Arrow" if file.suffix == ".arrow" else "Parquet"
    cause = one_line(error) or type(error).__name__
    return InputError(f"{file} cannot be read as {kind} ({cause[:200]}): fetch it again")


def reading(file: Path, read: Callable[[], Any]) -> Any:
    """Return what `read` returns; errors of the library become `InputError`."""
    try:
        return read()
    except InputError:
        raise
    except _UNREADABLE as error:
        raise unreadable(file, error) from error
    except MemoryError as error:
        raise InputError(f"{file} has a block that does not fit into memory") from error


def schema_of(file: Path) -> pa.Schema:
    """Return the schema of a Parquet or Arrow file; `InputError` if it is damaged."""
    if file.suffix == ".arrow":
        return reading(file, lambda: _arrow_schema(file))
    return reading(file, lambda: pq.read_schema(file))


def _arrow_schema(file: Path) -> pa.Schema:
    with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as stream:
        return stream.schema


def features_of(schema: pa.Schema) -> Mapping[str, Any]:
    """Return the features that `datasets` wrote into a schema; empty if there are none."""
    try:
        found = json.loads((schema.metadata or {})[_METADATA])["info"]["features"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def class_names(schema: pa.Schema, column: str) -> list[str]:
    """Return the names of the classes of a column of class numbers; empty if it has none."""
    feature = features_of(schema).get(column)
    names = feature.get("names") if isinstance(feature, dict) else None
    if isinstance(names, dict):  # written so in cards: {"0": "fake"}
        names = [names.get(str(number), "") for number in range(len(names))]
    return [str(name) for name in names] if isinstance(names, list) else []


def is_text(kind: pa.DataType) -> bool:
    """Return True for a type whose values can be cells of a protocol."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    tests = (
        pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating,
        pa.types.is_boolean, pa.types.is_temporal, pa.types.is_decimal,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def texts(column: pa.ChunkedArray | pa.Array, names: list[str]) -> list[str]:
    """Return the cells of a column as texts; class numbers become the `names` of the classes."""
    found = []
    for value in column.to_pylist():
        if value is None:
            found.append("")
        elif names and isinstance(value, int) and 0 <= value < len(names):
            found.append(names[value])
        else:
            found.append(str(value))
    return found


def text_columns(table: pa.Table | pa.RecordBatch, source: Path) -> dict[str, list[str]]:
    """Return the columns that hold texts and numbers, and such fields of nested columns.

    The field `model` of the column `details` is called `details.model`.
    """
    if table.num_columns > MOST_COLUMNS:
        raise InputError(
            f"{source} has {table.num_columns} columns, more than {MOST_COLUMNS}: it is no table"
            " of utterances"
        )
    found: dict[str, list[str]] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if is_text(field.type):
            found[field.name] = texts(column, class_names(table.schema, field.name))
        elif pa.types.is_struct(field.type):
            rows = None
            for inner in field.type:
                if is_text(inner.type) and "bytes" not in {f.name for f in field.type}:
                    rows = rows if rows is not None else column.to_pylist()
                    values = [None if row is None else row.get(inner.name) for row in rows]
                    found[f"{field.name}.{inner.name}"] = [
                        "" if value is None else str(value) for value in values
                    ]
    return found


def plain_table(file: Path) -> pd.DataFrame:
    """Read the text columns of a Parquet file; nested and binary columns are left out."""
    schema = schema_of(file)
    names = [field.name for field in schema if is_text(field.type)]
    if not names:
        raise InputError(f"{file} has no column of texts or numbers")
    table = reading(file, lambda: pq.read_table(file, columns=names))
    columns = reading(file, lambda: text_columns(table, file))
    return clean_table(pd.DataFrame(columns, dtype=object), file)
