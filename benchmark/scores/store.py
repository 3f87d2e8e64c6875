"""The score store: plan, detectors and score parts of one run folder, written atomically.

This module and `plan_files` alone define the paths of a run folder. Its format is described in
docs/results-format.md.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.scores import format4, manifest, plan_files, selection
from benchmark.scores.manifest import COMPUTED, IMPORTED, UNKNOWN_INPUTS, Log, PartFile, PartInfo
from benchmark.scores.part_format import DamagedPart, Row, parquet_bytes, parsed, table_of

THREADS = 8
JOINT = "origins"  # the key of an origin that refers to several others
PARTS, COMPACT, MANIFEST, DAMAGED = "parts", "compact", "manifest", "damaged"


@dataclass(frozen=True)
class Scan:
    """The content of a run folder.

    parts    : the units that count, see `selection.effective`
    replaced : units that others replace; their files may be gone
    damaged  : cause by path, of listed files that are missing or of another size
    lost     : the units of these files
    unlisted : paths of files that no log lists: units in flight at a kill, or not ours
    faults   : lines of the manifest that cannot be used, in sentences
    ended    : logs of processes that have ended
    origins  : of the parts of format 4, by digest; in the present format they are files
    """

    parts: list[PartInfo]
    replaced: list[PartInfo] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)
    lost: list[PartInfo] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    ended: list[Path] = field(default_factory=list)
    origins: dict[str, dict[str, Any]] = field(default_factory=dict)


class Store:
    """The files of one run folder.

    origin : how scores that this process adds are made: code, libraries, machine, plugins
    kind   : of the parts that this process adds
    sync   : force every file to the disk as it is written
    """

    def __init__(
        self,
        folder: Path,
        origin: dict[str, Any] | None = None,
        kind: str = COMPUTED,
        sync: bool = False,
    ) -> None:
        self.folder = folder
        self.origin = origin or {}
        self.kind, self.sync = kind, sync

    @property
    def head(self) -> Path:
        """Return the path of the file that makes a folder a run."""
        return self.folder / plan_files.POINTER

    def read_head(self) -> dict[str, Any] | None:
        """Return the current plan with its detectors, or None if this folder holds no run.

        Raises `InputError` if a file is damaged, changed, or of another format.
        """
        plan = plan_files.read_plan(self.folder)
        if plan is None:
            return None
        return {**plan, "detectors": plan_files.read_detectors(self.folder, plan)}

    def require_head(self) -> dict[str, Any]:
        """Return what `read_head` does; `InputError` also if this folder holds no run."""
        head = self.read_head()
        if head is None:
            raise plan_files.no_run(self.folder)
        return head

    def write_head(self, head: dict[str, Any], trials: pd.DataFrame) -> None:
        """Make a plan the current one, and write a file for each of its detectors."""
        plan = {k: v for k, v in head.items() if k not in ("detectors", "digest", "format")}
        plan_files.write_plan(self.folder, plan, trials, self.sync)
        for name, facts in head["detectors"].items():
            self.write_detector(head, name, facts)

    def write_detector(self, plan: dict[str, Any], name: str, facts: dict[str, Any]) -> None:
        """Write the file of a detector that is run under the conditions of `plan`."""
        stated = {**facts, "conditions": plan_files.conditions_digest(plan)}
        plan_files.write_detector(self.folder, name, stated, self.sync)

    def read_trials(self, plan: dict[str, Any]) -> pd.DataFrame:
        """Return the dev and test utterances of a plan; `InputError` if they were changed."""
        return plan_files.read_trials(self.folder, plan)

    def log(self) -> Log:
        """Return a new log of this process."""
        return Log(self.folder / MANIFEST, self.sync)

    @cached_property
    def own_origin(self) -> str:
        """The digest of how the scores of this process are made, which is stored at first use."""
        return plan_files.write_origin(self.folder, self.origin, self.sync)

    def write_part(
        self,
        key: str,
        split: str,
        condition: str,
        rows: Sequence[Row],
        detectors: dict[str, str],
        broken: Collection[str] = (),
        attempt: int = 0,
        inputs: str = UNKNOWN_INPUTS,
        files: bool = False,
    ) -> PartInfo:
        """Write the part of one unit; it counts once a log lists it.

        rows      : one per utterance, as `part_format.unscored` returns them
        detectors : identity -> name, of every detector of this unit
        broken    : names of the detectors that raised; the next run tries them again
        attempt   : above that of the parts that this one replaces
        inputs    : digest of the audio files
        files     : store size, time and digest of each audio file
        """
        scored = {i: name for i, name in detectors.items() if name not in broken}
        failures = sum(1 for r in rows if r["failure"] or r["causes"])
        file = PartFile(
            part_stem(key), None, 0, split, condition, scored, self.own_origin, self.kind, attempt
        )
        unit = PartInfo(file, key, 0, len(rows), failures, inputs)
        table = table_of(rows, detectors.values(), files, double=self.kind == IMPORTED)
        (written,) = self.write_file([unit], table)
        return written

    def write_file(
        self, units: Sequence[PartInfo], table: pa.Table, dense: bool = False
    ) -> list[PartInfo]:
        """Write the rows of the units of one file, and return the units as a log lists them.

        The path of the file, as given, is a stem: its digest is added to it.
        """
        file = units[0].file
        meta = {
            "format": plan_files.FORMAT,
            "split": file.split,
            "condition": file.condition,
            "detectors": file.detectors,
            "origin": file.origin,
            "kind": file.kind,
            "attempt": file.attempt,
            "units": [[u.key, u.rows, u.failures, u.inputs] for u in units],
        }
        content = parquet_bytes(table, meta, dense)
        digest = hashlib.sha256(content).hexdigest()
        path = named(file.path, digest)
        atomic_files.write(self.folder / path, content, self.sync)
        file = replace(file, path=path, sha256=digest, size=len(content))
        return [replace(unit, file=file) for unit in units]

    def scan(self) -> Scan:
        """Read which units this folder holds, without opening them."""
        plan = plan_files.read_plan(self.folder)
        if plan is not None and "digest" not in plan:
            old = format4.read(self.folder, plan)
            parts, replaced = selection.effective(old.parts)
            return Scan(parts, replaced, faults=old.faults, origins=old.origins)
        for _ in range(manifest.TRIES):
            logs = manifest.names(self.folder / MANIFEST)
            listed = manifest.read(self.folder / MANIFEST)
            present = self._sizes()
            bad = _differing(listed.parts, present)
            # a compaction deletes what it has joined after another log lists the joined file
            if not bad or manifest.names(self.folder / MANIFEST) == logs:
                break
        sound = [part for part in listed.parts if part.path not in bad] if bad else listed.parts
        parts, replaced = selection.effective(sound)
        if bad:
            bad = self._needed(bad, listed.parts)
        return Scan(
            parts,
            replaced,
            bad,
            [part for part in listed.parts if part.path in bad] if bad else [],
            sorted(present.keys() - {part.path for part in listed.parts}),
            listed.faults,
            listed.ended,
        )

    def read(
        self, parts: Sequence[PartInfo], columns: Collection[str] | None = None
    ) -> list[pa.Table]:
        """Return the rows of each unit with all columns, or those of `columns` that are stored.

        Consecutive units of one file are read once. Raises `DamagedPart` if a file is not what the
        manifest lists.
        """
        rows = self.rows(columns)
        return [rows(part) for part in parts]

    def rows(self, columns: Collection[str] | None = None) -> Callable[[PartInfo], pa.Table]:
        """Return a function that reads units one by one, as `read` does, for one thread.

        It keeps the file that it read last: a compacted file holds a thousand units.
        """
        held: tuple[str, pa.Table] = "", pa.table({})

        def rows_of(part: PartInfo) -> pa.Table:
            nonlocal held
            if part.path != held[0]:
                held = part.path, parsed(self.content(part.file), columns, part.path)
            rows = held[1].slice(part.start, part.rows)
            if len(rows) != part.rows:
                raise DamagedPart(f"{part.path} is damaged: it has {len(held[1])} rows")
            return rows

        return rows_of

    def content(self, file: PartFile) -> bytes:
        """Return the bytes of a part file; `DamagedPart` unless they have the listed digest."""
        try:
            content = (self.folder / file.path).read_bytes()
        except OSError as error:
            raise DamagedPart(f"{file.path} cannot be read ({error.strerror})") from error
        if file.sha256 is not None and hashlib.sha256(content).hexdigest() != file.sha256:
            raise DamagedPart(f"{file.path} is damaged: its SHA-256 is not that in the manifest")
        return content

    def origins(self, found: Scan, parts: Iterable[PartInfo]) -> dict[str, dict[str, Any]]:
        """Return each distinct origin of some units of a scan by its digest, sorted.

        A compacted file refers to the origins of the files that it joins.
        """
        origins: dict[str, dict[str, Any]] = {}
        for digest in {part.file.origin for part in parts}:
            for one in self._origin_of(found, digest).get(JOINT, [digest]):
                origins[one] = self._origin_of(found, one)
        return dict(sorted(origins.items()))

    def _origin_of(self, found: Scan, digest: str) -> dict[str, Any]:
        known = found.origins.get(digest)
        return plan_files.read_origin(self.folder, digest) if known is None else known

    def adopt(self) -> None:
        """List the parts of a folder of format 4 in a manifest, so that new ones can join them.

        The next plan that is written completes the adoption. Folders of the present format, and
        such without a run, stay as they are.
        """
        plan = plan_files.read_plan(self.folder)
        if plan is None or "digest" in plan:
            return
        old = format4.read(self.folder, plan)
        for origin in old.origins.values():
            plan_files.write_origin(self.folder, origin, self.sync)
        with self.log() as log:
            for part in format4.adopted(self.folder, old.parts):
                log.add([part])
        trials = self.read_trials(plan)
        shown = {"detectors": plan_files.read_detectors(self.folder, plan)}
        self.write_head({**plan, **shown}, trials)

    def set_aside(self, damaged: dict[str, str]) -> None:
        """Move damaged files to damaged/ and name them, so that their units are computed again."""
        for path, cause in sorted(damaged.items()):
            old, new = self.folder / path, self.folder / DAMAGED / Path(path).name
            logger.warning(f"{old} {cause}: its units are computed again")
            try:
                new.parent.mkdir(exist_ok=True)
                old.replace(new)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise InputError(f"cannot move {old} to {new} ({error.strerror})") from error

    def _sizes(self) -> dict[str, int]:
        """Return the size of every part file in this folder, by its path."""
        folders = [f"{PARTS}/{entry}" for entry in _names(self.folder / PARTS)] + [COMPACT]

        def one(name: str) -> dict[str, int]:
            try:
                with os.scandir(self.folder / name) as entries:  # fast for many files
                    return {
                        f"{name}/{entry.name}": entry.stat().st_size
                        for entry in entries
                        if entry.name.endswith(".parquet") and not entry.name.startswith(".")
                    }
            except (FileNotFoundError, NotADirectoryError):
                return {}

        with ThreadPoolExecutor(THREADS) as pool:  # hides the latency of a shared file system
            return {path: size for held in pool.map(one, folders) for path, size in held.items()}

    @staticmethod
    def _needed(bad: dict[str, str], listed: Sequence[PartInfo]) -> dict[str, str]:
        """Leave out the files that others would replace even if they were sound."""
        kept = {part.path for part in selection.effective(listed)[0]}
        return {path: cause for path, cause in bad.items() if path in kept}


def _differing(listed: Sequence[PartInfo], present: dict[str, int]) -> dict[str, str]:
    """Return the cause by path of the listed files that are missing or of another size."""
    sizes = {part.path: part.file.size for part in listed}
    return {
        path: "is missing" if path not in present else f"has {present[path]} bytes, not {size}"
        for path, size in sizes.items()
        if present.get(path) != size
    }


def part_stem(key: str) -> str:
    """Return the path of the part of a unit without the digest of its content."""
    return f"{PARTS}/{key[:2]}/{key}"


def named(stem: str, digest: str) -> str:
    """Return the path of a file by its stem and the SHA-256 (hex) of its content."""
    return f"{stem}-{digest[:16]}.parquet"


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names alone
    except (FileNotFoundError, NotADirectoryError):
        return []
