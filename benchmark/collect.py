"""Read a run folder back into `RunResults`: scores, effects and failures, nothing recomputed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from attacks.condition import CLEAN
from benchmark.errors import InputError
from benchmark.plan import unit_keys
from benchmark.protocol import Protocol
from benchmark.results import (
    EFFECT_COLUMNS,
    FAILURE_COLUMNS,
    SCORE_COLUMNS,
    ConditionInfo,
    RunResults,
)
from benchmark.store import PartInfo, Store


def collect(folder: Path, provenance: dict[str, Any]) -> RunResults:
    """Everything that the run in `folder` holds for its present plan.

    Parts of earlier plans (other weights, an attack's older version) are passed over. An
    utterance that could not be read leaves the trial set; it stays listed among the failures.
    """
    store = Store(folder)
    head = store.read_head()
    if head is None:
        raise InputError(f"{folder} holds no run (no {store.head.name}): see launderbench run")
    trials = store.read_trials()
    names = {item["identity"]: name for name, item in head["detectors"].items()}
    keys = _keys(head, trials)
    parts = [part for part in store.scan() if part.key in keys]
    tables = [(part, store.read(part)) for part in parts]
    failures = _failures(tables, names)
    unreadable = set(failures.loc[failures["kind"] == "unreadable", "utterance_id"])
    lost = trials["utterance_id"].isin(unreadable)
    scores = _scores(tables, names)
    scores = scores[~scores["utterance_id"].isin(unreadable)].reset_index(drop=True)
    whole = Protocol(
        name=head["data"],
        root=Path(head["data_root"]),
        table=trials[~lost],
        version=head["data_version"],
        headline=head["headline"],
        audio_digest=head["audio_digest"],
    )
    return RunResults(
        protocol=whole.split("test"),
        dev=whole.split("dev"),
        conditions=tuple(
            ConditionInfo(c["condition"], c["family"], c["severity"], c["unit"])
            for c in head["conditions"]
        ),
        detectors=tuple(head["detectors"]),
        scores=scores,
        effects=_effects(tables),
        failures=_unscored_only(failures, scores),
        unreadable=trials[lost & (trials["split"] == "test")],
        provenance={
            "computed": _distinct([part.origin for part in parts]),
            "reported": provenance,
            "decoders": _decoders(tables),
            "plan": {k: v for k, v in head.items() if k != "data_root"},
        },
    )


def _decoders(tables: list[tuple[PartInfo, pa.Table]]) -> dict[str, int]:
    """Number of utterances that each decoder read."""
    used: dict[str, str] = {}
    for table in (table for part, table in tables if part.condition == CLEAN):
        used |= zip(table["utterance_id"].to_pylist(), table["decoder"].to_pylist(), strict=True)
    named = sorted(name for name in used.values() if name)
    return {name: named.count(name) for name in dict.fromkeys(named)}


def _distinct(origins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every code, library set and device that any of the scores came from."""
    texts = sorted({json.dumps(origin, sort_keys=True) for origin in origins})
    return [json.loads(text) for text in texts]


def _keys(head: dict[str, Any], trials: pd.DataFrame) -> set[str]:
    every = [(c["identity"], c["made"]) for c in head["conditions"]]
    clean = [(c["identity"], "") for c in head["conditions"] if c["condition"] == CLEAN]
    keys: set[str] = set()
    for split, digest, asked in (
        ("dev", head["dev_digest"], clean),
        ("test", head["trial_digest"], every),
    ):
        table = trials[trials["split"] == split]
        for own in unit_keys(table, digest, asked, head["seed"]):
            keys.update(own)
    return keys


def _scores(tables: list[tuple[PartInfo, pa.Table]], names: dict[str, str]) -> pd.DataFrame:
    frames = []
    for part, table in tables:
        ids = table["utterance_id"].to_pandas()
        for identity, column in part.detectors.items():
            if identity not in names:
                continue
            score = table[f"score:{column}"].to_pandas().astype(np.float64)
            frame = pd.DataFrame({"utterance_id": ids, "score": score}).dropna()
            frames.append(
                frame.assign(detector=names[identity], condition=part.condition, split=part.split)
            )
    if not frames:
        return pd.DataFrame(
            {c: pd.Series(dtype=float if c == "score" else str) for c in SCORE_COLUMNS}
        )
    scores = pd.concat(frames, ignore_index=True)[list(SCORE_COLUMNS)]
    return scores.drop_duplicates(["detector", "condition", "split", "utterance_id"])


def _failures(tables: list[tuple[PartInfo, pa.Table]], names: dict[str, str]) -> pd.DataFrame:
    frames = []
    for part, table in tables:
        rows = table.select(["utterance_id", "failure", "cause"]).to_pandas()
        failed = rows.dropna(subset="failure").rename(columns={"failure": "kind"})
        frames.append(failed.assign(condition=part.condition, detector="-"))
        for column in table.column_names:
            name = column.removeprefix("cause:")
            if name == column or name not in names.values():
                continue
            causes = pd.DataFrame({"utterance_id": rows["utterance_id"]})
            causes["cause"] = table[column].to_pandas()
            causes = causes.dropna(subset="cause")
            frames.append(causes.assign(kind="detector", condition=part.condition, detector=name))
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame({c: pd.Series(dtype=str) for c in FAILURE_COLUMNS})
    failures = pd.concat(frames, ignore_index=True)[list(FAILURE_COLUMNS)]
    failures.loc[failures["kind"] == "unreadable", "condition"] = "-"
    return failures.drop_duplicates().reset_index(drop=True)


def _unscored_only(failures: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Drop a detector's failure that a later run has mended."""
    keys = ["detector", "condition", "utterance_id"]
    mended = failures.merge(scores[keys].drop_duplicates(), on=keys, how="left", indicator=True)
    return failures[(mended["_merge"] == "left_only").to_numpy()].reset_index(drop=True)


def _effects(tables: list[tuple[PartInfo, pa.Table]]) -> pd.DataFrame:
    frames, seen = [], set()
    for part, table in tables:
        if part.split != "test" or part.key in seen:
            continue
        seen.add(part.key)
        checks = table["checks"].combine_chunks()
        flat = pa.Table.from_struct_array(checks.flatten()).to_pandas()
        owners = pc.list_parent_indices(checks).to_numpy()
        flat["utterance_id"] = table["utterance_id"].to_pandas().to_numpy()[owners]
        flat["condition"] = part.condition
        frames.append(flat)
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame({c: pd.Series(dtype=object) for c in EFFECT_COLUMNS})
    return pd.concat(frames, ignore_index=True)[list(EFFECT_COLUMNS)]
