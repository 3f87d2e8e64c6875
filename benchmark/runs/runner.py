"""Execution of a plan: find the missing units, run them, and keep all others."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import pandas as pd
import torch

from attacks.contract.condition import CLEAN, Condition
from attacks.contract.precomputed import made
from benchmark.audio import reader
from benchmark.core.errors import InputError
from benchmark.core.foreign import stdout_kept_clean
from benchmark.core.parallel import one_thread
from benchmark.core.progress import progress_bar
from benchmark.data.audio_identity import ROUNDING_DB, sketch_of
from benchmark.data.trial_table import path_column, rows_of, stamp_column, without_stamps
from benchmark.inference.batching import BATCH
from benchmark.inference.scorer import Scorer
from benchmark.laundering import engine
from benchmark.runs import audio_changes, stored_dev_scores
from benchmark.runs.executor import Executor, execute
from benchmark.runs.plan import WHOLE, PlanShare, RunPlan, keys_of, plan_shards
from benchmark.runs.precision_check import PRECISION
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.runs.work_unit import WorkUnit, prepare
from benchmark.scores.plan_files import PLUGIN_CHECKS
from benchmark.scores.selection import done, next_attempts
from benchmark.scores.store import Scan, Store

NOTHING: Mapping[str, int] = {}
READER = "reader"  # field of a plan: version of the audio reader


class MissingUnits:
    """The units of a plan that are not in the store.

    `jobs` is generated again at each access, because a large plan has millions of units.

    units_planned : number of units of the plan, or of this machine's share
    units         : number of missing units
    trials        : utterances x conditions still to be laundered
    """

    def __init__(
        self,
        plan: RunPlan,
        held: Mapping[str, Collection[str]],
        again: Mapping[str, int],
        share: PlanShare = WHOLE,
    ) -> None:
        """Find the missing units.

        held  : unit key -> identities of the detectors that have scored the unit
        again : unit key -> attempt, of the units to compute for all detectors whatever is held
        """
        self._plan, self._held, self._again, self._share = plan, held, again, share
        self.units_planned = self.units = self.trials = 0
        for _, start, stop, conditions in plan_shards(plan, share):
            self.units_planned += len(conditions)
            self.trials += (stop - start) * len(conditions)
        self.units = self.units_planned
        if held or not plan.detectors:
            sizes = [len(job.utterances) for job in self.jobs]
            self.units, self.trials = len(sizes), sum(sizes)

    @property
    def jobs(self) -> Iterator[WorkUnit]:
        """Yield the missing units shard by shard, so that each utterance is decoded once."""
        identities = {checkpoint.identity: checkpoint.name for checkpoint in self._plan.detectors}
        sources: dict[str, _Source] = {}
        for split, start, stop, conditions in plan_shards(self._plan, self._share):
            if split not in sources:
                sources = {split: _Source(self._plan, split, conditions)}
            source = sources[split]
            shard = source.shard(start, stop)
            for key, condition, name in source.units(start, stop):
                scored = () if key in self._again else self._held.get(key, ())
                missing = identities  # one shared object: there may be half a million units
                if scored:
                    missing = {i: n for i, n in identities.items() if i not in scored}
                if missing:
                    yield WorkUnit(
                        key, split, condition, source.root, shard[name], self._plan.seed, missing,
                        self._again.get(key, 0), bool(name) or condition == CLEAN,
                    )  # fmt: skip


class _Source:
    """The table and unit keys of one split, computed once for all of its shards."""

    def __init__(self, plan: RunPlan, split: str, conditions: tuple[Condition, ...]) -> None:
        self.root = plan.protocol(split).root
        names = [made(condition) for condition in conditions]
        self._conditions = [*zip(map(str, conditions), names, strict=True)]
        self._keys = keys_of(plan, split, conditions)
        self._table = plan.protocol(split).table

    def shard(self, start: int, stop: int) -> dict[str, tuple[tuple[str, str, str], ...]]:
        """Return the utterances of a shard, by the name of the ready-made audio."""
        rows = self._table.iloc[start:stop]  # lists of a whole corpus would double the memory
        return {
            name: tuple(rows_of(rows, "utterance_id", path_column(name), stamp_column(name)))
            for name in {name for _, name in self._conditions}
        }

    def units(self, start: int, stop: int) -> Iterator[tuple[str, str, str]]:
        """Yield key, condition and name of the ready-made audio of each unit of a shard."""
        for key, pair in zip(self._keys.of(start, stop), self._conditions, strict=True):
            yield key, *pair


def missing(
    plan: RunPlan,
    store: Store,
    retry_failures: bool = False,
    share: PlanShare = WHOLE,
    recheck: bool = False,
    found: Scan | None = None,
) -> MissingUnits:
    """Return the units of `plan`, or of this machine's share, that `store` lacks.

    found : what the store holds; it is scanned if not given

    Units whose audio files have changed since are missing too. With `retry_failures`, units with
    any failed row are computed again for all detectors, and so are those of damaged files in any
    case. With `recheck`, every audio file is hashed, not only those of another size or time.
    """
    if recheck:
        engine.forget()
    found = found or store.scan()
    again = audio_changes.changed(plan, store, found, share, recheck)
    failed = [part for part in found.parts if retry_failures and part.failures]
    replaced = [part for part in (*failed, *found.lost) if not part.imported]
    for key, attempt in next_attempts(replaced).items():
        again[key] = max(again.get(key, 0), attempt)
    return absent(plan, found, again, share)


def absent(
    plan: RunPlan, found: Scan, again: Mapping[str, int] = NOTHING, share: PlanShare = WHOLE
) -> MissingUnits:
    """Return the units that nobody has computed yet, and those to compute `again`."""
    present = done(found.parts)
    for key, identities in stored_dev_scores.held(plan).items():
        present.setdefault(key, set()).update(identities)
    return MissingUnits(plan, present, again, share)


def write_plan(plan: RunPlan, store: Store, precision: dict[str, Any] | None = None) -> None:
    """Write the plan into `store`; `InputError` if it holds other trials or another seed.

    `precision` holds notes on the precision of detectors, by detector name.
    """
    store.adopt()
    head = joined_head(plan, store)
    for name, note in (precision or {}).items():
        head["detectors"][name][PRECISION] = note
    trials = without_stamps(pd.concat([plan.dev.table, plan.test.table], ignore_index=True))
    store.write_head(head, trials)
    stored_dev_scores.write(plan, store)


def joined_head(plan: RunPlan, store: Store) -> dict[str, Any]:
    """Return the head of the plan, as `store` takes it.

    The plan that is in the store stays if it plans the same work: a data set that is built on each
    machine differs by rounding, and its root by machine. The precision notes of unchanged detectors
    are kept. Raises `InputError` if `store` holds other trials, another seed or other audio.
    """
    head = head_of(plan)
    old = store.read_head()
    if old is None:
        return head
    for field, label in (("trial_digest", "trial digest"), ("seed", "seed")):
        if old.get(field) != head[field]:
            raise InputError(
                f"{store.folder} holds a run with another {label} ({old.get(field)}, not"
                f" {head[field]}): choose another RUN name or delete that folder"
            )
    _keep_reader(plan, store, old, head)
    for name, item in head["detectors"].items():
        before = old["detectors"].get(name, {})
        if before.get("identity") == item["identity"] and PRECISION in before:
            item[PRECISION] = before[PRECISION]
    same_work = all(old.get(field) == head[field] for field in ("conditions", "dev_digest"))
    if same_work and same_audio(old, head):
        head |= {name: old[name] for name in ("audio_digest", "audio_sketch") if name in old}
    return head


def _keep_reader(plan: RunPlan, store: Store, old: dict[str, Any], head: dict[str, Any]) -> None:
    """Keep the version of the audio reader that a run began with, if this one reads the same.

    Raises `InputError` if a file of the run may give other samples now.
    """
    before = old.get(READER, 1)  # not stated by older runs
    if before != head[READER]:
        for protocol in (plan.test, plan.dev):
            for made in ("", *protocol.made()):
                for path in protocol.table[path_column(made)]:
                    if PurePath(path).suffix.lower() not in reader.READ_ALIKE:
                        raise InputError(
                            f"{store.folder} was begun with version {before} of the audio reader;"
                            f" version {head[READER]} may read {path} otherwise: choose another"
                            " RUN name or delete that folder"
                        )
    if READER in old:
        head[READER] = old[READER]
    else:
        del head[READER]


def same_audio(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Return whether the audio of two plans differs by no more than rounding."""
    mine, other = sketch_of(new["audio_sketch"]), sketch_of(old.get("audio_sketch"))
    if mine is None or other is None:
        return False
    return mine.difference_db(other) <= ROUNDING_DB


