"""Dev scores that checkpoints bring along, as parts of a run that needs no dev audio for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attacks.contract.condition import CLEAN, Condition
from benchmark.data.protocol import NO_RECIPE, Protocol
from benchmark.inference import dev_scores
from benchmark.inference.checkpoints import Checkpoint
from benchmark.runs.plan import RunPlan, keys_of
from benchmark.scores.manifest import STORED
from benchmark.scores.part_format import unscored
from benchmark.scores.selection import done
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import shards


def enough(detectors: Sequence[Checkpoint], dev: Protocol) -> bool:
    """Return True if every detector brings a score of every dev utterance."""
    return not len(dev.table) or all(dev_scores.of(checkpoint, dev) for checkpoint in detectors)


def held(plan: RunPlan) -> dict[str, set[str]]:
    """Map the key of each dev unit to the identities of the detectors that bring its scores."""
    identities = {c.identity for c in plan.detectors if dev_scores.of(c, plan.dev)}
    return {key: identities for key, _ in _units(plan)} if identities else {}


def write(plan: RunPlan, store: Store) -> None:
    """Write the stored scores into the run, one part per detector and unit that lacks them."""
    brought = [(c, scores) for c in plan.detectors if (scores := dev_scores.of(c, plan.dev))]
    if not brought:
        return
    known = done(store.scan().parts)
    with store.log() as log:
        for checkpoint, scores in brought:
            origin = {STORED: dev_scores.file_of(checkpoint.path).name}
            own = Store(store.folder, origin, STORED, store.sync)
            names = {checkpoint.identity: checkpoint.name}
            for key, ids in _units(plan):
                if checkpoint.identity in known.get(key, ()):
                    continue
                rows = [
                    unscored(uid, decoder="", scores={checkpoint.name: scores[uid]}) for uid in ids
                ]
                log.add([own.write_part(key, "dev", CLEAN, rows, names)])


def _units(plan: RunPlan) -> Iterator[tuple[str, list[str]]]:
    """Yield key and ids of each clean dev unit; none where files are the data set."""
    if plan.dev.recipe == NO_RECIPE:
        return
    table = plan.dev.table
    keys = keys_of(plan, "dev", (Condition(),))
    for start, stop in shards(len(table)):
        (key,) = keys.of(start, stop)
        yield key, table["utterance_id"].iloc[start:stop].tolist()
