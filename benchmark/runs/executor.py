"""Where units run: in this process, in worker processes, or laundered there and scored here.

Every process that launders or scores on a CPU uses one thread, so that results do not depend on
how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmark.core.parallel import one_thread, pooled
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import Scorer
from benchmark.runs.audio_cache import AudioCache
from benchmark.runs.work_unit import LaunderedUnit, WorkUnit, prepare, score, write
from benchmark.scores.store import Store
from benchmark.workers.start import start_process


@dataclass(frozen=True)
class WorkerSetup:
    """The set-up that all processes of one run share."""

    folder: Path
    detectors: tuple[Checkpoint, ...]
    device: str
    plugins: tuple[Path, ...] = ()
    origin: dict[str, Any] = field(default_factory=dict)
    cache: AudioCache | None = None

    def store(self) -> Store:
        """The run's score store."""
        return Store(self.folder, self.origin)


def execute(
    jobs: Iterable[WorkUnit], setting: WorkerSetup, workers: int, split_scoring: bool
) -> Iterator[WorkUnit]:
    """Run the jobs and yield each when its part is written, in whatever order they finish.

    workers = 0 runs in this process. With `split_scoring` the workers only launder and this
    process scores: the way for one accelerator. Raises `InputError` when a part cannot be
    written or a worker dies; all finished parts stay.
    """
    with one_thread():
        if workers == 0:
            yield from _serial(jobs, setting)
        else:
            yield from _pooled(jobs, setting, workers, split_scoring)


def _serial(jobs: Iterable[WorkUnit], setting: WorkerSetup) -> Iterator[WorkUnit]:
    worker = _Worker(setting)
    for job in jobs:
        yield worker.whole(job)


def _pooled(
    jobs: Iterable[WorkUnit], setting: WorkerSetup, workers: int, split_scoring: bool
) -> Iterator[WorkUnit]:
    start = _start_worker, (setting, not split_scoring)
    if not split_scoring:
        yield from pooled(_whole, jobs, workers, *start)
        return
    scorer, store = Scorer(setting.detectors, torch.device(setting.device)), setting.store()
    writing: Future[WorkUnit] | None = None
    with ThreadPoolExecutor(1) as writer:  # writes one unit while the next is scored
        for prepared in pooled(_prepared, jobs, workers, *start):
            broken = score(prepared, scorer)
            if writing is not None:
                yield writing.result()
            writing = writer.submit(write, prepared, broken, store)
        if writing is not None:
            yield writing.result()


class _Worker:
    """The state of one process during the whole run."""

    def __init__(self, setting: WorkerSetup, scores: bool = True) -> None:
        self.cache = setting.cache
        self.store = setting.store()
        detectors = setting.detectors if scores else ()
        self.scorer = Scorer(detectors, torch.device(setting.device if scores else "cpu"))

    def whole(self, job: WorkUnit) -> WorkUnit:
        prepared = prepare(job, self.cache)
        return write(prepared, score(prepared, self.scorer), self.store)


_worker: _Worker | None = None


def _start_worker(setting: WorkerSetup, scores: bool) -> None:
    global _worker
    start_process(setting.plugins)
    _worker = _Worker(setting, scores)


def _whole(job: WorkUnit) -> WorkUnit:
    assert _worker is not None
    return _worker.whole(job)


def _prepared(job: WorkUnit) -> LaunderedUnit:
    assert _worker is not None
    return prepare(job, _worker.cache)