def head_of(plan: RunPlan) -> dict[str, Any]:
    """Return the description of the plan that a run folder stores."""
    return {
        "data": plan.test.name,
        "data_version": plan.test.version,
        "data_root": str(plan.test.root),
        "headline": plan.test.headline,
        "trial_digest": plan.test.digest(),
        "dev_digest": plan.dev.digest(),
        "data_recipe": plan.test.recipe,
        READER: reader.VERSION,
        "audio_digest": plan.test.audio_digest,
        "audio_sketch": plan.test.audio_sketch.facts() if plan.test.audio_sketch else None,
        "trials": len(plan.test.table),
        "seed": plan.seed,
        "suite": plan.suite,
        "options": plan.options,
        "conditions": [describe(condition) for condition in plan.conditions],
        "detectors": {
            c.name: {"identity": c.identity, "training": c.facts} for c in plan.detectors
        },
        **({PLUGIN_CHECKS: plan.plugin_checks} if plan.plugin_checks else {}),
    }


def describe(condition: Condition) -> dict[str, Any]:
    """Return what a plan states of a condition (JSON-able)."""
    step = condition.steps[0] if len(condition.steps) == 1 else None
    severity = step.severity if step is not None else None
    caveat = {"caveat": condition.caveat} if condition.caveat else {}
    return {
        "condition": str(condition),
        "family": condition.family,
        "severity": getattr(step, severity.parameter) if severity else None,
        "unit": severity.unit if severity else "",
        "parameter": severity.parameter if severity else "",
        "rising": severity.ladder[-1] > severity.ladder[0] if severity else True,
        "identity": condition.identity(),
        "made": made(condition),
        **caveat,
    }


