"""Description of a data set, its contents and its faults, as plain data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd

from benchmark.audio.endings import fits
from benchmark.audio.input_faults import FAULTS
from benchmark.data.file_inspection import FileFacts, inspect_all
from benchmark.data.protocol import LABELS, Protocol
from benchmark.data.shortcut_leakage import leak
from benchmark.data.splitting import groups
from benchmark.data.subsets import UNKNOWN
from benchmark.data.trial_table import limited, rows_of

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
SHOWN = 20  # examples listed per fault; the counts cover all


def describe(
    protocol: Protocol, *, limit: int | None = None, decode: bool = True, workers: int | None = None
) -> dict[str, Any]:
    """Describe a data set as JSON-able data; the number of workers does not affect the result.

    Counts cover the whole protocol. Audio is measured on all files, or on a sample of `limit` files
    with classes and spoof systems in proportion. Without `decode` only headers are read. The result
    then lacks content, silence, damage beyond the header, and leakage.
    """
    sample = protocol if limit is None else limited(protocol, limit)
    names = sample.table["path"].tolist()
    facts = inspect_all(protocol.root, names, decode=decode, workers=workers)
    usable = [not fact.cause for fact in facts]
    table = sample.table[usable].reset_index(drop=True)
    good = [fact for fact in facts if not fact.cause]
    broken = [
        {"utterance_id": uid, "path": path, "cause": fact.cause}
        for uid, path, fact in zip(sample.table["utterance_id"], names, facts, strict=True)
        if fact.cause
    ]
    found: dict[str, Any] = {
        "name": protocol.name,
        "root": str(protocol.root),
        "trial_digest": protocol.digest(),
        "utterances": len(protocol.table),
        "audio_read": {"files": len(facts), "sample": len(facts) < len(protocol.table)},
        "splits": _splits(protocol.table),
        "spoof_systems": _systems(protocol.table),
        "columns": [c for c in protocol.table.columns if c not in ("utterance_id", "path")],
        "durations": _durations(table, good),
        "formats": _formats(good),
        "broken": {"files": len(broken), "causes": _causes(broken), "first": broken[:SHOWN]},
        "misnamed": _misnamed(table, good),
        "overlap": _overlap(protocol.table),
        "same_path": _same_path(protocol.table),
    }
    if decode:
        hashed = table.assign(content=[fact.sha256 for fact in good])
        found["inputs"] = _inputs(table, good)
        found["duplicates"] = _duplicates(hashed)
        found["overlap"]["content"] = _shared(hashed, "content")
        features = np.array([fact.features for fact in good]).reshape(len(good), -1)
        found["leak"] = leak(table, features, groups(table))
    return found


def _splits(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    found = {}
    for split, rows in table.groupby("split"):
        human, spoof = (rows[rows["label"] == label] for label in LABELS)
        found[str(split)] = {
            "utterances": len(rows),
            "bonafide": len(human),
            "spoof": len(spoof),
            "spoof_per_bonafide": round(len(spoof) / len(human), 3) if len(human) else None,
            "speakers": _count_known(rows, "speaker"),
            "spoof_systems": _count_known(spoof, "spoof_system"),
        }
    return found


def _count_known(rows: pd.DataFrame, column: str) -> int:
    return len(set(rows[column]) - {UNKNOWN})


def _systems(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    spoof = table[table["label"] == "spoof"]
    found: dict[str, dict[str, int]] = defaultdict(dict)
    counts = Counter(rows_of(spoof, "spoof_system", "split"))
    for (system, split), count in sorted(counts.items()):
        found[system][split] = count
    return dict(found)


def _durations(table: pd.DataFrame, facts: Sequence[FileFacts]) -> dict[str, dict[str, Any]]:
    """Return total hours and quantiles of the durations (s), per class and overall."""
    seconds = np.array([fact.seconds for fact in facts])
    label = table["label"].to_numpy()
    found = {}
    for name, part in (*((n, seconds[label == n]) for n in LABELS), ("all", seconds)):
        if part.size:
            quantiles = np.quantile(part, QUANTILES).round(3).tolist()
            found[name] = {
                "files": int(part.size),
                "hours": round(float(part.sum()) / 3600, 4),
                "seconds": {f"{100 * q:g}%": v for q, v in zip(QUANTILES, quantiles, strict=True)},
            }
    return found


def _formats(facts: Sequence[FileFacts]) -> dict[str, dict[str, int]]:
    kinds = {
        "rate": [f"{fact.rate} Hz" for fact in facts],
        "channels": [str(fact.channels) for fact in facts],
        "format": [f"{fact.container} {fact.encoding}" for fact in facts],
        "decoder": [fact.decoder for fact in facts],
    }
    return {kind: dict(sorted(Counter(v).items(), key=_by_count)) for kind, v in kinds.items()}


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _causes(broken: Sequence[dict[str, str]]) -> dict[str, int]:
    return dict(sorted(Counter(one["cause"] for one in broken).items(), key=_by_count)[:SHOWN])


def _misnamed(table: pd.DataFrame, facts: Sequence[FileFacts]) -> dict[str, Any]:
    """Find files whose format differs from their extension; they are read by content."""
    found = [
        {"path": path, "format": fact.container}
        for path, fact in zip(table["path"].tolist(), facts, strict=True)
        if not fits(PurePath(path), fact.container)
    ]
    return {"files": len(found), "first": found[:SHOWN]}


def _inputs(table: pd.DataFrame, facts: Sequence[FileFacts]) -> dict[str, dict[str, Any]]:
    """Return, for each fault that some input has, its meaning, its count and the first ids."""
    found = {}
    for name, meaning in FAULTS.items():
        ids = [
            uid
            for uid, fact in zip(table["utterance_id"], facts, strict=True)
            if name in fact.faults
        ]
        if ids:
            found[name] = {"meaning": meaning, "files": len(ids), "first": ids[:SHOWN]}
    return found


def _duplicates(hashed: pd.DataFrame) -> dict[str, Any]:
    """Find sets of utterances with the same samples; `contradictions` counts mixed classes."""
    repeated = hashed[hashed["content"].duplicated(keep=False)]
    sets = [
        [{"utterance_id": uid, "label": label, "split": split} for uid, label, split in rows]
        for rows in (
            rows_of(part, "utterance_id", "label", "split")
            for _, part in repeated.groupby("content", sort=False)
        )
    ]
    contradictory = [len({u["label"] for u in one}) > 1 for one in sets]
    first = sorted(zip(contradictory, sets, strict=True), key=lambda pair: not pair[0])[:SHOWN]
    return {
        "files": len(repeated) - len(sets),
        "sets": len(sets),
        "contradictions": sum(contradictory),
        "first": [one for _, one in first],
    }


def _same_path(table: pd.DataFrame) -> int:
    """Count the rows whose file an earlier row already names."""
    return int(table["path"].duplicated().sum())


def _overlap(table: pd.DataFrame) -> dict[str, Any]:
    return {c: _shared(table, c) for c in ("speaker", "pair") if c in table}


def _shared(table: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """Find, for every two splits, the values of a column that occur in both."""
    has = {str(s): set(rows[column]) - {UNKNOWN} for s, rows in table.groupby("split")}
    found = []
    for one, other in combinations(sorted(has), 2):
        if common := sorted(has[one] & has[other]):
            first = common[: 3 if column == "content" else SHOWN]
            found.append({"splits": [one, other], "shared": len(common), "first": first})
    return found
