"""Reader of a run folder: scores, effects and failures as `RunResults`, without recomputation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from attacks.contract.condition import CLEAN
from benchmark.core.errors import InputError
from benchmark.data.audio_identity import sketch_of
from benchmark.data.protocol import DURATION, NO_RECIPE, Protocol
from benchmark.laundering.failure import DETECTOR, UNREADABLE
from benchmark.scores import part_reader
from benchmark.scores.part_reader import PartRows
from benchmark.scores.run_results import (
    EFFECT_COLUMNS,
    FAILURE_COLUMNS,
    SCORE_COLUMNS,
    ConditionInfo,
    RunResults,
)
from benchmark.scores.store import IMPORTED, PartInfo, Store
from benchmark.scores.unit_keys import unit_keys

Codes = npt.NDArray[np.integer]
Scores = npt.NDArray[np.floating]


def collect(folder: Path, provenance: dict[str, Any]) -> RunResults:
    """Read everything that the run in `folder` holds for its current plan.

    Parts of earlier plans (other weights, an older version of an attack) are skipped. An utterance
    that could not be read leaves the trial set and stays listed among the failures. Raises
    `InputError` if the folder holds no run or a damaged file.
    """
    store = Store(folder)
    head = store.read_head()
    if head is None:
        raise InputError(
            f"{folder} holds no run (it has no {store.head.name}): start one with launderbench run"
        )
    trials = store.read_trials()
    names = {
        identity: name
        for name, item in head["detectors"].items()
        for identity in item.get("identities", [item["identity"]])  # imported: one per score file
    }
    keys = _keys(head, trials)
    parts = [part for part in store.scan() if part.key in keys]
    read = part_reader.read(store, parts, _parts_with_checks(parts))
    if DURATION not in trials and (seconds := _seconds(read)):
        trials[DURATION] = trials["utterance_id"].map(seconds)
    failures = _failures(read, names)
    unreadable = set(failures.loc[failures["kind"] == UNREADABLE, "utterance_id"])
    lost = trials["utterance_id"].isin(unreadable)
    scores = _scores(read, names, _overlapping(parts, names))
    if unreadable:
        scores = scores[~scores["utterance_id"].isin(unreadable)].reset_index(drop=True)
    whole = Protocol(
        name=head["data"],
        root=Path(head["data_root"]),
        table=trials[~lost],
        version=head["data_version"],
        headline=head["headline"],
        audio_digest=head["audio_digest"],
        audio_sketch=sketch_of(head.get("audio_sketch")),  # absent from runs of older versions
        recipe=head.get("data_recipe", NO_RECIPE),
    )
    return RunResults(
        protocol=whole.split("test"),
        dev=whole.split("dev"),
        conditions=tuple(
            ConditionInfo(
                c["condition"],
                c["family"],
                c["severity"],
                c["unit"],
                c.get("parameter", ""),  # absent from runs of older versions
                c.get("rising", True),
            )
            for c in head["conditions"]
        ),
        detectors=tuple(head["detectors"]),
        scores=scores,
        effects=_effects(read),
        failures=_still_unscored(failures, scores),
        unreadable=trials[lost & (trials["split"] == "test")],
        thresholds=_thresholds(head),
        imported=tuple(n for n, d in head["detectors"].items() if IMPORTED in d["training"]),
        provenance={
            "computed": _distinct([part.origin for part in parts]),
            "reported": provenance,
            "decoders": _decoders(read),
            "plan": {k: v for k, v in head.items() if k != "data_root"},
        },
    )


def _decoders(read: list[PartRows]) -> dict[str, int]:
    """Return the number of utterances that each decoder read."""
    used: dict[str, str] = {}
    for table in (g.table for g in read if g.condition == CLEAN and not g.imported):
        used |= zip(table["utterance_id"].to_pylist(), table["decoder"].to_pylist(), strict=True)
    named = sorted(name for name in used.values() if name)
    return {name: named.count(name) for name in dict.fromkeys(named)}


def _seconds(read: list[PartRows]) -> dict[str, float]:
    """Return the length in seconds of every recording that was read here.

    Parts of older versions do not hold it.
    """
    known: dict[str, float] = {}
    for table in (g.table for g in read if g.condition == CLEAN):
        if "seconds" in table.column_names:
            lengths = table["seconds"].to_pylist()
            rows = zip(table["utterance_id"].to_pylist(), lengths, strict=True)
            known |= {name: length for name, length in rows if length is not None}
    return known


def _distinct(origins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each distinct origin (code, libraries, device) of the scores once."""
    texts = sorted({json.dumps(origin, sort_keys=True) for origin in origins})
    return [json.loads(text) for text in texts]