def run(jobs: MissingUnits, setup: WorkerSetup, executor: Executor) -> None:
    """Execute the missing units, with a progress bar over trials.

    The detectors are loaded here first, so that weights that do not fit fail before any work. What
    plugins print goes to standard error.
    """
    doing = "laundering and scoring"
    bar = progress_bar(total=jobs.trials, desc=doing, unit="trial", smoothing=0.05)
    with stdout_kept_clean(), bar:
        Scorer(setup.detectors, torch.device("cpu"))
        for part in execute(jobs.jobs, setup, executor):
            bar.update(part.rows)


def estimate(jobs: MissingUnits, setup: WorkerSetup) -> float:
    """Estimate the seconds that one worker needs, from one batch per condition."""
    costs: dict[str, float] = {}
    total = 0.0
    scorer = Scorer(setup.detectors, torch.device(setup.device))
    bar = progress_bar(desc="estimating", total=jobs.trials, unit="trial")
    with stdout_kept_clean(), one_thread(), bar:
        for job in jobs.jobs:
            bar.update(len(job.utterances))
            if job.condition not in costs:
                sample = replace(job, utterances=job.utterances[:BATCH])
                prepare(replace(sample, utterances=sample.utterances[:1]))  # loads rooms and noises
                started = time.perf_counter()
                scorer(prepare(sample).waves, list(job.identities.values()))
                spent = time.perf_counter() - started
                costs[job.condition] = spent / len(sample.utterances)
            total += costs[job.condition] * len(job.utterances)
    return total
