"""Dev scores that come with checkpoints, as parts of a run whose dev audio is not built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attacks.contract.condition import CLEAN, Condition
from benchmark.data.file_hashes import MISSING
from benchmark.data.protocol import Protocol
from benchmark.data.trial_table import digest_column
from benchmark.inference import dev_scores
from benchmark.inference.checkpoints import Checkpoint
from benchmark.runs.plan import RunPlan
from benchmark.scores.store import Store, done
from benchmark.scores.unit_keys import UnitKeys, shards

STORED = "stored"  # key in the origin of a part


def enough(detectors: Sequence[Checkpoint], dev: Protocol) -> bool:
    """Return True if every detector brings a score of every dev utterance."""
    ids = dev.table["utterance_id"].tolist()
    return all(dev_scores.covers(checkpoint, ids) for checkpoint in detectors)


def held(plan: RunPlan) -> dict[str, set[str]]:
    """Map the key of each dev unit without audio to the identities that bring scores of it."""
    found: dict[str, set[str]] = {}
    for key, ids in _units(plan):
        found[key] = {c.identity for c in plan.detectors if dev_scores.covers(c, ids)}
    return found


def write(plan: RunPlan, store: Store) -> None:
    """Write the stored scores into the run, one part per detector and unit that lacks them."""
    known = done(store.scan())
    for key, ids in _units(plan):
        for checkpoint in plan.detectors:
            scores = dev_scores.read(checkpoint)
            if checkpoint.identity in known.get(key, ()) or not scores.keys() >= set(ids):
                continue
            rows: list[dict[str, Any]] = [
                {
                    "utterance_id": uid, "failure": None, "cause": None, "decoder": "",
                    "seconds": None, "facts": {}, "checks": [], "causes": {},
                    "scores": {checkpoint.name: scores[uid]},
                }
                for uid in ids
            ]  # fmt: skip
            origin = {STORED: dev_scores.file_of(checkpoint.path).name}
            names = {checkpoint.identity: checkpoint.name}
            Store(store.folder, origin).write_part(key, "dev", CLEAN, rows, names)


def _units(plan: RunPlan) -> Iterator[tuple[str, list[str]]]:
    """Yield key and ids of each clean dev unit of which no file is there."""
    table = plan.dev.table
    if not len(table) or not (table[digest_column()] == MISSING).all():
        return
    clean = [(Condition().identity(), "")]
    keys = UnitKeys(table, plan.dev.digest(), clean, plan.seed)
    for start, stop in shards(len(table)):
        (key,) = keys.of(start, stop)
        yield key, table["utterance_id"].iloc[start:stop].tolist()