def _keys(head: dict[str, Any], trials: pd.DataFrame) -> set[str]:
    every = [(c["identity"], c["made"]) for c in head["conditions"]]
    clean = [(c["identity"], "") for c in head["conditions"] if c["condition"] == CLEAN]
    keys: set[str] = set()
    for split, digest, conditions in (
        ("dev", head["dev_digest"], clean),
        ("test", head["trial_digest"], every),
    ):
        table = trials[trials["split"] == split]
        for shard_keys in unit_keys(table, digest, conditions, head["seed"]):
            keys.update(shard_keys)
    return keys


def _parts_with_checks(parts: list[PartInfo]) -> set[Path]:
    """Return the paths of the parts whose checks count: one part per test unit.

    This is the first part that was computed here, or else the first imported one.
    """
    first: dict[str, PartInfo] = {}
    for part in sorted(parts, key=lambda part: IMPORTED in part.origin):
        if part.split == "test":
            first.setdefault(part.key, part)
    return {part.path for part in first.values()}


def _overlapping(parts: list[PartInfo], names: dict[str, str]) -> bool:
    """Check whether two parts hold scores of one detector for the same unit."""
    held = [(part.key, i) for part in parts for i in part.detectors if i in names]
    return len(set(held)) < len(held)


def _thresholds(head: dict[str, Any]) -> dict[str, float]:
    """Return each detector's EER threshold on the dev split of its training data, where known."""
    known = {
        name: item["training"].get("dev_threshold") for name, item in head["detectors"].items()
    }
    return {name: float(value) for name, value in known.items() if value is not None}


def _utterances(read: list[PartRows]) -> tuple[pd.Index, Codes]:
    """Return all utterance ids, sorted, and each row's index among them, group after group."""
    columns = pa.chunked_array([c for g in read for c in g.table["utterance_id"].chunks])
    coded = columns.combine_chunks().dictionary_encode()
    ids = pd.Index(coded.dictionary.to_pylist())
    order = ids.argsort()
    places = np.empty(len(ids), dtype=np.int32)
    places[order] = np.arange(len(ids))
    return ids[order], places[coded.indices.to_numpy()]


def _scores(read: list[PartRows], names: dict[str, str], overlapping: bool) -> pd.DataFrame:
    """Return one row per score, with categorical text columns to save memory.

    A large run has tens of millions of scores. Categories are sorted, so that rows sort by
    category as by text. With `overlapping`, if two parts score one trial, the first part counts.
    """
    detectors = sorted(set(names.values()))
    conditions = sorted({group.condition for group in read})
    splits = ["dev", "test"]
    codes: list[tuple[int, int, int]] = []
    rows: list[Codes] = []
    values: list[Scores] = []
    numbers: list[Codes] = []
    ids, utterance = _utterances(read) if read else (pd.Index([]), np.zeros(0, np.int32))
    start = 0
    for group in read:
        own = utterance[start : start + len(group.table)]
        start += len(group.table)
        for identity, column in group.detectors.items():
            if identity not in names:
                continue
            place = (detectors.index(names[identity]), conditions.index(group.condition))
            codes.append((*place, splits.index(group.split)))
            rows.append(own)
            values.append(group.table[f"score:{column}"].to_numpy())
            numbers.append(group.numbers)
    if not values:
        return pd.DataFrame(
            {c: pd.Series(dtype=float if c == "score" else str) for c in SCORE_COLUMNS}
        )
    sizes = [len(part) for part in values]
    known = dict(
        zip(("detector", "condition", "split"), (detectors, conditions, splits), strict=True)
    )
    columns: dict[str, Any] = {
        name: pd.Categorical.from_codes(
            np.repeat(np.array(column, dtype=np.int16), sizes), pd.Index(texts)
        )
        for (name, texts), column in zip(known.items(), zip(*codes, strict=True), strict=True)
    }
    columns["utterance_id"] = pd.Categorical.from_codes(np.concatenate(rows), ids)
    columns["score"] = np.concatenate(values).astype(np.float64)
    scores = pd.DataFrame(columns, copy=False)
    if overlapping:
        scores = scores.iloc[np.argsort(np.concatenate(numbers), kind="stable")]
    scored = scores["score"].notna()
    if not scored.all():
        scores = scores[scored].reset_index(drop=True)
    return scores.drop_duplicates(list(SCORE_COLUMNS[:-1])) if overlapping else scores


