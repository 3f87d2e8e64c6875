"""Compaction: the small parts of one condition joined into few large files.

Only what ended logs list is joined, so other processes may write meanwhile. A small file goes only
after the large one was read back and compared with it, value by value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from benchmark.core.errors import InputError
from benchmark.core.progress import each
from benchmark.scores import manifest, plan_files
from benchmark.scores.manifest import UNKNOWN_INPUTS, PartFile, PartInfo
from benchmark.scores.part_format import (
    CAUSE,
    COLUMNS,
    SCORE,
    DamagedPart,
    concatenated,
    parsed,
)
from benchmark.scores.store import COMPACT, JOINT, MANIFEST, Scan, Store
from benchmark.scores.unit_keys import of_plan

SHARDS = 1024  # per file: 65,536 utterances
FEW = 2  # units that are left alone: a file of one unit gains nothing
SLUG = 40


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: numbers of files and bytes of parts before and after.

    damaged : one sentence per damaged or missing file; the files of its units stay as they are
    """

    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Group:
    """Units of one range of shards of a condition, in plan order, each with its parts.

    All of them have scores of the same detectors and the same attempt, because a file states both
    of all of its units.
    """

    kind: str
    condition: str
    split: str
    number: int
    units: tuple[tuple[PartInfo, ...], ...]

    @property
    def parts(self) -> list[PartInfo]:
        return [part for unit in self.units for part in unit]


def compact(store: Store) -> Compacted:
    """Join the small parts of a run; `InputError` if the folder holds no run or cannot be written.

    Parts of other plans in the same folder stay as they are, and so do damaged ones.
    """
    store.adopt()
    plan = plan_files.read_plan(store.folder)
    if plan is None:
        raise plan_files.no_run(store.folder)
    found = store.scan()
    before = {part.path: part.file.size for part in (*found.parts, *found.replaced)}
    running = _running(store, found)
    groups = [g for g in _groups(store, plan, found, running) if _worthwhile(g)]
    done: set[tuple[str, str]] = set()  # path and key of every unit in a new file
    damaged = {path: f"{path} {cause}" for path, cause in found.damaged.items()}
    with store.log() as log:
        for group in each(groups, "compacting", "file"):
            tables, causes = _tables(store, group)
            damaged |= causes
            sound = _without(group, causes)
            if _worthwhile(sound):
                log.add(_write(store, sound, tables))
                done.update((part.path, part.key) for part in sound.parts)
    # a file goes with the last of its units
    needed = {part.path for part in found.parts if (part.path, part.key) not in done}
    joined = {path for path, _ in done}
    gone = (joined | {part.path for part in found.replaced}) - running - needed
    for path in sorted(gone):
        (store.folder / path).unlink(missing_ok=True)
    _join_logs(store)
    after = {part.path: part.file.size for part in store.scan().parts}
    sizes = len(before), len(after), sum(before.values()), sum(after.values())
    return Compacted(*sizes, tuple(damaged[path] for path in sorted(damaged)))


def _running(store: Store, found: Scan) -> set[str]:
    """Return the paths that only logs of running or killed processes list."""
    ended = {part.path for part in manifest.read_logs(found.ended).parts}
    return {part.path for part in (*found.parts, *found.replaced)} - ended


def _groups(
    store: Store, plan: plan_files.Facts, found: Scan, running: set[str]
) -> Iterator[_Group]:
    """Yield the ranges of shards of every condition and kind, with the parts of their units."""
    held: dict[tuple[str, str], list[PartInfo]] = {}
    for part in found.parts:
        if part.path not in running:
            held.setdefault((part.file.kind, part.key), []).append(part)
    trials = store.read_trials(plan)
    for split in of_plan(plan, trials):
        every = [keys for *_, keys in split.shards()]
        for place, condition in enumerate(split.conditions):
            for start in range(0, len(every), SHARDS):
                keys = [shard[place] for shard in every[start : start + SHARDS]]
                for kind in manifest.KINDS:
                    units = [tuple(held[kind, key]) for key in keys if (kind, key) in held]
                    for alike in _alike(units):
                        number = start // SHARDS
                        yield _Group(kind, condition["condition"], split.split, number, alike)


