"""Merging of run folders: shares of a plan, detectors run apart, or trainings with other seeds."""

from __future__ import annotations

import itertools
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmark.core import atomic_files
from benchmark.core.checks import require_new
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.progress import each
from benchmark.data.protocol import MADE, NO_RECIPE
from benchmark.data.trial_table import digest_column
from benchmark.quality import quality_store
from benchmark.runs import merged_detectors, run_copy, runner
from benchmark.scores import plan_files, realisations
from benchmark.scores.manifest import UNKNOWN_INPUTS, PartInfo
from benchmark.scores.part_format import FILES, SCORE, DamagedPart, parsed
from benchmark.scores.plan_files import PLUGIN_CHECKS
from benchmark.scores.realisations import Seeds
from benchmark.scores.store import COMPACT, Scan, Store

CLOSE = 1e-4  # scores of one detector on two machines differ by no more
Facts = dict[str, Any]


class DamagedRuns(InputError):
    """Error for runs with damaged or missing files; `faults` names each of them."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{len(self.faults)} files are damaged or missing: {self.faults[0]}")


@dataclass(frozen=True)
class Merged:
    """A merged run: its folder, its detectors, and the number of its part files."""

    folder: Path
    detectors: tuple[str, ...]
    files: int


@dataclass(frozen=True)
class _Run:
    """A run to be merged: its store, its plan with detectors, and its content."""

    store: Store
    head: Facts
    found: Scan

    @property
    def folder(self) -> Path:
        return self.store.folder


def merge(sources: Sequence[Path], out: Path) -> Merged:
    """Join the scores of several runs of one plan in the new folder `out`.

    Nothing is written into the sources. Detectors of one name that differ in the seed of their
    training alone become `NAME.seed0`, `NAME.seed1` and so on. Further realisations are merged with
    those of the same seeds. What was measured of quality is kept; of two measurements that differ
    the first is, with a warning.

    Raises `InputError` naming the first thing in which two runs disagree, and `DamagedRuns` naming
    every damaged or missing file; nothing is left behind then.
    """
    _require_places(sources, out)
    runs = [_open(folder) for folder in sources]
    for other in runs[1:]:
        _require_same_plan(runs[0], other)
    detectors = merged_detectors.named([(run.folder, run.head["detectors"]) for run in runs])
    if missing := [
        f"{run.folder / p} {why}" for run in runs for p, why in run.found.damaged.items()
    ]:
        raise DamagedRuns(missing)
    inputs = _inputs(runs)
    building = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        files = _copied(runs, Store(building), inputs)
        _require_same_scores(runs, merged_detectors.by_identity(detectors))
        plan = {**runs[0].head, "detectors": detectors, **_plugin_checks(runs)}
        Store(building).write_head(plan, runs[0].store.read_trials(runs[0].head))
        _keep_quality(sources, building)
        _merge_realisations(sources, building)
        if out.is_dir():
            out.rmdir()
        building.rename(out)
    except OSError as error:
        raise InputError(f"cannot write {out} ({error.strerror})") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return Merged(out, tuple(detectors), files)


def _keep_quality(sources: Sequence[Path], out: Path) -> None:
    """Copy what the runs measured of quality; warn of a second measurement that differs."""
    measured = [(f, found) for f in sources if (found := quality_store.read(f)) is not None]
    if not measured:
        return
    (first, kept), *others = measured
    shutil.copytree(first / quality_store.FOLDER, out / quality_store.FOLDER)
    for folder, found in others:
        if found.digest() != kept.digest():
            logger.warning(f"{folder} measured quality otherwise than {first}, which is kept")


def _merge_realisations(sources: Sequence[Path], out: Path) -> None:
    """Merge the further realisations of equal seeds, each as a run of its own."""
    places: dict[Seeds, list[Path]] = {}
    for folder in sources:
        for seeds, path in realisations.stored(folder):
            places.setdefault(seeds, []).append(path)
    for seeds, found in places.items():
        target = realisations.place(out, seeds)
        if len(found) > 1:
            target.parent.mkdir(exist_ok=True)
            merge(found, target)
        else:
            shutil.copytree(found[0], target)


def _plugin_checks(runs: Sequence[_Run]) -> dict[str, dict[str, str]]:
    """Return the outcome of the plugins' checks: passed only where no run says otherwise."""
    found: dict[str, str] = {}
    for run in runs:
        for condition, cause in run.head.get(PLUGIN_CHECKS, {}).items():
            found[condition] = found.get(condition) or cause
    return {PLUGIN_CHECKS: found} if found else {}