def _failures(read: list[PartRows], names: dict[str, str]) -> pd.DataFrame:
    frames = []
    for group in read:
        if not group.failures:
            continue
        table, condition = group.table, group.condition
        rows = table.select(["utterance_id", "failure", "cause"]).to_pandas()
        failed = rows.dropna(subset="failure").rename(columns={"failure": "kind"})
        frames.append(failed.assign(condition=condition, detector="-"))
        for column in table.column_names:
            name = column.removeprefix("cause:")
            if name == column or name not in names.values():
                continue
            causes = pd.DataFrame({"utterance_id": rows["utterance_id"]})
            causes["cause"] = table[column].to_pandas()
            causes = causes.dropna(subset="cause")
            frames.append(causes.assign(kind=DETECTOR, condition=condition, detector=name))
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame({c: pd.Series(dtype=str) for c in FAILURE_COLUMNS})
    failures = pd.concat(frames, ignore_index=True)[list(FAILURE_COLUMNS)]
    failures.loc[failures["kind"] == UNREADABLE, "condition"] = "-"
    return failures.drop_duplicates().reset_index(drop=True)


def _still_unscored(failures: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Drop the failures of detectors that have since scored the trial."""
    if failures.empty:
        return failures
    keys = ["detector", "condition", "utterance_id"]
    scored = scores.loc[scores["utterance_id"].isin(failures["utterance_id"]), keys].astype(str)
    merged = failures.merge(scored.drop_duplicates(), on=keys, how="left", indicator=True)
    return failures[(merged["_merge"] == "left_only").to_numpy()].reset_index(drop=True)


def _effects(read: list[PartRows]) -> pd.DataFrame:
    """Return one row per check, with categorical text columns.

    A unit that two parts hold counts once.
    """
    kept = [group for group in read if len(group.checks)]
    if not kept:
        return pd.DataFrame({c: pd.Series(dtype=object) for c in EFFECT_COLUMNS})
    ids, utterance = _utterances(kept)
    starts = np.cumsum([0, *(len(group.table) for group in kept)])[:-1]
    owners = [
        start + group.checks[part_reader.ROW].to_numpy()
        for start, group in zip(starts, kept, strict=True)
    ]
    flat = pa.concat_tables([group.checks.drop_columns([part_reader.ROW]) for group in kept])
    flat = flat.unify_dictionaries().combine_chunks()
    columns = {name: flat[name].to_pandas(split_blocks=True) for name in flat.column_names}
    columns["passed"] = flat["passed"].to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    columns["utterance_id"] = pd.Categorical.from_codes(utterance[np.concatenate(owners)], ids)
    conditions = list(dict.fromkeys(group.condition for group in kept))
    code = np.array([conditions.index(group.condition) for group in kept], dtype=np.int16)
    code = np.repeat(code, [len(group.checks) for group in kept])
    columns["condition"] = pd.Categorical.from_codes(code, pd.Index(conditions))
    return pd.DataFrame(columns, copy=False)[list(EFFECT_COLUMNS)]
