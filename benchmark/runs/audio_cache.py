"""Cache of laundered audio: a rerun with an added detector repeats no attack.

There is one file per unit, named by the unit's key, which determines its samples. The samples are
32-bit floats, which FLAC cannot hold. Parquet's BYTE_STREAM_SPLIT groups their bytes by position,
so signs and exponents lie together and Zstandard saves about a sixth. Each file begins with the
SHA-256 of the rest, so a damaged file is detected and its unit is laundered again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core import atomic_files
from benchmark.core.log import logger
from benchmark.scores.part_format import table_of, unscored

Wave = npt.NDArray[np.float32]
Row = dict[str, Any]

SUFFIX = ".audio"
DIGEST = hashlib.sha256().digest_size
FULL_TO = 0.95  # share of the limit that may stay occupied after files are deleted


@dataclass
class AudioCache:
    """Laundered units in `folder`, at most `limit` bytes of them.

    `writers` processes share the cache; each takes an equal part of the free space that it finds.
    The least recently used units are deleted first, but none that was used since `began` (seconds
    since the epoch). A run larger than the cache therefore keeps its first units; plain
    least-recently-used order would delete each unit before the next run needs it.
    """

    folder: Path
    limit: int
    writers: int = 1
    began: float = field(default_factory=time.time)
    _free: int | None = None

    def get(self, key: str) -> tuple[list[Row], list[Wave]] | None:
        """Return the rows and waves of a unit, or None if it is absent or damaged.

        A damaged file is reported on stderr and deleted.
        """
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        body = memoryview(content)[DIGEST:]
        if hashlib.sha256(body).digest() != content[:DIGEST]:
            logger.warning(f"{path} is damaged: laundering this unit again")
            path.unlink(missing_ok=True)
            return None
        table = pq.read_table(pa.BufferReader(body), use_threads=False)
        rows = [*map(_row, table.drop_columns("wave").to_pylist())]
        waves = _waves(table["wave"])
        return rows, waves

    def put(self, key: str, rows: Sequence[Row], waves: Sequence[Wave]) -> bool:
        """Store a unit, one wave per row; return False if there is no space for it."""
        ends = np.cumsum([wave.size for wave in waves], dtype=np.int32)
        samples = np.concatenate([np.zeros(0, np.float32), *waves])
        table = table_of(rows, (), files=True).drop_columns(["failure", "cause"])
        lists = pa.ListArray.from_arrays(np.append(np.int32(0), ends), samples)
        table = table.append_column("wave", lists)
        sink = pa.BufferOutputStream()
        pq.write_table(
            table, sink, compression="zstd",
            use_dictionary=["utterance_id", "decoder"],
            use_byte_stream_split=["wave.list.element"],
        )  # fmt: skip
        body = sink.getvalue().to_pybytes()
        if not self._reserve(DIGEST + len(body)):
            return False
        atomic_files.write(self._path(key), hashlib.sha256(body).digest() + body)
        return True

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def _reserve(self, size: int) -> bool:
        if self._free is None or size > self._free > 0:
            self._free = self._free_share(size)
        if size > self._free:
            self._free = 0  # full of units used by this run: do not scan the folder again
            return False
        self._free -= size
        return True

    def _free_share(self, size: int) -> int:
        """Return this process's share of the free bytes, after deleting old units if needed."""
        held = []
        for path in self.folder.glob(f"??/*{SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):  # another process deleted it
                facts = path.stat()
                held.append((facts.st_mtime, facts.st_size, path))
        total = sum(bytes_ for _, bytes_, _ in held)
        if total + size * self.writers > self.limit:
            for used, bytes_, path in sorted(held):
                if used >= self.began or total <= FULL_TO * self.limit - size * self.writers:
                    break
                path.unlink(missing_ok=True)
                total -= bytes_
        return (self.limit - total) // self.writers


def _waves(column: pa.ChunkedArray) -> list[Wave]:
    lists = column.combine_chunks()
    samples = lists.values.to_numpy(zero_copy_only=True)
    edges = lists.offsets.to_numpy()
    return [samples[a:b] for a, b in pairwise(edges)]


def _row(stored: Row) -> Row:
    return unscored(**stored) | {"facts": json.loads(stored["facts"])}
