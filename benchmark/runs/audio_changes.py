"""Units whose audio files have changed since they were computed.

A unit records a digest of its files, and the part of `clean` (or of ready-made audio) the size and
time of each. A file of the same size and time is taken for unchanged; others are hashed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from attacks.contract.precomputed import made
from benchmark.core.log import logger
from benchmark.core.progress import progress_bar
from benchmark.data.file_hashes import MISSING, file_digests, hashed, stamp_text
from benchmark.data.protocol import ABSENT
from benchmark.data.trial_table import path_column, rows_of, stamp_column
from benchmark.runs.plan import PlanShare, RunPlan, keys_of, plan_shards
from benchmark.scores.manifest import COMPUTED, UNKNOWN_INPUTS, PartInfo
from benchmark.scores.part_format import FILES, DamagedPart
from benchmark.scores.store import Scan, Store
from benchmark.scores.unit_keys import inputs_digest


def changed(
    plan: RunPlan, store: Store, found: Scan, share: PlanShare, recheck: bool
) -> dict[str, int]:
    """Return the units that were computed from other files, with the attempt that replaces them.

    recheck : hash every file
    """
    held: dict[str, list[PartInfo]] = {}
    for part in (*found.parts, *found.replaced):
        if part.inputs != UNKNOWN_INPUTS and part.file.kind == COMPUTED:
            held.setdefault(part.key, []).append(part)
    again: dict[str, int] = {}
    if not held:
        return again
    keys = {split: keys_of(plan, split, conditions) for split, _, conditions in plan.parts()}
    shards = [*plan_shards(plan, share)]
    read = store.rows(("utterance_id", *FILES))
    bar = progress_bar(shards, "checking audio", len(shards), unit="shard", shown=recheck)
    with bar:
        for split, start, stop, conditions in bar:
            by_files: dict[str, list[str]] = {}  # name of ready-made audio or '' -> unit keys
            for key, condition in zip(keys[split].of(start, stop), conditions, strict=True):
                by_files.setdefault(made(condition), []).append(key)
            rows = plan.protocol(split).table.iloc[start:stop]
            for name, units in by_files.items():
                if not any(key in held for key in units):
                    continue
                known = {} if recheck else _recorded(read, held, units)
                inputs = inputs_digest(
                    _files(plan.protocol(split).root, rows, name, known, recheck)
                )
                again |= _replaced(held, units, inputs)
    if again:
        logger.warning(
            f"audio files have changed since they were scored: {len(again)} units are computed"
            " again"
        )
    return again


def _replaced(
    held: Mapping[str, Sequence[PartInfo]], units: Sequence[str], inputs: str
) -> dict[str, int]:
    """Return the units whose latest attempt is of other files, with the next attempt."""
    found = {}
    for key in units:
        latest = max((part.file.attempt for part in held.get(key, ())), default=0)
        mine = [part for part in held.get(key, ()) if part.file.attempt == latest]
        if mine and all(part.inputs != inputs for part in mine):
            found[key] = latest + 1
    return found


def _recorded(
    read: Callable[[PartInfo], pa.Table],
    held: Mapping[str, Sequence[PartInfo]],
    units: Sequence[str],
) -> dict[str, tuple[str, str]]:
    """Return size and time, and SHA-256, of the files of a shard, by utterance.

    They are in the part of the first unit: clean, or the ready-made audio itself.
    """
    for part in held.get(units[0], ()):
        try:
            table = read(part)
        except DamagedPart:  # whoever reads its scores says so
            continue
        if not set(FILES) <= set(table.column_names):
            continue
        rows = zip(*(table[name].to_pylist() for name in ("utterance_id", *FILES)), strict=True)
        return {
            uid: (stamp_text(size, mtime_ns), sha256.hex())
            for uid, size, mtime_ns, sha256 in rows
            if sha256 is not None
        }
    return {}


def _files(
    root: Path,
    rows: pd.DataFrame,
    name: str,
    known: Mapping[str, tuple[str, str]],
    recheck: bool,
) -> list[str]:
    """Return the SHA-256 (hex) of the files of a shard; '' where there is none.

    A file of the size and time in `known` is not read again.
    """
    found: list[str] = []
    unsure: list[int] = []
    every = rows_of(rows, "utterance_id", path_column(name), stamp_column(name))
    for place, (uid, path, stamp) in enumerate(every):
        before = known.get(uid)
        same = before is not None and before[0] == stamp
        found.append(before[1] if before is not None and same else MISSING)
        if not same and path != ABSENT:
            unsure.append(place)
    paths = [every[place][1] for place in unsure]
    digests = hashed([root / path for path in paths]) if recheck else file_digests(root, paths)
    for place, digest in zip(unsure, digests, strict=True):
        found[place] = digest
    return found
