"""Time per stage of a run, with each stage measured alone, in this process, on one thread."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from benchmark.core.parallel import one_thread
from benchmark.core.progress import each, progress_bar
from benchmark.core.stage_timer import StageTime, StageTimer, peak_memory
from benchmark.inference import checkpoints
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import Scorer
from benchmark.runs import stored_dev_scores
from benchmark.runs.plan import RunPlan
from benchmark.runs.runner import MissingUnits
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.runs.work_unit import WorkUnit, prepare, score, write
from detectors.contract.base import TensorDetector, registry

STAGES = ("read", "attack", "verify", "frontend", "forward", "write")


@dataclass(frozen=True)
class Profile:
    """The cost of a plan: by (stage, item) in `spent`, and in total.

    wall   : elapsed seconds
    cpu    : seconds of processor time
    trials : utterances x conditions
    peak   : peak memory of the process in bytes
    """

    spent: dict[tuple[str, str], StageTime]
    wall: float
    cpu: float
    trials: int
    peak: int


def measure(plan: RunPlan, device: torch.device) -> Profile:
    """Compute the whole plan into a temporary folder and time every stage.

    One utterance under each condition is first processed without timing, because rooms are
    simulated and noises opened once per run.
    """
    jobs = MissingUnits(plan, stored_dev_scores.held(plan), {})
    watch = StageTimer()
    with one_thread(), tempfile.TemporaryDirectory() as scratch:
        setup = WorkerSetup(Path(scratch), plan.detectors, str(device))
        scorer = Scorer(setup.detectors, device)
        first = each([*_warm_up(jobs.jobs)], "warming up", "condition")
        for number, job in enumerate(first):
            prepared = prepare(job)
            if number == 0:
                score(prepared, scorer)
        scorer.watch = watch
        wall, cpu = time.perf_counter(), time.process_time()
        with progress_bar(total=jobs.trials, desc="measuring time", unit="trial") as bar:
            for job in jobs.jobs:
                prepared = prepare(job, watch=watch)
                score(prepared, scorer)
                with watch.timing("write", count=len(prepared.rows)):
                    write(prepared, setup.store())
                bar.update(len(prepared.rows))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Profile(watch.spent, wall, cpu, jobs.trials, peak_memory())


def untrained(name: str, folder: Path) -> Checkpoint | None:
    """Save random weights for the network `name` in `folder` and load them as a checkpoint.

    Returns None if `name` is not a network that this package trains.
    """
    item = registry.get(name)()
    if not isinstance(item, TensorDetector) or item.ready_made:
        return None
    torch.manual_seed(0)
    path = folder / f"{name}.safetensors"
    arrays = {key: value.numpy() for key, value in item.build().state_dict().items()}
    checkpoints.save(path, arrays, {"detector": name})
    return checkpoints.load(path, (name,))


def _warm_up(jobs: Iterator[WorkUnit]) -> Iterator[WorkUnit]:
    seen: set[str] = set()
    for job in jobs:
        if job.condition not in seen:
            seen.add(job.condition)
            yield replace(job, utterances=job.utterances[:1])


def table(profile: Profile) -> pd.DataFrame:
    """Return one row per stage, attack, input and detector, and a last row for the total.

    cpu_s, wall_s : seconds of processor time, and elapsed seconds
    cpu_ms_each   : milliseconds of processor time per utterance
    per_s         : utterances per elapsed second
    waited        : share of the elapsed time in which the process did not compute
    peak_mib      : increase of the peak memory in MiB; in the last row the peak itself
    """
    rows = []
    for stage in STAGES:
        parts = {item: spent for (of, item), spent in profile.spent.items() if of == stage}
        if not parts:
            continue
        rows.append(_row(stage, "", _sum([*parts.values()])))
        rows += [_row(stage, item, spent) for item, spent in parts.items() if item]
    every = StageTime(profile.cpu, profile.wall, profile.trials, profile.peak)
    return pd.DataFrame([*rows, _row("all", "", every)])


def _sum(parts: list[StageTime]) -> StageTime:
    return StageTime(
        sum(part.cpu for part in parts),
        sum(part.wall for part in parts),
        sum(part.count for part in parts),
        sum(part.raised for part in parts),
    )


def _row(stage: str, item: str, spent: StageTime) -> dict[str, object]:
    return {
        "stage": stage,
        "item": item,
        "utterances": spent.count,
        "cpu_s": spent.cpu,
        "wall_s": spent.wall,
        "cpu_ms_each": 1000 * spent.cpu / max(spent.count, 1),
        "per_s": spent.count / spent.wall if spent.wall > 0.0 else float("nan"),
        "waited": spent.waited,
        "peak_mib": spent.raised / 2**20,
    }
