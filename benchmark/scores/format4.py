"""Reader of run folders of format 4, and their adoption into the present format.

A part of format 4 describes itself in its footer, and the key of its unit is over the SHA-256 of
the audio files. Nothing in such a folder has a digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core import json_text
from benchmark.core.errors import InputError, one_line
from benchmark.data.file_hashes import rows_digest
from benchmark.data.trial_table import digest_column, rows_of
from benchmark.laundering.resuming import key_of
from benchmark.scores import plan_files
from benchmark.scores.manifest import COMPUTED, IMPORTED, STORED, UNKNOWN_INPUTS, PartFile, PartInfo
from benchmark.scores.part_format import META
from benchmark.scores.unit_keys import inputs_digest, of_plan

FORMAT = 4
THREADS = 8


@dataclass(frozen=True)
class OldRun:
    """The units of a folder of format 4, and the origins of their scores by digest.

    faults : one sentence per part that cannot be read
    """

    parts: list[PartInfo]
    origins: dict[str, dict[str, Any]]
    faults: list[str]


def read(folder: Path, plan: dict[str, Any]) -> OldRun:
    """Read the footers of all parts; units of other plans are left out."""
    known = {old: (new, inputs) for old, new, inputs in _keys(folder, plan)}
    paths = sorted(folder.glob("parts/??/*.parquet"))
    cut = [paths[start : start + 64] for start in range(0, len(paths), 64)]
    found = OldRun([], {}, [])
    with ThreadPoolExecutor(THREADS) as pool:  # hides the latency of a shared file system
        for metas in pool.map(_footers, cut):
            for path, meta in metas:
                name = path.relative_to(folder).as_posix()
                if isinstance(meta, str):
                    found.faults.append(f"{name} is damaged ({meta})")
                elif meta.get("format") == FORMAT and meta["key"] in known:
                    found.parts.append(_part(path, name, meta, known[meta["key"]], found.origins))
    return found


def adopted(folder: Path, parts: Sequence[PartInfo]) -> list[PartInfo]:
    """Return the units with the digests of their files, for a manifest."""
    found = []
    for part in parts:
        content = (folder / part.path).read_bytes()
        file = replace(part.file, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        found.append(replace(part, file=file))
    return found


def _part(
    path: Path,
    name: str,
    meta: dict[str, Any],
    known: tuple[str, str],
    origins: dict[str, dict[str, Any]],
) -> PartInfo:
    origin = meta["origin"]
    text = json.dumps(origin, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    origins[digest] = origin
    kind = IMPORTED if IMPORTED in origin else STORED if STORED in origin else COMPUTED
    file = PartFile(
        name, None, path.stat().st_size, meta["split"], meta["condition"], meta["detectors"],
        digest, kind,
    )  # fmt: skip
    key, inputs = known
    rows = int(pq.read_metadata(path).num_rows)
    used = inputs if kind == COMPUTED else UNKNOWN_INPUTS
    return PartInfo(file, key, 0, rows, int(meta["failures"]), used)


def _footers(paths: Sequence[Path]) -> list[tuple[Path, dict[str, Any] | str]]:
    """Return the metadata of each part, or why it cannot be read."""
    found: list[tuple[Path, dict[str, Any] | str]] = []
    wanted = {"key", "split", "condition", "detectors", "failures", "origin"}
    for path in paths:
        try:
            meta = json_text.parse(pq.read_metadata(path).metadata[META])
            if not isinstance(meta, dict) or not wanted <= meta.keys():
                raise ValueError("its description is incomplete")
            found.append((path, meta))
        except FileNotFoundError:  # another machine has replaced it
            continue
        except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
            found.append((path, one_line(error)))
    return found


def _keys(folder: Path, plan: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the old key, the new key and the inputs of every unit of a plan."""
    trials = plan_files.read_trials(folder, plan)
    for split in of_plan(plan, trials):
        conditions = [(c["identity"], c["made"]) for c in split.conditions]
        table = split.table
        if missing := [c for _, made in conditions if (c := digest_column(made)) not in table]:
            raise InputError(f"{folder}: the table of trials lacks the column {missing[0]}")
        for start, stop, keys in split.shards():
            rows = table.iloc[start:stop]
            yield from _of_shard(rows, split.digest, conditions, plan["seed"], keys)


def _of_shard(
    rows: pd.DataFrame,
    trials: str,
    conditions: Sequence[tuple[str, str]],
    seed: int,
    keys: Sequence[str],
) -> Iterator[tuple[str, str, str]]:
    digests: dict[str, tuple[str, str]] = {}
    for (identity, made), new in zip(conditions, keys, strict=True):
        if made not in digests:
            files = rows[digest_column(made)].tolist()
            built = any(text.startswith("recipe ") for text in files)
            digests[made] = (
                rows_digest(rows_of(rows, "utterance_id", "label", digest_column(made))),
                UNKNOWN_INPUTS if built else inputs_digest(files),
            )
        digest, inputs = digests[made]
        determined = key_of(
            {
                "format": FORMAT,
                "trials": trials,
                "condition": identity,
                "seed": seed,
                "precision": "float32",
            }
        )
        yield hashlib.sha256(f"{determined} {digest}".encode()).hexdigest(), new, inputs
