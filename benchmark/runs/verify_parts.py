"""The verification of part files: against the manifest, the plan, and their own checks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core import json_text
from benchmark.core.errors import one_line
from benchmark.core.parallel import cores
from benchmark.core.progress import progress_bar
from benchmark.runs.verify_plan import FoundPlan
from benchmark.runs.verify_step import Step, below, counted
from benchmark.scores import manifest, plan_files
from benchmark.scores.manifest import UNKNOWN_INPUTS, PartFile, PartInfo
from benchmark.scores.part_format import META
from benchmark.scores.store import COMPACT, DAMAGED, MANIFEST, PARTS, Store
from benchmark.scores.unit_keys import inputs_digest

FILES = "files"
READ = ("utterance_id", "checks", "file_sha256")
SHOWN = 16  # hex digits of a file's digest in its name


@dataclass(frozen=True)
class _Examined:
    """What one file holds.

    faults : how it differs from the manifest and from the plan
    wrong  : the stored verdicts that do not follow from claim and measurement
    checks : number of its checks
    """

    faults: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    checks: int = 0


def listed(folder: Path, plan: dict[str, Any] | None) -> manifest.Manifest:
    """Return what the manifest lists; of a run of format 4, what its parts say of themselves."""
    if plan is not None and "digest" not in plan:
        scan = Store(folder).scan()
        return manifest.Manifest([*scan.parts, *scan.replaced], scan.faults)
    return manifest.read(folder / MANIFEST)


def verify(folder: Path, found: manifest.Manifest, known: FoundPlan) -> tuple[Step, Step]:
    """Compare every part file with the manifest and the plan, and recompute its verdicts.

    Returns the step about files and the step about verdicts.
    """
    files = manifest.by_file(found.parts)
    owners = {parts[0].file.sha256: path for path, parts in files.items()}
    present, strange = _present(folder)
    old = known.plan is not None and "digest" not in known.plan
    needed = {} if old else _needed(folder, known, {*files} - present)
    faults = [below(folder, text) for text in found.faults]
    faults += [f"{path} {needed[path]}" for path in sorted(needed) if path not in present]
    gone = [path for path in files if path not in present and path not in needed]
    here = [path for path in sorted(files) if path in present]

    def one(path: str) -> _Examined:
        return _examined(folder / path, files[path], known, owners)

    with (
        ThreadPoolExecutor(cores()) as pool,
        progress_bar(total=len(here), desc="verifying parts", unit="file") as bar,
    ):
        examined = []
        for done in pool.map(one, here):
            examined.append(done)
            bar.update()
    faults += [fault for done in examined for fault in done.faults]
    if not old:
        faults += [f"{path} is in no log of the manifest" for path in sorted(present - {*files})]
    faults += [f"{path} is no part file" for path in strange]
    notes = []
    if old:
        notes.append("format 4: there is no manifest, so no file can be compared with a digest")
    if gone:
        notes.append(f"{counted(len(gone), 'listed file')} gone, which others replace")
    if aside := len([*(folder / DAMAGED).glob("*")]):
        notes.append(f"{counted(aside, 'file')} set aside in {DAMAGED}/ by an earlier run")
    units = sum(len(files[path]) for path in here)
    how = "read" if old else "compared with the manifest and the plan"
    wrong = [fault for done in examined for fault in done.wrong]
    checks = sum(done.checks for done in examined)
    return (
        Step(
            FILES,
            f"{counted(len(here), 'file')} with {counted(units, 'unit')} {how}",
            tuple(faults),
            tuple(notes),
        ),
        Step(
            "verdicts",
            f"{counted(checks, 'verdict')} computed again from claim, measurement and tolerance",
            tuple(wrong),
        ),
    )


def _needed(folder: Path, known: FoundPlan, absent: set[str]) -> dict[str, str]:
    """Return the cause by path of the missing files whose units no other file holds."""
    if known.plan is None:  # then it is not known which units count
        return dict.fromkeys(absent, "is missing")
    return Store(folder).scan().damaged


def _present(folder: Path) -> tuple[set[str], list[str]]:
    """Return the part files of a run folder, and the other files that lie among them.

    Links to folders are followed, because whoever reads the scores follows them.
    """
    parts: set[str] = set()
    strange: list[str] = []
    entered: set[Path] = set()  # a link may lead to a folder above it
    todo = [folder / top for top in (PARTS, COMPACT)]
    while todo:
        place = todo.pop()
        if place.resolve() in entered or not place.is_dir():
            continue
        entered.add(place.resolve())
        for path in sorted(place.iterdir()):
            name = path.relative_to(folder).as_posix()
            if path.name.startswith("."):
                continue
            if path.is_dir():
                todo.append(path)
            elif path.suffix == ".parquet":
                parts.add(name)
            else:
                strange.append(name)
    return parts, sorted(strange)


def _examined(
    path: Path, units: Sequence[PartInfo], known: FoundPlan, owners: dict[str | None, str]
) -> _Examined:
    file = units[0].file
    try:
        content = path.read_bytes()
    except OSError as error:
        return _Examined((f"{file.path} cannot be read ({error.strerror})",))
    if file.sha256 is not None and (fault := _other_content(file, content, owners)):
        return _Examined((fault,))
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as opened:
            meta = json_text.parse((opened.metadata.metadata or {}).get(META, b"null"))
            held = opened.schema_arrow.names
            table = opened.read([c for c in READ if c in held], use_threads=False)
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        return _Examined((f"{file.path} is damaged ({one_line(error)})",))
    faults = [*_own_words(file, units, meta, held), *_of_plan(units, table, known)]
    wrong, checks = _verdicts(file, table)
    return _Examined(tuple(faults), tuple(wrong), checks)


def _other_content(file: PartFile, content: bytes, owners: dict[str | None, str]) -> str:
    """Say how the content of a file differs from what the manifest lists; '' if it does not."""
    digest = hashlib.sha256(content).hexdigest()
    if digest == file.sha256:
        return ""
    if (owner := owners.get(digest)) is not None:
        return f"{file.path} was swapped: it holds what the manifest lists as {owner}"
    if len(content) != file.size:
        return f"{file.path} is damaged: it has {len(content)} bytes, not {file.size}"
    return f"{file.path} is damaged: its SHA-256 is not that in the manifest"


def _own_words(
    file: PartFile, units: Sequence[PartInfo], meta: Any, columns: Sequence[str]
) -> list[str]:
    """Compare what a file says of itself with its entry in the manifest."""
    if not isinstance(meta, dict):
        return [f"{file.path} does not say what it holds"]
    stated: dict[str, Any] = {
        "split": file.split,
        "condition": file.condition,
        "detectors": file.detectors,
    }
    present = meta.get("format") == plan_files.FORMAT
    if present:
        stated |= {"origin": file.origin, "kind": file.kind, "attempt": file.attempt}
        stated["units"] = [[u.key, u.rows, u.failures, u.inputs] for u in units]
    faults = [
        f"{file.path} says another {name} of itself than the manifest"
        for name, value in stated.items()
        if meta.get(name) != value
    ]
    lacking = [name for name in file.detectors.values() if f"score:{name}" not in columns]
    faults += [f"{file.path} has no scores of {name}" for name in lacking]
    if present and file.sha256 and not Path(file.path).stem.endswith(file.sha256[:SHOWN]):
        faults.append(f"{file.path} has not the digest in its name")
    return faults


def _of_plan(units: Sequence[PartInfo], table: pa.Table, known: FoundPlan) -> list[str]:
    """Compare the units of a file with those that the plans have under their keys."""
    path = units[0].path
    if (rows := sum(unit.rows for unit in units)) != len(table):
        return [f"{path} has {len(table)} rows, but {rows} in the manifest"]
    if not known.units:
        return []
    faults = []
    for unit in units:
        planned = known.units.get(unit.key)
        rows_ = table.slice(unit.start, unit.rows)
        if planned is None:
            if known.complete:
                faults.append(f"{path} holds unit {unit.key}, which is in no plan of this folder")
            continue
        if (planned.split, planned.condition) != (unit.split, unit.condition):
            where = f"{planned.split} under {planned.condition}"
            faults.append(f"{path} is listed for unit {unit.key}, which is {where}")
        if not rows_["utterance_id"].combine_chunks().equals(planned.ids):
            faults.append(f"{path} holds other utterances than those of unit {unit.key}")
        elif "file_sha256" in table.column_names and unit.inputs != UNKNOWN_INPUTS:
            files = rows_["file_sha256"].to_pylist()
            if inputs_digest("" if f is None else f.hex() for f in files) != unit.inputs:
                faults.append(f"{path} states other audio files than unit {unit.key} was made of")
    return faults


def _verdicts(file: PartFile, table: pa.Table) -> tuple[list[str], int]:
    """Recompute whether each check passed; return what differs, and the number of checks."""
    if "checks" not in table.column_names:
        return [], 0
    lists = table["checks"].combine_chunks()
    checks = lists.flatten()
    if not len(checks):
        return [], 0
    field = {name: checks.field(name) for name in ("relation", "claimed", "measured", "tolerance")}
    claimed, measured, tolerance = (
        field[name].to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("claimed", "measured", "tolerance")
    )
    relation = np.array(field["relation"].to_pylist(), dtype=object)
    with np.errstate(invalid="ignore"):
        right = np.select(
            [relation == "=", relation == ">=", relation == "<="],
            [
                abs(measured - claimed) <= tolerance,
                measured >= claimed - tolerance,
                measured <= claimed + tolerance,
            ],
            False,
        ).astype(np.int8)
    for name in ("claimed", "measured"):
        right[field[name].is_null().to_numpy(zero_copy_only=False)] = -1
    passed = checks.field("passed")
    stored = passed.fill_null(False).to_numpy(zero_copy_only=False).astype(np.int8)
    stored[passed.is_null().to_numpy(zero_copy_only=False)] = -1
    wrong = np.flatnonzero(stored != right)
    if not wrong.size:
        return [], len(checks)
    first = checks[int(wrong[0])].as_py()
    owner = np.repeat(np.arange(len(lists)), lists.value_lengths().fill_null(0).to_numpy())
    uid = table["utterance_id"][int(owner[wrong[0]])].as_py()
    return [
        f"{file.path}: {counted(len(wrong), 'stored verdict')} of {file.condition} not what claim"
        f" and measurement give; first: {uid}, {first['quantity']} {first['relation']}"
        f" {first['claimed']} (tolerance {first['tolerance']}), measured {first['measured']},"
        f" stored as {_word(first['passed'])}"
    ], len(checks)


def _word(passed: bool | None) -> str:
    return "not measurable" if passed is None else "passed" if passed else "failed"
