"""The score store: one Parquet part per executed unit, written atomically; every path is made here.

A part holds one row per utterance of its unit: id, cause of failure (null where there is none),
what decoded the file, its length in seconds before laundering, facts (JSON), checks (nested), and
for each detector its score and the cause of a missing one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core import atomic_files
from benchmark.core.errors import InputError

CHECK = pa.struct(  # what a step claims and what was measured
    [
        ("step", pa.int32()),
        ("attack", pa.string()),
        ("quantity", pa.string()),
        ("unit", pa.string()),
        ("relation", pa.string()),
        ("claimed", pa.float64()),
        ("measured", pa.float64()),
        ("tolerance", pa.float64()),
        ("passed", pa.bool_()),
        ("effect", pa.bool_()),
    ]
)
_REPEATED = [  # columns that say the same again and again; scores and ids are all different
    "failure",
    "cause",
    "decoder",
    *(f"checks.list.element.{field.name}" for field in CHECK if pa.types.is_string(field.type)),
]
_META = b"launderbench"
PART_FORMAT = 4
THREADS = 8
IMPORTED = "imported"  # in a part's origin and a detector's facts: its scores were made elsewhere
HEAD = (
    "data",
    "data_version",
    "data_root",
    "headline",
    "trial_digest",
    "dev_digest",
    "audio_digest",
    "seed",
    "suite",
    "conditions",
    "detectors",
)


@dataclass(frozen=True)
class PartInfo:
    """The footer of a part: the unit's key and the detectors whose scores it holds."""

    path: Path
    key: str
    split: str
    condition: str
    detectors: dict[str, str]  # identity -> column name, of the detectors that gave scores
    failures: int  # rows that could not be read, laundered or scored
    origin: dict[str, Any]