def _require_places(sources: Sequence[Path], out: Path) -> None:
    """Raise `InputError` unless there are two different sources and a new folder outside them."""
    places = [folder.resolve() for folder in sources]
    if len(places) < 2:
        raise InputError("name at least two runs to merge")
    if twice := [f for f, place in zip(sources, places, strict=True) if places.count(place) > 1]:
        raise InputError(f"{twice[0]} is named twice")
    require_new(out, "merge into a new folder")
    if inside := [
        f for f, p in zip(sources, places, strict=True) if out.resolve().is_relative_to(p)
    ]:
        raise InputError(f"{out} is inside of {inside[0]}: merge into a new folder")


def _open(folder: Path) -> _Run:
    store = Store(folder)
    head = store.require_head()
    found = store.scan()
    for fault in found.faults:
        logger.warning(f"{fault}: what it listed is not merged")
    return _Run(store, head, found)


def _require_same_plan(one: _Run, other: _Run) -> None:
    """Raise `InputError` naming the first thing in which two plans disagree."""
    where = f"{other.folder} disagrees with {one.folder}"
    mine, theirs = one.head, other.head
    for field, label in (
        ("trial_digest", "other test trials"),
        ("dev_digest", "other dev trials"),
        ("seed", "another attack seed"),
        ("data_recipe", "another recipe of the data set"),
    ):
        if mine.get(field, NO_RECIPE) != theirs.get(field, NO_RECIPE):
            raise InputError(f"{where}: {label} ({theirs.get(field)}, not {mine.get(field)})")
    if cause := _other_condition(mine["conditions"], theirs["conditions"]):
        raise InputError(f"{where}: {cause}")
    if cause := _other_trials(one, other):
        raise InputError(f"{where}: {cause}")
    if mine["audio_digest"] != theirs["audio_digest"] and not runner.same_audio(
        {"audio_sketch": None, **mine}, {"audio_sketch": None, **theirs}
    ):
        raise InputError(f"{where}: other audio (by the digest of all samples)")


def _other_condition(mine: Sequence[Facts], theirs: Sequence[Facts]) -> str:
    for a, b in itertools.zip_longest(mine, theirs):
        if a is None:
            return f"its condition {b['condition']} is missing in the other"
        if b is None:
            return f"it lacks the condition {a['condition']}"
        if a["condition"] != b["condition"]:
            return f"its condition {b['condition']} stands where the other has {a['condition']}"
        if a["identity"] != b["identity"]:
            return (
                f"its condition {b['condition']} is of another version ({b['identity']}, not"
                f" {a['identity']})"
            )
    return ""


def _other_trials(one: _Run, other: _Run) -> str:
    """Return the first fact in which the trials differ; paths may, because files are compared."""
    if one.head.get("trials_sha256") == other.head.get("trials_sha256", ""):
        return ""
    mine, theirs = (run.store.read_trials(run.head) for run in (one, other))
    files = ("path", MADE, digest_column())
    for name in dict.fromkeys([*mine.columns, *theirs.columns]):
        if name.startswith(files):
            continue
        if name not in mine or name not in theirs:
            return f"only one of them states the {name} of its trials"
        a, b = mine[name], theirs[name]
        unequal = ~((a == b) | (a.isna() & b.isna())).to_numpy()
        if unequal.any():
            place = int(np.flatnonzero(unequal)[0])
            uid = mine["utterance_id"].iloc[place]
            return f"the {name} of {uid} is {b.iloc[place]!r}, not {a.iloc[place]!r}"
    return ""


def _inputs(runs: Sequence[_Run]) -> dict[str, str]:
    """Return the digest of the audio files of each unit; `InputError` if two runs had other files.

    The files of a data set that is built on each machine differ by rounding: there the first
    counts.
    """
    built = runs[0].head.get("data_recipe", NO_RECIPE) != NO_RECIPE
    inputs: dict[str, str] = {}
    homes: dict[str, _Run] = {}
    for run in runs:
        for part in run.found.parts:
            if part.inputs == UNKNOWN_INPUTS:
                continue
            if inputs.setdefault(part.key, part.inputs) != part.inputs and not built:
                raise InputError(
                    f"{run.folder} disagrees with {homes[part.key].folder}: other audio files"
                    f" ({part.split} trials under {part.condition}, {_first_trial(run, part)})"
                )
            homes.setdefault(part.key, run)
    return inputs


