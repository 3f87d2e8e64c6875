"""Carry out a plan: find what is missing, run it, keep everything else."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from attacks.condition import Condition
from attacks.ready import made
from benchmark.errors import InputError
from benchmark.executor import Setting, execute
from benchmark.plan import Plan, digest_column, path_column, rows_of, shards, unit_keys
from benchmark.processes import one_thread
from benchmark.scoring import BATCH, Scorer
from benchmark.store import IMPORTED, Store, done
from benchmark.work import Job, prepare


@dataclass(frozen=True)
class Missing:
    """The part of a plan that is not in the store."""

    jobs: tuple[Job, ...]
    units_planned: int

    @property
    def trials(self) -> int:
        """Utterances x conditions still to be laundered."""
        return sum(len(job.utterances) for job in self.jobs)


def missing(plan: Plan, store: Store, retry_failures: bool = False) -> Missing:
    """The jobs that would complete `store` for `plan`.

    With `retry_failures`, units with any failed row are computed anew for all detectors, and the
    parts that held the failures go.
    """
    parts = store.scan()
    failed: dict[str, list[Path]] = {}
    for part in parts:
        if retry_failures and part.failures and IMPORTED not in part.origin:
            failed.setdefault(part.key, []).append(part.path)
    held = done(parts)
    identities = {checkpoint.identity: checkpoint.name for checkpoint in plan.detectors}
    jobs, planned = [], 0
    for split, protocol, conditions in plan.parts():
        asked = [(condition.identity(), made(condition)) for condition in conditions]
        spelled = [str(condition) for condition in conditions]
        rows = {
            name: rows_of(protocol.table, "utterance_id", path_column(name), digest_column(name))
            for name in {name for _, name in asked}
        }
        keys = unit_keys(protocol.table, protocol.digest(), asked, plan.seed)
        for (start, stop), own in zip(shards(len(protocol.table)), keys, strict=True):
            shard = {name: tuple(every[start:stop]) for name, every in rows.items()}
            planned += len(own)
            for key, condition, (_, name) in zip(own, spelled, asked, strict=True):
                there = set() if key in failed else held.get(key, set())
                lacking = identities  # shared: there may be half a million units
                if there:
                    lacking = {i: n for i, n in identities.items() if i not in there}
                if lacking:
                    void = tuple(failed.get(key, ()))
                    where = protocol.root, shard[name]
                    jobs.append(Job(key, split, condition, *where, plan.seed, lacking, void))
    return Missing(tuple(jobs), planned)


def claim(plan: Plan, store: Store) -> None:
    """Make `store` this plan's folder; refuse one that holds other trials or another seed.

    Detectors that an earlier plan with the same conditions brought stay on the leaderboard.
    """
    head = head_of(plan)
    old = store.read_head()
    if old is not None:
        for field, what in (("trial_digest", "trial digest"), ("seed", "seed")):
            if old.get(field) != head[field]:
                raise InputError(
                    f"{store.folder} holds a run with another {what} ({old.get(field)}, not"
                    f" {head[field]}): choose another RUN name or delete that folder"
                )
        if old["conditions"] == head["conditions"]:
            head["detectors"] = old["detectors"] | head["detectors"]
    store.write_trials(pd.concat([plan.dev.table, plan.test.table], ignore_index=True))
    store.write_head(head)


def head_of(plan: Plan) -> dict[str, Any]:
    """What a run folder says about the plan that it holds."""
    return {
        "data": plan.test.name,
        "data_version": plan.test.version,
        "data_root": str(plan.test.root),
        "headline": plan.test.headline,
        "trial_digest": plan.test.digest(),
        "dev_digest": plan.dev.digest(),
        "audio_digest": plan.test.audio_digest,
        "trials": len(plan.test.table),
        "seed": plan.seed,
        "suite": plan.suite,
        "conditions": [_describe(condition) for condition in plan.conditions],
        "detectors": {
            c.name: {"identity": c.identity, "training": c.facts} for c in plan.detectors
        },
    }


def _describe(condition: Condition) -> dict[str, Any]:
    step = condition.steps[0] if len(condition.steps) == 1 else None
    severity = step.severity if step is not None else None
    return {
        "condition": str(condition),
        "family": condition.family,
        "severity": getattr(step, severity.parameter) if severity else None,
        "unit": severity.unit if severity else "",
        "parameter": severity.parameter if severity else "",
        "rising": severity.ladder[-1] > severity.ladder[0] if severity else True,
        "identity": condition.identity(),
        "made": made(condition),
    }


def run(jobs: Missing, setting: Setting, workers: int, split_scoring: bool) -> None:
    """Execute the missing jobs, with a progress bar over trials.

    The detectors are loaded here first: weights that do not fit are told before any work.
    """
    Scorer(setting.detectors, torch.device("cpu"))
    with tqdm(total=jobs.trials, desc="launder and score", unit="trial", smoothing=0.05) as bar:
        for job in execute(jobs.jobs, setting, workers, split_scoring):
            bar.update(len(job.utterances))


def estimate(jobs: Missing, setting: Setting) -> float:
    """Seconds that the missing jobs would take one worker, from one batch of each condition."""
    costs: dict[str, float] = {}
    scorer = Scorer(setting.detectors, torch.device(setting.device))
    with one_thread():
        for job in jobs.jobs:
            if job.condition not in costs:
                sample = replace(job, utterances=job.utterances[:BATCH])
                prepare(replace(sample, utterances=sample.utterances[:1]))  # rooms, noises
                started = time.perf_counter()
                scorer(prepare(sample).waves, list(job.identities.values()))
                spent = time.perf_counter() - started
                costs[job.condition] = spent / len(sample.utterances)
    return sum(costs[job.condition] * len(job.utterances) for job in jobs.jobs)