class Store:
    """The parts of one run folder; `origin` (code, libraries, device) goes into each new part."""

    def __init__(self, folder: Path, origin: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.origin = origin or {}
        self.parts = folder / "parts"

    @property
    def head(self) -> Path:
        """The run's head: data, seed, suite, conditions, detectors (JSON)."""
        return self.folder / "plan.json"

    def write_head(self, head: dict[str, Any]) -> None:
        """Write the head atomically."""
        head = {**head, "format": PART_FORMAT}
        atomic_files.write(self.head, json.dumps(head, indent=2, sort_keys=True).encode() + b"\n")

    def read_head(self) -> dict[str, Any] | None:
        """The head; None where this folder holds no run; `InputError` where it is damaged."""
        if not self.head.is_file():
            return None
        try:
            head = json.loads(self.head.read_text())
            lacking = [key for key in HEAD if key not in head]
        except (ValueError, TypeError) as error:
            raise InputError(f"{self.head} is damaged ({error}); delete this run folder") from error
        if lacking or not isinstance(head, dict):
            raise InputError(f"{self.head} lacks {', '.join(lacking)}; delete this run folder")
        if head.pop("format", None) != PART_FORMAT:
            raise InputError(
                f"{self.folder} holds a run of another version of LaunderBench: choose another RUN"
                " name or delete that folder"
            )
        return head

    def write_trials(self, table: pd.DataFrame) -> None:
        """Keep the dev and test utterances of the run, so that it is reported without the data."""
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), sink)
        atomic_files.write(self.folder / "trials.parquet", sink.getvalue().to_pybytes())

    def read_trials(self) -> pd.DataFrame:
        """The dev and test utterances of the run."""
        return _read_table(self.folder / "trials.parquet").to_pandas()

    def write_part(
        self,
        key: str,
        split: str,
        condition: str,
        rows: Sequence[dict[str, Any]],
        asked: dict[str, str],
        broken: Collection[str] = (),
        replaces: Collection[Path] = (),
    ) -> Path:
        """Write the part of one unit.

        `rows` carry utterance_id, failure, cause, decoder, seconds, facts, checks, and scores and
        causes (detector name -> value). `asked` maps the identity of every detector of this unit to
        its name; those named in `broken` raised, so the next run tries them again. Parts in
        `replaces` are deleted once the new one stands.
        """
        columns: dict[str, pa.Array] = {
            "utterance_id": pa.array([r["utterance_id"] for r in rows], pa.string()),
            "failure": pa.array([r["failure"] for r in rows], pa.string()),
            "cause": pa.array([r["cause"] for r in rows], pa.string()),
            "decoder": pa.array([r["decoder"] for r in rows], pa.string()),
            "seconds": pa.array([r["seconds"] for r in rows], pa.float32()),
            "facts": pa.array([json.dumps(r["facts"], sort_keys=True) for r in rows], pa.string()),
            "checks": pa.array([r["checks"] for r in rows], pa.list_(CHECK)),
        }
        for name in asked.values():
            scores = [r["scores"].get(name) for r in rows]
            causes = [r["causes"].get(name) for r in rows]
            columns[f"score:{name}"] = pa.array(scores, pa.float32())
            columns[f"cause:{name}"] = pa.array(causes, pa.string())
        meta = {
            "format": PART_FORMAT,
            "key": key,
            "split": split,
            "condition": condition,
            "detectors": {i: name for i, name in asked.items() if name not in broken},
            "failures": sum(1 for r in rows if r["failure"] or r["causes"]),
            "origin": self.origin,
        }
        path = atomic_files.write(self._part_path(key, asked), _part(pa.table(columns), meta))
        for old in replaces:
            if old != path:
                old.unlink(missing_ok=True)
        return path

    def scan(self) -> list[PartInfo]:
        """List the parts from their footers alone; `InputError` names a damaged part.

        Parts that an older version wrote in another format are skipped and computed again.
        """
        paths = sorted(self.parts.glob("??/*.parquet"))
        cut = [paths[start : start + 64] for start in range(0, len(paths), 64)]
        with ThreadPoolExecutor(THREADS) as pool:  # on a shared file system, opening is waiting
            return [info for infos in pool.map(_infos, cut) for info in infos]

    def read(self, part: PartInfo, columns: Sequence[str] | None = None) -> pa.Table:
        """One part's rows; all columns, or those named."""
        return _read_table(part.path, columns)

    def _part_path(self, key: str, asked: dict[str, str]) -> Path:
        tail = uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(sorted(asked))).hex[:12]
        return self.parts / key[:2] / f"{key[:24]}-{tail}.parquet"


def _infos(paths: Sequence[Path]) -> list[PartInfo]:
    found = []
    for path in paths:
        try:
            meta = json.loads(pq.read_metadata(path).metadata[_META])
        except FileNotFoundError:  # replaced meanwhile by another machine
            continue
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            raise InputError(f"{path} is damaged ({error}); delete it and run again") from error
        if meta.pop("format", None) == PART_FORMAT:
            found.append(PartInfo(path, **meta))
    return found


def _read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        # ParquetFile takes half of read_table's time, which tells in 30,000 parts
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            names = None if columns is None else [*columns]
            return file.read(columns=names, use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} is damaged ({error}); delete it and run again") from error


def _part(table: pa.Table, meta: dict[str, Any]) -> bytes:
    """A part as Parquet, for files of which a report opens tens of thousands.

    Opening and decoding cost more than the bytes: Snappy, because a zstd decoder set up for every
    page is half of the reading; no statistics and no Arrow schema, because they make most of the
    footer and say nothing that the columns do not.
    """
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="snappy",
        use_dictionary=_REPEATED,
        write_statistics=False,
        store_schema=False,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_META: json.dumps(meta).encode()})
    return bytes(sink.getvalue().to_pybytes())


def done(parts: Sequence[PartInfo]) -> dict[str, set[str]]:
    """Unit key -> identities of the detectors whose scores are there."""
    held: dict[str, set[str]] = {}
    for part in parts:
        held.setdefault(part.key, set()).update(part.detectors)
    return held
