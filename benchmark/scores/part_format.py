"""The rows of a part as a Parquet file, and back.

A part holds one row per utterance of its units: id, cause of failure (null if none); of the file
its decoder, decoded and declared length, faults, size, time and hash; a digest of the laundered
samples, facts (JSON), checks (nested); and for each detector its score and the cause of a missing
one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core.errors import InputError
from benchmark.laundering import check_rows
from benchmark.laundering.failure import NO_FAILURE
from benchmark.scores.score_width import is_single

_ARROW = {int: pa.int32(), str: pa.string(), float: pa.float64(), bool: pa.bool_()}
CHECK = pa.struct(  # one claim of a step and its measurement
    [(name, _ARROW[kind]) for name, kind in check_rows.COLUMNS.items()]
)
FILES = ("file_size", "file_mtime_ns", "file_sha256")
COLUMNS: dict[str, pa.DataType] = {  # of every part; those of the files only where they were read
    "utterance_id": pa.string(),
    "failure": pa.string(),
    "cause": pa.string(),
    "decoder": pa.string(),
    "seconds": pa.float32(),
    "declared_seconds": pa.float32(),
    "input_faults": pa.string(),
    "file_size": pa.int64(),
    "file_mtime_ns": pa.int64(),
    "file_sha256": pa.binary(32),
    "samples": pa.binary(8),
    "facts": pa.string(),
    "checks": pa.list_(CHECK),
}
SCORE, CAUSE = "score:", "cause:"
_REPEATED = [  # columns with few distinct values; a dictionary does not help scores and ids
    "failure",
    "cause",
    "decoder",
    "input_faults",
    *(f"checks.list.element.{name}" for name in check_rows.TEXTS),
]
META = b"launderbench"

Row = dict[str, Any]


class DamagedPart(InputError):
    """Error for a part file that is not what the manifest lists."""


def unscored(utterance_id: str, **known: Any) -> Row:
    """Return a row for `table_of`, without scores; `known` sets further columns."""
    return {
        "utterance_id": utterance_id,
        **NO_FAILURE,
        "decoder": None,
        "seconds": None,
        "declared_seconds": None,
        "input_faults": None,
        **dict.fromkeys(FILES),
        "samples": None,
        "facts": [],
        "checks": [],
        "scores": {},
        "causes": {},
        **known,
    }


def table_of(
    rows: Sequence[Row], names: Iterable[str], files: bool, double: bool = False
) -> pa.Table:
    """Return the rows of a unit as a table, with the scores of the detectors `names`.

    files  : keep the columns of the files that were decoded
    double : store scores that float32 would round as float64
    """
    columns: dict[str, pa.Array] = {}
    for name, kind in COLUMNS.items():
        if name in FILES and not files:
            continue
        values = [row[name] for row in rows]
        if name == "facts":
            values = [json.dumps(value, sort_keys=True) for value in values]
        columns[name] = pa.array(values, kind)
    for name in names:
        scores = [row["scores"].get(name) for row in rows]
        kind = pa.float64() if double and not _single(scores) else pa.float32()
        columns[f"{SCORE}{name}"] = pa.array(scores, kind)
        columns[f"{CAUSE}{name}"] = pa.array([r["causes"].get(name) for r in rows], pa.string())
    return pa.table(columns)


def _single(values: Sequence[float | None]) -> bool:
    """Return whether float32 holds each score exactly."""
    return is_single(np.array([value for value in values if value is not None], dtype=np.float64))


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of several parts; a score column is float64 if it is so in any of them."""
    return pa.concat_tables(tables, promote_options="permissive")


def parquet_bytes(table: pa.Table, meta: dict[str, Any], dense: bool = False) -> bytes:
    """Return a table as the bytes of a Parquet file.

    A report opens tens of thousands of small files, where opening and decoding cost more than size.
    Snappy is used because setting up a zstd decoder for every page takes half of the reading time.
    Statistics and the Arrow schema are left out: they make up most of the footer and add nothing
    to the columns. A `dense` file holds many units: there zstd and delta-coded ids pay.
    """
    sink = pa.BufferOutputStream()
    options: dict[str, Any] = {"compression": "snappy", "use_dictionary": _REPEATED}
    if dense:
        scores = [name for name in table.column_names if name.startswith(SCORE)]
        options = {
            "compression": "zstd",
            "compression_level": 9,
            "use_dictionary": [*_REPEATED, *(c for c in table.column_names if c.startswith(CAUSE))],
            "column_encoding": {
                "utterance_id": "DELTA_BYTE_ARRAY",
                **dict.fromkeys(scores, "BYTE_STREAM_SPLIT"),
                **dict.fromkeys(
                    (f"checks.list.element.{name}" for name in check_rows.NUMBERS),
                    "BYTE_STREAM_SPLIT",
                ),
            },
        }
    with pq.ParquetWriter(
        sink,
        table.schema,
        write_statistics=False,
        store_schema=False,
        write_page_checksum=True,
        **options,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({META: json.dumps(meta, sort_keys=True).encode()})
    return bytes(sink.getvalue().to_pybytes())


def parsed(content: bytes, columns: Collection[str] | None, path: str) -> pa.Table:
    """Return the rows of a Parquet file with all columns, or those of `columns` that it has.

    Raises `DamagedPart` naming `path` if the bytes are not such a file.
    """
    try:
        # ParquetFile takes half the time of read_table, which matters for 30,000 parts
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            held = file.schema_arrow.names
            names = None if columns is None else [name for name in columns if name in held]
            return file.read(columns=names, use_threads=False)
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise DamagedPart(f"{path} is damaged ({error})") from error
