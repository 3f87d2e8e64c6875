"""The plan, the trials, the detectors and the origins of a run folder, each in its own file.

Plans, trials and origins are named by the digest of their content and never changed. A detector has
a file of its own. So processes that share a folder never write the same file differently.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core import atomic_files, json_text
from benchmark.core.errors import InputError, one_line
from benchmark.laundering.resuming import key_of
from benchmark.scores import plan_schema
from benchmark.scores.scopes import BESIDE

FORMAT = 5
POINTER = "plan.json"
PLUGIN_CHECKS = "plugin_checks"  # of a plan: what is wrong with each condition that has a plugin
CHECK = "check"  # of all other facts of the pointer
HERE = ("data_root", "options")  # the facts of a plan that differ between machines
LONGEST = 60  # characters of a detector's name in its file's name
Facts = dict[str, Any]


def write_plan(folder: Path, plan: Facts, trials: pd.DataFrame, sync: bool = False) -> str:
    """Make `plan` with its `trials` the current plan of a folder; return the plan's digest."""
    digest = trials_digest(trials)
    facts = {**plan, "format": FORMAT, "trials_sha256": digest}
    here = {name: facts.pop(name) for name in HERE if name in facts}
    path = folder / "trials" / f"{digest}.parquet"
    if not path.is_file():
        sink = pa.BufferOutputStream()
        table = pa.Table.from_pandas(trials, preserve_index=False)
        pq.write_table(table, sink, compression="zstd")
        atomic_files.write(path, sink.getvalue().to_pybytes(), sync)
    name = _write_by_content(folder / "plans", facts, sync)
    pointer: Facts = {"format": FORMAT, "plan": name, **here}
    pointer[CHECK] = key_of(pointer)
    if _read_json(folder / POINTER) != pointer:
        atomic_files.write(folder / POINTER, _text(pointer), sync)
    return name


def read_pointer(folder: Path) -> Facts | None:
    """Return what makes a folder a run, or None; of format 4 this is the plan itself.

    Raises `InputError` if the file is damaged, changed or of another format.
    """
    pointer = _read_json(folder / POINTER)
    if pointer is None or pointer.get("format") == FORMAT - 1:
        return pointer
    if pointer.get("format") == FORMAT:
        stated = {name: value for name, value in pointer.items() if name != CHECK}
        if pointer.get(CHECK) != key_of(stated):
            raise InputError(f"{folder / POINTER} was changed: its {CHECK} does not fit")
        return pointer
    newer = isinstance(pointer.get("format"), int) and pointer["format"] > FORMAT
    raise InputError(
        f"{folder} holds a run of {'a newer' if newer else 'another'} version of LaunderBench"
        f" (format {pointer.get('format')}): "
        + ("update LaunderBench" if newer else "choose another RUN name or delete that folder")
    )


def no_run(folder: Path) -> InputError:
    """Return the error about a folder without a run; it says where the run of a report is."""
    above = Path(os.path.normpath(folder / ".."))
    if folder.resolve().name == BESIDE and (above / POINTER).is_file():
        return InputError(f"{folder} holds tables alone: the scores are in {above}")
    return InputError(f"{folder} holds no run (it has no {POINTER}): launderbench run starts one")


def read_plan(folder: Path) -> Facts | None:
    """Return the current plan with its `digest`, or None if the folder holds no run.

    A plan of format 4 has no digest. Raises `InputError` if a file is missing, damaged, changed, or
    of another format.
    """
    path = folder / POINTER
    pointer = read_pointer(folder)
    if pointer is None:
        return None
    plan = pointer
    if pointer["format"] == FORMAT:
        name = str(pointer.get("plan"))
        plan = _read_by_content(folder / "plans", name, "the plan")
        plan |= {fact: pointer[fact] for fact in HERE if fact in pointer}
        plan |= {"data_root": str(plan.get("data_root", "")), "digest": name}
    plan = {"data_root": ""} | plan
    plan_schema.check_plan(plan, path)
    if "digest" not in plan and "detectors" not in plan:
        raise InputError(f"{path} is damaged: it lacks detectors")
    return plan


def read_trials(folder: Path, plan: Facts) -> pd.DataFrame:
    """Return the dev and test utterances of a plan.

    Raises `InputError` if the file is missing, damaged or not the one that the plan states.
    """
    digest = plan.get("trials_sha256")
    path = folder / (f"trials/{digest}.parquet" if digest else "trials.parquet")
    try:
        table = pq.read_table(path).to_pandas()
    except (OSError, pa.ArrowException, ValueError) as error:
        raise InputError(f"{path} is missing or damaged ({one_line(error)})") from error
    if digest and trials_digest(table) != digest:
        raise InputError(f"{path} was changed: its content has not the digest in its name")
    if missing := [c for c in ("utterance_id", "label", "split") if c not in table.columns]:
        raise InputError(f"{path} lacks the column {', '.join(missing)}")
    return table


