"""Laundered audio, kept so that a rerun with one added detector does no codec again.

One file per unit, named by the unit's key, which fixes its samples. The samples are 32-bit floats,
which FLAC cannot hold; their bytes are split by place (Parquet's BYTE_STREAM_SPLIT), so that signs
and exponents lie together and Zstandard finds something to save, about a sixth. Each
file begins with the SHA-256 of what follows: a damaged one is detected and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
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
from benchmark.scores.store import CHECK

Wave = npt.NDArray[np.float32]
Row = dict[str, Any]

SUFFIX = ".audio"
DIGEST = hashlib.sha256().digest_size
FULL_TO = 0.95  # of the limit: what is left when room has been made


@dataclass
class AudioCache:
    """Laundered units in `folder`, at most `limit` bytes of them.

    `writers` processes share it, each of which takes an equal part of the room that it finds.
    What was used longest ago makes room first, but nothing that has been used since `began`
    (seconds since the epoch): a run larger than the cache keeps what it met first, where plain
    least-recently-used order would throw away each unit before the next run comes to it.
    """

    folder: Path
    limit: int
    writers: int = 1
    began: float = field(default_factory=time.time)
    _room: int | None = None

    def get(self, key: str) -> tuple[list[Row], list[Wave]] | None:
        """The rows and waves of a unit; None where it is not here, or damaged, which is said."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        body = memoryview(content)[DIGEST:]
        if hashlib.sha256(body).digest() != content[:DIGEST]:
            print(f"{path} is damaged: laundered anew", file=sys.stderr)
            path.unlink(missing_ok=True)
            return None
        table = pq.read_table(pa.BufferReader(body), use_threads=False)
        rows = [*map(_row, table.drop_columns("wave").to_pylist())]
        waves = _waves(table["wave"])
        return rows, waves

    def put(self, key: str, rows: Sequence[Row], waves: Sequence[Wave]) -> bool:
        """Keep a unit, one wave per row; False where there is no room for it."""
        ends = np.cumsum([wave.size for wave in waves], dtype=np.int32)
        samples = np.concatenate([np.zeros(0, np.float32), *waves])
        table = pa.table(
            {
                "utterance_id": pa.array([row["utterance_id"] for row in rows], pa.string()),
                "decoder": pa.array([row["decoder"] for row in rows], pa.string()),
                "seconds": pa.array([row["seconds"] for row in rows], pa.float32()),
                "facts": pa.array([json.dumps(row["facts"]) for row in rows], pa.string()),
                "checks": pa.array([row["checks"] for row in rows], pa.list_(CHECK)),
                "wave": pa.ListArray.from_arrays(np.append(np.int32(0), ends), samples),
            }
        )
        sink = pa.BufferOutputStream()
        pq.write_table(
            table, sink, compression="zstd",
            use_dictionary=["utterance_id", "decoder"],
            use_byte_stream_split=["wave.list.element"],
        )  # fmt: skip
        body = sink.getvalue().to_pybytes()
        if not self._make_room(DIGEST + len(body)):
            return False
        atomic_files.write(self._path(key), hashlib.sha256(body).digest() + body)
        return True

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def _make_room(self, size: int) -> bool:
        if self._room is None or size > self._room > 0:
            self._room = self._look(size)
        if size > self._room:
            self._room = 0  # full of what this run has used: it is not looked through again
            return False
        self._room -= size
        return True

    def _look(self, size: int) -> int:
        """This process's part of the room, where need be after throwing away what is oldest."""
        held = []
        for path in self.folder.glob(f"??/*{SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):  # another process made room
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


def _row(kept: Row) -> Row:
    row: Row = {"failure": None, "cause": None, "scores": {}, "causes": {}}
    return row | kept | {"facts": json.loads(kept["facts"])}