def _alike(units: Iterable[tuple[PartInfo, ...]]) -> list[tuple[tuple[PartInfo, ...], ...]]:
    """Return the units, each with its parts, by the detectors that scored them and by attempt."""
    found: dict[tuple[frozenset[str], int], list[tuple[PartInfo, ...]]] = {}
    for parts in units:
        scored = frozenset(identity for part in parts for identity in part.detectors)
        attempt = max(part.file.attempt for part in parts)
        found.setdefault((scored, attempt), []).append(parts)
    return [tuple(mine) for mine in found.values()]


def _worthwhile(group: _Group) -> bool:
    return len({part.path for part in group.parts}) >= FEW


def _without(group: _Group, paths: Collection[str]) -> _Group:
    """Return a group without the units that have a part in one of these files."""
    sound = (unit for unit in group.units if not any(part.path in paths for part in unit))
    return replace(group, units=tuple(sound))


def _write(store: Store, group: _Group, tables: dict[tuple[str, str], pa.Table]) -> list[PartInfo]:
    """Write the file of a group, read it back and compare it; return its units."""
    names = _column_names(group)
    rows: list[pa.Table] = []
    for unit in group.units:
        joined = _joined([(part, tables[part.path, part.key]) for part in unit], names)
        rows.append(joined)
    whole = concatenated(rows).combine_chunks()
    origins = sorted({part.file.origin for part in group.parts})
    origin = origins[0] if len(origins) == 1 else _joint_origin(store, origins)
    attempt = max(part.file.attempt for part in group.parts)
    slug = re.sub(r"[^A-Za-z0-9]+", "-", group.condition).strip("-")[:SLUG]
    stem = f"{COMPACT}/{slug}-{group.split}-{group.number:04d}"
    file = PartFile(stem, None, 0, group.split, group.condition, names, origin, group.kind, attempt)
    listed, start = [], 0
    for unit, table in zip(group.units, rows, strict=True):
        inputs = next((part.inputs for part in unit if part.inputs), UNKNOWN_INPUTS)
        failed = _failures(table)
        listed.append(PartInfo(file, unit[0].key, start, len(table), failed, inputs))
        start += len(table)
    listed = store.write_file(listed, whole, dense=True)
    path = listed[0].path
    if not _same(parsed(store.content(listed[0].file), None, path), whole):
        (store.folder / path).unlink(missing_ok=True)
        raise InputError(f"{store.folder / path} does not read back as written: nothing is deleted")
    return listed


def _tables(store: Store, group: _Group) -> tuple[dict[tuple[str, str], pa.Table], dict[str, str]]:
    """Return the rows of each part by path and key, and the cause by path of damaged files.

    Each file is read once.
    """
    tables: dict[tuple[str, str], pa.Table] = {}
    damaged: dict[str, str] = {}
    for path, parts in manifest.by_file(group.parts).items():
        try:
            read = store.read(parts)
        except DamagedPart as error:
            damaged[path] = str(error)
            continue
        tables |= {(path, part.key): rows for part, rows in zip(parts, read, strict=True)}
    return tables, damaged


def _column_names(group: _Group) -> dict[str, str]:
    """Return identity -> column of every detector; a name that two identities share gets a digest.

    A file has one column per identity.
    """
    wanted: dict[str, str] = {}
    for part in group.parts:
        for identity, name in part.detectors.items():
            wanted.setdefault(identity, name)
    counts: dict[str, int] = {}
    for name in wanted.values():
        counts[name] = counts.get(name, 0) + 1
    return {
        identity: name
        if counts[name] == 1
        else f"{name}#{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
        for identity, name in sorted(wanted.items())
    }


