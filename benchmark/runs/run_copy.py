"""A copy of what counts in a run folder: the current plan, its units, some of its detectors."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.core import atomic_files
from benchmark.core.errors import InputError, unknown
from benchmark.quality import quality_store
from benchmark.scores import manifest, plan_files, realisations
from benchmark.scores.compaction import compact
from benchmark.scores.manifest import PartFile, PartInfo, by_file
from benchmark.scores.part_format import CAUSE, SCORE, DamagedPart, parsed
from benchmark.scores.store import COMPACT, MANIFEST, Scan, Store, named, part_stem
from benchmark.scores.unit_keys import of_plan

LOG = "units.log"  # the only log of a copy, so that equal runs make equal copies
KEPT_OPTIONS = ("train_seed", "limit")  # of a plan: the others name places of one machine
Head = dict[str, Any]


def copy(source: Path, target: Path, detectors: Collection[str] = ()) -> None:
    """Write what counts of the run in `source` into the new folder `target`, compacted.

    detectors : names of those to copy; all by default

    Further realisations come along. What names places of this machine stays behind. The copy has
    the run digest of the source, unless detectors are left out. Raises `InputError` if the folder
    holds no run, lacks a detector, or has damaged files.
    """
    _copy_one(source, target, detectors)
    for seeds, path in realisations.stored(source):
        _copy_one(path, realisations.place(target, seeds), detectors, further=True)


def _copy_one(
    source: Path, target: Path, detectors: Collection[str], further: bool = False
) -> None:
    store = Store(source)
    head = store.require_head()
    for name in detectors:
        if name not in head["detectors"] and not further:
            raise unknown("detector of the run", name, head["detectors"])
    chosen = {n: f for n, f in head["detectors"].items() if not detectors or n in detectors}
    new = Store(target)
    _write_plan(store, new, head, chosen)
    found = store.scan()
    if found.faults or found.damaged:
        faults = [*found.faults, *(f"{path} {why}" for path, why in sorted(found.damaged.items()))]
        raise InputError(f"{source}: {faults[0]}")
    identities = {i for f in chosen.values() for i in f.get("identities", [f["identity"]])}
    kept = [*_units(store, head, found, identities)]
    try:
        with new.log() as log:
            for units in kept:
                log.add(_copied(store, new, units, identities))
    except DamagedPart as error:
        raise InputError(f"{source}/{error}") from error
    for origin in store.origins(found, [unit for units in kept for unit in units]).values():
        plan_files.write_origin(target, origin)
    for joint in {units[0].file.origin for units in kept} - found.origins.keys():
        plan_files.write_origin(target, plan_files.read_origin(source, joint))
    if (quality := source / quality_store.FOLDER).is_dir():
        shutil.copytree(quality, target / quality_store.FOLDER)
    compact(new)
    _join_logs(target)


def _write_plan(store: Store, new: Store, head: Head, detectors: dict[str, Any]) -> None:
    options = head.get("options") or {}
    plan = {name: value for name, value in head.items() if name not in plan_files.HERE}
    plan["options"] = {name: options[name] for name in KEPT_OPTIONS if name in options}
    new.write_head({**plan, "detectors": detectors}, store.read_trials(head))


def _units(
    store: Store, head: Head, found: Scan, identities: Collection[str]
) -> Iterator[list[PartInfo]]:
    """Yield the units of each file that count for the plan and for detectors of these identities.

    All units of a file are of one condition and split, so all of them are in the plan, or none. A
    part on which every detector failed counts too, because it holds the causes.
    """
    splits = of_plan(head, store.read_trials(head))
    planned = {key for split in splits for *_, keys in split.shards() for key in keys}
    for units in files(found):
        scored = set(units[0].detectors)
        if units[0].key in planned and (not scored or not scored.isdisjoint(identities)):
            yield units


def _copied(
    store: Store, new: Store, units: Sequence[PartInfo], identities: Collection[str]
) -> list[PartInfo]:
    """Copy a file without the scores of other detectors; return its units as a log lists them."""
    file = units[0].file
    content = store.content(file)
    others = {name for identity, name in file.detectors.items() if identity not in identities}
    if not others:
        file = in_new(file, units[0].key, content)
        atomic_files.write(new.folder / file.path, content)
        return [replace(unit, file=file) for unit in units]
    table = parsed(content, None, file.path)
    dropped = {f"{kind}{name}" for name in others for kind in (SCORE, CAUSE)}
    table = table.select([name for name in table.column_names if name not in dropped])
    stem = part_stem(units[0].key)
    if file.path.startswith(COMPACT):
        stem = file.path.rpartition("-")[0]
    scored = {identity: n for identity, n in file.detectors.items() if identity in identities}
    file = replace(file, path=stem, sha256=None, detectors=scored)
    return new.write_file(
        [replace(unit, file=file) for unit in units], table, dense=stem.startswith(COMPACT)
    )


def _join_logs(folder: Path) -> None:
    """Give the logs of a copy the one name that every copy has."""
    logs = folder / MANIFEST
    found = manifest.read(logs)
    manifest.join(logs, found.ended, by_file(found.parts).values())
    (joined,) = manifest.names(logs)
    joined.rename(logs / LOG)


def files(found: Scan) -> Iterator[list[PartInfo]]:
    """Yield all units of each file that has one that counts, in the order of its rows."""
    wanted = {part.path for part in found.parts}
    every = (part for part in (*found.parts, *found.replaced) if part.path in wanted)
    for _, units in sorted(by_file(every).items()):
        yield sorted(units, key=lambda part: part.start)


def in_new(file: PartFile, key: str, content: bytes) -> PartFile:
    """Return a file as a new folder lists it; those of format 4 get the names of today."""
    if file.sha256 is not None:
        return file
    digest = hashlib.sha256(content).hexdigest()
    path = named(part_stem(key), digest)
    return replace(file, path=path, sha256=digest, size=len(content))
