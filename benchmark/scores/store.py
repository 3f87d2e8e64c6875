"""The score store: one Parquet part per executed unit, written atomically.

This module alone defines the paths of a run folder. A part holds one row per utterance of its
unit: id, cause of failure (null if none), decoder of the file, length in seconds before
laundering, facts (JSON), checks (nested), and for each detector its score and the cause of a
missing score.
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
from benchmark.laundering import check_rows
from benchmark.laundering.failure import NO_FAILURE

_ARROW = {int: pa.int32(), str: pa.string(), float: pa.float64(), bool: pa.bool_()}
CHECK = pa.struct(  # one claim of a step and its measurement
    [(name, _ARROW[kind]) for name, kind in check_rows.COLUMNS.items()]
)
_REPEATED = [  # columns with few distinct values; a dictionary does not help scores and ids
    "failure",
    "cause",
    "decoder",
    *(f"checks.list.element.{name}" for name in check_rows.TEXTS),
]
_META = b"launderbench"
PART_FORMAT = 4
THREADS = 8
IMPORTED = "imported"  # key in the origin of a part and in the facts of a detector
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
    """The metadata of a part: the key of its unit and the detectors that it holds scores of."""

    path: Path
    key: str
    split: str
    condition: str
    detectors: dict[str, str]  # identity -> column name, of the detectors that gave scores
    failures: int  # rows that could not be read, laundered or scored
    origin: dict[str, Any]


class Store:
    """The parts of one run folder; `origin` (code, libraries, device) is written to each part."""

    def __init__(self, folder: Path, origin: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.origin = origin or {}
        self.parts = folder / "parts"

    @property
    def head(self) -> Path:
        """Return the path of the head (JSON): data, seed, suite, conditions, detectors."""
        return self.folder / "plan.json"

    def write_head(self, head: dict[str, Any]) -> None:
        """Write the head atomically."""
        head = {**head, "format": PART_FORMAT}
        atomic_files.write(self.head, json.dumps(head, indent=2, sort_keys=True).encode() + b"\n")

    def read_head(self) -> dict[str, Any] | None:
        """Return the head, or None if this folder holds no run.

        Raises `InputError` if the head is damaged, incomplete, or of another format version.
        """
        if not self.head.is_file():
            return None
        try:
            head = json.loads(self.head.read_text())
            missing = [key for key in HEAD if key not in head]
        except (ValueError, TypeError) as error:
            raise InputError(f"{self.head} is damaged ({error}); delete this run folder") from error
        if missing or not isinstance(head, dict):
            raise InputError(f"{self.head} lacks {', '.join(missing)}; delete this run folder")
        if head.pop("format", None) != PART_FORMAT:
            raise InputError(
                f"{self.folder} holds a run of another version of LaunderBench: choose another RUN"
                " name or delete that folder"
            )
        return head

    def write_trials(self, table: pd.DataFrame) -> None:
        """Write the dev and test utterances of the run; the report then needs no data set."""
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), sink)
        atomic_files.write(self.folder / "trials.parquet", sink.getvalue().to_pybytes())

    def read_trials(self) -> pd.DataFrame:
        """Return the dev and test utterances of the run; `InputError` if the file is damaged."""
        return _read_table(self.folder / "trials.parquet").to_pandas()

    def write_part(
        self,
        key: str,
        split: str,
        condition: str,
        rows: Sequence[dict[str, Any]],
        detectors: dict[str, str],
        broken: Collection[str] = (),
        replaces: Collection[Path] = (),
    ) -> Path:
        """Write the part of one unit and return its path.

        rows      : one per utterance, with utterance_id, failure, cause, decoder, seconds, facts,
                    checks, and scores and causes (detector name -> value)
        detectors : identity -> name, of every detector of this unit
        broken    : names of the detectors that raised; the next run tries them again
        replaces  : parts to delete once the new one is written
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
        for name in detectors.values():
            scores = [r["scores"].get(name) for r in rows]
            causes = [r["causes"].get(name) for r in rows]
            columns[f"score:{name}"] = pa.array(scores, pa.float32())
            columns[f"cause:{name}"] = pa.array(causes, pa.string())
        meta = {
            "format": PART_FORMAT,
            "key": key,
            "split": split,
            "condition": condition,
            "detectors": {i: name for i, name in detectors.items() if name not in broken},
            "failures": sum(1 for r in rows if r["failure"] or r["causes"]),
            "origin": self.origin,
        }
        path = atomic_files.write(
            self._part_path(key, detectors), _parquet_bytes(pa.table(columns), meta)
        )
        for old in replaces:
            if old != path:
                old.unlink(missing_ok=True)
        return path

    def scan(self) -> list[PartInfo]:
        """List the parts of this folder from their footers; `InputError` if one is damaged.

        Parts in the format of another version are skipped, so that their units are recomputed.
        """
        paths = sorted(self.parts.glob("??/*.parquet"))
        cut = [paths[start : start + 64] for start in range(0, len(paths), 64)]
        with ThreadPoolExecutor(THREADS) as pool:  # hides the latency of a shared file system
            return [info for infos in pool.map(_infos, cut) for info in infos]

    def read(self, part: PartInfo, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of one part with all columns, or with those named."""
        return _read_table(part.path, columns)

    def _part_path(self, key: str, detectors: dict[str, str]) -> Path:
        tail = uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(sorted(detectors))).hex[:12]
        return self.parts / key[:2] / f"{key[:24]}-{tail}.parquet"


def _infos(paths: Sequence[Path]) -> list[PartInfo]:
    found = []
    for path in paths:
        try:
            meta = json.loads(pq.read_metadata(path).metadata[_META])
        except FileNotFoundError:  # another machine has replaced it
            continue
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            raise InputError(f"{path} is damaged ({error}); delete it and run again") from error
        if meta.pop("format", None) == PART_FORMAT:
            found.append(PartInfo(path, **meta))
    return found


def _read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        # ParquetFile takes half the time of read_table, which matters for 30,000 parts
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            names = None if columns is None else [*columns]
            return file.read(columns=names, use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} is damaged ({error}); delete it and run again") from error


def _parquet_bytes(table: pa.Table, meta: dict[str, Any]) -> bytes:
    """Return a part as the bytes of a Parquet file.

    A report opens tens of thousands of parts, where opening and decoding cost more than size.
    Snappy is used because setting up a zstd decoder for every page takes half of the reading time.
    Statistics and the Arrow schema are left out: they make up most of the footer and add nothing
    to the columns.
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


def unscored(utterance_id: str, **known: Any) -> dict[str, Any]:
    """Return a row for `Store.write_part`, without scores; `known` sets further columns."""
    return {
        "utterance_id": utterance_id,
        **NO_FAILURE,
        "decoder": None,
        "seconds": None,
        "facts": [],
        "checks": [],
        "scores": {},
        "causes": {},
        **known,
    }


def done(parts: Sequence[PartInfo]) -> dict[str, set[str]]:
    """Map each unit key to the identities of the detectors that have scored the unit."""
    held: dict[str, set[str]] = {}
    for part in parts:
        held.setdefault(part.key, set()).update(part.detectors)
    return held
