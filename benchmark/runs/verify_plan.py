"""The verification of plans, trials, detectors and origins: each must match its digest or name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core import json_text
from benchmark.core.errors import InputError, one_line
from benchmark.runs.verify_step import Step, below, counted
from benchmark.scores import plan_files
from benchmark.scores.unit_keys import of_plan

DETECTOR = {"name", "identity", "training", "conditions"}


@dataclass(frozen=True)
class Unit:
    """A unit of a plan.

    ids : of its utterances, shared by all units of the shard
    """

    split: str
    condition: str
    ids: pa.Array


@dataclass(frozen=True)
class FoundPlan:
    """What the files that describe a run say.

    plan     : the current plan, if it can be read
    trials   : its utterances
    units    : of every plan in the folder, by key
    complete : whether every plan could be read, so that other units belong to none
    """

    plan: dict[str, Any] | None
    trials: pd.DataFrame | None = None
    units: dict[str, Unit] = field(default_factory=dict)
    complete: bool = True


def verify(folder: Path, origins: Iterable[str]) -> tuple[Step, FoundPlan]:
    """Compare the files that describe a run with their names, and return what they say.

    origins : digests of the origins that parts refer to
    """
    faults: list[str] = []
    plan, trials = _current(folder, faults)
    if plan is not None and "digest" not in plan:
        found = FoundPlan(plan, trials)
        note = "format 4: plan, trials, detectors and origins have no digests to compare"
        return Step("plan", "plan and trials were read", tuple(faults), (note,)), found
    counts = {
        "plan": _named(folder / "plans", "json", _file_digest, faults),
        "trial table": _named(folder / "trials", "parquet", _trials_digest, faults),
        "origin": _named(folder / "origins", "json", _file_digest, faults),
    }
    faults += [
        f"origins/{digest}.json is missing: parts refer to it"
        for digest in sorted(set(origins))
        if not (folder / "origins" / f"{digest}.json").is_file()
    ]
    detectors = _detectors(folder, faults)
    if plan is not None and not _on_board(folder, plan):
        faults.append("no detector was run under the conditions of the current plan")
    units, complete = _units(folder)
    parts = [counted(number, noun) for noun, number in counts.items()]
    said = f"{', '.join(parts)} and {counted(detectors, 'detector')} compared with their names"
    return Step("plan", said, tuple(faults)), FoundPlan(plan, trials, units, complete)


def _current(folder: Path, faults: list[str]) -> tuple[dict[str, Any] | None, pd.DataFrame | None]:
    try:
        plan = plan_files.read_plan(folder)
        if plan is None:
            raise plan_files.no_run(folder)
    except InputError as error:
        faults.append(f"the current plan cannot be read: {below(folder, error)}")
        return None, None
    try:
        return plan, plan_files.read_trials(folder, plan)
    except InputError as error:
        faults.append(f"the trials cannot be read: {below(folder, error)}")
        return plan, None


def _named(folder: Path, ending: str, digest_of: Any, faults: list[str]) -> int:
    """Compare every file of a folder with the digest in its name; return the number of files."""
    paths = sorted(path for path in _visible(folder) if path.suffix == f".{ending}")
    for path in paths:
        name = f"{folder.name}/{path.name}"
        try:
            if digest_of(path) != path.stem:
                faults.append(f"{name} was changed: its content has not the digest in its name")
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
            faults.append(f"{name} is damaged ({one_line(error)})")
    return len(paths)


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _trials_digest(path: Path) -> str:
    return plan_files.trials_digest(pq.read_table(path).to_pandas())


def _detectors(folder: Path, faults: list[str]) -> int:
    paths = sorted(path for path in _visible(folder / "detectors") if path.suffix == ".json")
    for path in paths:
        name = f"detectors/{path.name}"
        try:
            facts = json_text.parse(path.read_bytes())
            if not isinstance(facts, dict) or not facts.keys() >= DETECTOR:
                raise ValueError("it does not describe a detector")
            if plan_files.detector_path(folder, str(facts["name"])).name != path.name:
                faults.append(f"{name} is of another detector: {facts['name']!r}")
        except (OSError, ValueError, RecursionError) as error:
            faults.append(f"{name} is damaged ({one_line(error)})")
    return len(paths)


def _on_board(folder: Path, plan: dict[str, Any]) -> bool:
    try:
        return bool(plan_files.read_detectors(folder, plan))
    except InputError:  # the damaged file has been named
        return True


def _units(folder: Path) -> tuple[dict[str, Unit], bool]:
    """Return the units of every plan of a folder by key, and whether all plans could be read."""
    units: dict[str, Unit] = {}
    complete = True
    tables: dict[str, pd.DataFrame] = {}
    for path in sorted(_visible(folder / "plans")):
        try:
            plan = json_text.parse(path.read_bytes())
            digest = str(plan["trials_sha256"])
            if digest not in tables:
                tables[digest] = plan_files.read_trials(folder, plan)
            units |= _of_plan(plan, tables[digest])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # named above
            complete = False
    return units, complete


def _of_plan(plan: dict[str, Any], trials: pd.DataFrame) -> Iterator[tuple[str, Unit]]:
    for split in of_plan(plan, trials):
        ids = pa.array(split.table["utterance_id"].astype(str), pa.string())
        names = [c["condition"] for c in split.conditions]
        for start, stop, keys in split.shards():
            shard = ids.slice(start, stop - start)
            for key, name in zip(keys, names, strict=True):
                yield key, Unit(split.split, name, shard)


def _visible(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