def _first_trial(run: _Run, part: PartInfo) -> str:
    try:
        (rows,) = run.store.read([part], ("utterance_id",))
    except DamagedPart as error:
        return str(error)
    return f"from {rows['utterance_id'][0]} on"


def _copied(runs: Sequence[_Run], new: Store, inputs: Mapping[str, str]) -> int:
    """Copy the part files that count, their origins and the plans; return the number of part files.

    One log lists them all.

    Raises `DamagedRuns` naming every file that is not what its manifest lists.
    """
    listed: dict[str, list[PartInfo]] = {}
    faults: list[str] = []
    todo = [(run, units) for run in runs for units in run_copy.files(run.found)]
    for run, units in each(todo, "merging", "file"):
        try:
            content = run.store.content(units[0].file)
        except DamagedPart as error:
            faults.append(f"{run.folder}/{error}")
            continue
        if any(_other_files(part, inputs) for part in units):
            if not faults:
                written = _of_first_files(new, units, content, inputs)
                listed[written[0].path] = written
            continue
        file = run_copy.in_new(units[0].file, units[0].key, content)
        if file.path not in listed and not faults:
            atomic_files.write(new.folder / file.path, content)
        listed[file.path] = [replace(part, file=file) for part in units]
    if faults:
        raise DamagedRuns(faults)
    for run in runs:
        plan_files.copy_plans(run.folder, new.folder)
        for origin in run.store.origins(run.found, run.found.parts).values():
            plan_files.write_origin(new.folder, origin)
        for joint in {part.file.origin for part in run.found.parts} - run.found.origins.keys():
            plan_files.write_origin(new.folder, plan_files.read_origin(run.folder, joint))
    with new.log() as log:
        for _, parts in sorted(listed.items()):
            log.add(parts)
    return len(listed)


def _other_files(part: PartInfo, inputs: Mapping[str, str]) -> bool:
    """Return whether a unit was made of other audio files than those that count for it."""
    return part.inputs not in (UNKNOWN_INPUTS, inputs.get(part.key))


def _of_first_files(
    new: Store, units: Sequence[PartInfo], content: bytes, inputs: Mapping[str, str]
) -> list[PartInfo]:
    """Write a file whose units state the audio files that count, and return its units.

    Its own files differ from them by rounding; what it says of them goes.
    """
    file = units[0].file
    table = parsed(content, None, file.path)
    table = table.select([name for name in table.column_names if name not in FILES])
    stem = Path(file.path).stem.rpartition("-")[0]
    file = replace(file, path=f"{file.path.rpartition('/')[0]}/{stem}", sha256=None)
    stated = [
        replace(part, file=file, inputs=inputs[part.key] if part.inputs else UNKNOWN_INPUTS)
        for part in units
    ]
    return new.write_file(stated, table, dense=file.path.startswith(COMPACT))


def _require_same_scores(runs: Sequence[_Run], names: Mapping[str, str]) -> None:
    """Raise `InputError` if two runs have different scores of one detector for one trial."""
    holders: dict[tuple[str, str], list[tuple[_Run, PartInfo, str]]] = {}
    for run in runs:
        for part in run.found.parts:
            for identity, column in part.detectors.items():
                if identity in names:
                    holder = run, part, column
                    holders.setdefault((part.key, names[identity]), []).append(holder)
    reads: dict[tuple[Path, str], Callable[[PartInfo], pa.Table]] = {}  # by folder and column
    for (_, name), held in holders.items():
        distinct = {part.file.sha256 or f"{run.folder}/{part.path}" for run, part, _ in held}
        if len({run.folder for run, _, _ in held}) == 1 or len(distinct) == 1:
            continue
        first: dict[str, tuple[float, _Run]] = {}
        for run, part, column in held:
            columns = ("utterance_id", f"{SCORE}{column}")
            read = reads.setdefault((run.folder, column), run.store.rows(columns))
            for uid, score in _scores(read(part)):
                before, home = first.setdefault(uid, (score, run))
                if abs(before - score) > CLOSE:
                    raise InputError(
                        f"{run.folder} disagrees with {home.folder}: {name} scored {uid} under"
                        f" {part.condition} with {score:.6g}, not {before:.6g}"
                    )


def _scores(rows: pa.Table) -> Iterable[tuple[str, float]]:
    pairs = zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True)
    return ((uid, score) for uid, score in pairs if score is not None)
