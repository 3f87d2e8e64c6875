"""The memory that a Parquet file of strangers would take, found before it is read.

Dictionaries and runs let a small file describe a table of any size. Its metadata state how many
values it has; texts that it repeats are read as codes first, which takes little memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core.errors import one_line

ROWS = 20_000_000  # trials of the largest table
VALUES = 2_000_000_000  # of all columns; a file of 65,536 utterances has some 100 million
BYTES = 4 * 2**30  # of pages as they are decoded, and of texts as they are written out
CHAINED = "DELTA_BYTE_ARRAY"  # texts of which each states how much of the one before it repeats
WIDEST = 2**26  # bytes of such a column as it is stored, so of the longest text that it may hold
LONGEST = 4096  # bytes of such a text: ids of utterances
FEW, BATCH = 16, 2**16  # rows read at once, of such texts and of codes


def fault(path: Path) -> str:
    """Say why a Parquet file must not be read whole; '' if it may."""
    try:
        with pq.ParquetFile(path) as file:
            if cause := _claims(file.metadata):
                return cause
            chained, coded = _texts(file.metadata)
        size = 0
        for written in _sizes(path, chained, coded):
            size += written
            if size > BYTES:
                return f"holds texts that unpack to more than {BYTES} bytes"
    except (OSError, pa.ArrowException, ValueError, KeyError, IndexError) as error:
        return f"is no sound Parquet file ({one_line(error)})"
    return ""


def _claims(meta: pq.FileMetaData) -> str:
    """Say what is too large in the metadata of a file; '' if nothing is."""
    columns = [*_columns(meta)]
    values = sum(column.num_values for column in columns)
    if meta.num_rows > ROWS or values > VALUES:
        return f"claims {meta.num_rows} rows with {values} values: too many to read"
    if (size := sum(column.total_uncompressed_size for column in columns)) > BYTES:
        return f"unpacks to {size} bytes; {BYTES} are allowed"
    for column in columns:
        if CHAINED in column.encodings and column.total_uncompressed_size > WIDEST:
            return f"has texts of {column.total_uncompressed_size} bytes in {column.path_in_schema}"
    return ""


def _columns(meta: pq.FileMetaData) -> Iterator[pq.ColumnChunkMetaData]:
    for number in range(meta.num_row_groups):
        group = meta.row_group(number)
        yield from (group.column(place) for place in range(group.num_columns))


def _texts(meta: pq.FileMetaData) -> tuple[list[str], list[str]]:
    """Return the columns of texts that repeat the start of the one before, and the other ones."""
    texts = [column for column in _columns(meta) if column.physical_type == "BYTE_ARRAY"]
    chained = {c.path_in_schema for c in texts if CHAINED in c.encodings}
    return sorted(chained), sorted({c.path_in_schema for c in texts} - chained)


def _sizes(path: Path, chained: Sequence[str], coded: Sequence[str]) -> Iterator[int]:
    """Yield the bytes that texts take, a few at a time, without more of them in memory."""
    with pq.ParquetFile(path, read_dictionary=coded) as file:
        for name in sorted({text.split(".")[0] for text in coded}):
            for batch in file.iter_batches(BATCH, columns=[name], use_threads=False):
                yield _written(batch.column(0))
        for name in chained:
            for batch in file.iter_batches(FEW, columns=[name], use_threads=False):
                if (size := int(batch.nbytes)) > FEW * LONGEST:
                    raise ValueError(f"{name} has texts of more than {LONGEST} bytes")
                yield size


def _written(array: pa.Array) -> int:
    """Return the bytes that the texts of an array take once its codes are written out."""
    if pa.types.is_dictionary(array.type):
        lengths = np.array([len(text or "") for text in array.dictionary.to_pylist()], np.int64)
        codes = array.indices.drop_null().to_numpy()
        return int(lengths[codes].sum()) if codes.size else 0
    if pa.types.is_list(array.type):
        return _written(array.flatten())
    if pa.types.is_struct(array.type):
        return sum(_written(array.field(n)) for n in range(array.type.num_fields))
    return int(array.nbytes)