def _joined(parts: Sequence[tuple[PartInfo, pa.Table]], names: dict[str, str]) -> pa.Table:
    """Return the rows of one unit with the scores of all detectors; the first part's facts count.

    Columns that it lacks, because an older version wrote it, are those of the next part. Causes of
    failed detectors that no part scores keep their columns.
    """
    first, base = parts[0]
    ids = base["utterance_id"]
    kept = [c for c in base.column_names if not c.startswith((SCORE, CAUSE))]
    table = base.select(kept)
    taken: set[str] = set()
    raised: dict[str, pa.ChunkedArray] = {}
    lacking: dict[str, pa.ChunkedArray] = {}
    for part, mine in parts:
        if not mine["utterance_id"].equals(ids):
            raise InputError(f"{part.path} and {first.path} hold other utterances of one unit")
        for column in COLUMNS:
            if column in mine.column_names and column not in table.column_names:
                table = table.append_column(column, mine[column])
        identities = {name: identity for identity, name in part.detectors.items()}
        for column in mine.column_names:
            if not column.startswith(SCORE):
                continue
            own = column.removeprefix(SCORE)
            identity = identities.get(own)
            cause = mine[f"{CAUSE}{own}"] if f"{CAUSE}{own}" in mine.column_names else None
            if identity is None:  # the detector raised: there is no score to keep
                if cause is not None:
                    raised.setdefault(f"{CAUSE}{own}", cause)
                continue
            if identity in taken:
                continue
            taken.add(identity)
            table = table.append_column(f"{SCORE}{names[identity]}", mine[column])
            if cause is not None and cause.null_count < len(cause):
                lacking[f"{CAUSE}{names[identity]}"] = cause
    scored_names = {names[identity] for identity in taken}
    for name, cause in (raised | lacking).items():
        if name in lacking or name.removeprefix(CAUSE) not in scored_names:
            table = table.append_column(name, cause)
    return table


def _failures(table: pa.Table) -> int:
    """Count the rows that could not be read, laundered or scored."""
    failed = pc.is_valid(table["failure"])
    for name in table.column_names:
        if name.startswith(CAUSE):
            failed = pc.or_(failed, pc.is_valid(table[name]))
    return int(pc.sum(failed).as_py() or 0)


def _joint_origin(store: Store, origins: Iterable[str]) -> str:
    """Store an origin that refers to those of the joined parts."""
    every: set[str] = set()
    for digest in origins:
        every.update(plan_files.read_origin(store.folder, digest).get(JOINT, [digest]))
    return plan_files.write_origin(store.folder, {JOINT: sorted(every)}, store.sync)


def _same(read: pa.Table, written: pa.Table) -> bool:
    """Return whether two tables have the same columns and values, bit for bit."""
    return read.column_names == written.column_names and all(
        _equal(read[name].combine_chunks(), written[name].combine_chunks())
        for name in written.column_names
    )


def _equal(one: pa.Array, two: pa.Array) -> bool:
    if pa.types.is_dictionary(one.type):
        one = one.dictionary_decode()
    if not one.is_null().equals(two.is_null()):
        return False
    if pa.types.is_list(two.type):
        lengths = pc.list_value_length(one).equals(pc.list_value_length(two))
        return lengths and _equal(one.flatten(), two.flatten())
    if pa.types.is_struct(two.type):
        names = [two.type.field(place).name for place in range(two.type.num_fields)]
        return all(_equal(pc.struct_field(one, n), pc.struct_field(two, n)) for n in names)
    if pa.types.is_floating(two.type):  # by bits: NaN is equal to NaN, and 0 is not -0
        mine, other = (part.fill_null(0).to_numpy(zero_copy_only=False) for part in (one, two))
        return bool(mine.dtype == other.dtype and mine.tobytes() == other.tobytes())
    return bool(one.cast(two.type).equals(two))


def _join_logs(store: Store) -> None:
    """Replace the logs of ended processes by one that lists what is left of their files."""
    folder = store.folder / MANIFEST
    found = store.scan()
    if len(found.ended) < FEW:
        return
    ended = manifest.read_logs(found.ended)
    needed = {part.path for part in found.parts} | found.damaged.keys()
    files = [
        parts
        for path, parts in sorted(manifest.by_file(ended.parts).items())
        if path in needed or (store.folder / path).is_file()
    ]
    manifest.join(folder, found.ended, files)