def copy_plans(source: Path, folder: Path) -> None:
    """Copy all plans of a run folder with their trials; those that are damaged stay behind."""
    for path in sorted((source / "plans").glob("*.json")):
        try:
            plan = _read_by_content(source / "plans", path.stem, "the plan")
            trials = f"trials/{plan.get('trials_sha256')}.parquet"
            read_trials(source, plan)
            contents = {
                name: (source / name).read_bytes() for name in (f"plans/{path.name}", trials)
            }
        except (InputError, OSError):
            continue
        for name, content in contents.items():
            atomic_files.write(folder / name, content)


def trials_digest(table: pd.DataFrame) -> str:
    """Hash (hex) the columns of a table: names, kinds and values, in order."""
    digest = hashlib.sha256()
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            values = np.ascontiguousarray(column.to_numpy(dtype="<f8"))
            values = np.where(np.isnan(values), np.nan, values)  # one bit pattern for all
            kind, content = "number", [values.tobytes()]
        else:
            texts = pa.array(column.astype(object).where(column.notna(), None), pa.large_string())
            lengths = np.diff(np.frombuffer(texts.buffers()[1], dtype="<i8")[: len(texts) + 1])
            absent = texts.is_null().to_numpy(zero_copy_only=False)
            data = texts.buffers()[2]
            content = [
                np.where(absent, -1, lengths).astype("<i8").tobytes(),
                b"" if data is None else data.to_pybytes()[: int(lengths.sum())],
            ]
            kind = "text"
        digest.update(f"{name}\0{kind}\0{len(table)}\0".encode())
        for part in content:
            digest.update(part)
    return digest.hexdigest()


def write_detector(folder: Path, name: str, facts: Facts, sync: bool = False) -> None:
    """Write the file of one detector on the board."""
    atomic_files.write(detector_path(folder, name), _text({**facts, "name": name}), sync)


def read_detectors(folder: Path, plan: Facts) -> dict[str, Facts]:
    """Return the detectors that were run under the conditions of the plan, sorted by name.

    Raises `InputError` if a file is damaged.
    """
    if "digest" not in plan:
        found: dict[str, Facts] = plan["detectors"]
        return dict(sorted(found.items()))
    wanted = conditions_digest(plan)
    held = {}
    for path in sorted((folder / "detectors").glob("*.json")):
        facts = _read_json(path)
        if facts is None:  # removed meanwhile
            continue
        if not isinstance(facts.get("name"), str) or "conditions" not in facts:
            raise InputError(f"{path} is damaged: it does not describe a detector; delete it")
        plan_schema.check_detector(facts, path)
        if facts.pop("conditions") == wanted:
            held[facts.pop("name")] = facts
    return dict(sorted(held.items()))


def conditions_digest(plan: Mapping[str, Any]) -> str:
    """Hash (hex) the conditions of a plan with their identities."""
    return key_of([[c["condition"], c["identity"]] for c in plan["conditions"]])


def write_origin(folder: Path, origin: Facts, sync: bool = False) -> str:
    """Store how scores are made (code, libraries, machine) once; return the digest."""
    return _write_by_content(folder / "origins", origin, sync)


def read_origin(folder: Path, digest: str) -> Facts:
    """Return an origin; `InputError` if its file is missing, damaged or changed."""
    return _read_by_content(folder / "origins", digest, "the origin of scores")


def content_digest(facts: Facts) -> str:
    """Hash (hex) the file of a plan or an origin: the digest in its name."""
    return hashlib.sha256(_text(facts).encode()).hexdigest()


def detector_path(folder: Path, name: str) -> Path:
    plain = re.sub(r"[^A-Za-z0-9_.+-]+", "-", name)[:LONGEST]
    return folder / "detectors" / f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:12]}.json"


def _write_by_content(folder: Path, facts: Facts, sync: bool) -> str:
    text = _text(facts)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = folder / f"{digest}.json"
    if not path.is_file():
        atomic_files.write(path, text, sync)
    return digest


def _read_by_content(folder: Path, digest: str, what: str) -> Facts:
    path = folder / f"{digest}.json"
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InputError(f"{what} has no valid digest ({digest!r}) in {folder.parent}")
    facts = _read_json(path)
    if facts is None:
        raise InputError(f"{path} is missing: {what} cannot be read")
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise InputError(f"{path} was changed: its content has not the digest in its name")
    return facts


def _read_json(path: Path) -> Facts | None:
    """Return a JSON object; None if there is no such file; `InputError` if it is damaged."""
    try:
        found = json_text.parse(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({one_line(error)})") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is damaged: it holds no JSON object")
    return found


def _text(facts: Facts) -> str:
    return json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
