"""Where units run: in this process, in worker processes, or laundered there and scored here.

Every process that launders or scores on a CPU uses one thread, so that results do not depend on
how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmark.checkpoints import Checkpoint
from benchmark.processes import one_thread, pooled, start_process
from benchmark.scoring import Scorer
from benchmark.store import Store
from benchmark.work import Job, Prepared, finish, prepare


@dataclass(frozen=True)
class Setting:
    """What every process of one run shares."""

    folder: Path
    detectors: tuple[Checkpoint, ...]
    device: str
    plugins: tuple[Path, ...] = ()
    origin: dict[str, Any] = field(default_factory=dict)

    def store(self) -> Store:
        """The run's score store."""
        return Store(self.folder, self.origin)


def execute(
    jobs: Iterable[Job], setting: Setting, workers: int, split_scoring: bool
) -> Iterator[Job]:
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


def _serial(jobs: Iterable[Job], setting: Setting) -> Iterator[Job]:
    scorer = Scorer(setting.detectors, torch.device(setting.device))
    store = setting.store()
    for job in jobs:
        finish(prepare(job), scorer, store)
        yield job


def _pooled(
    jobs: Iterable[Job], setting: Setting, workers: int, split_scoring: bool
) -> Iterator[Job]:
    scorer = Scorer(setting.detectors, torch.device(setting.device)) if split_scoring else None
    store = setting.store()
    task: Callable[[Job], Job | Prepared] = prepare if split_scoring else _whole
    for result in pooled(task, jobs, workers, _start_worker, (setting, not split_scoring)):
        if isinstance(result, Prepared):
            assert scorer is not None
            finish(result, scorer, store)
            result = result.job
        yield result


_worker: tuple[Scorer, Store] | None = None


def _start_worker(setting: Setting, scores: bool) -> None:
    global _worker
    start_process(setting.plugins)
    if scores:
        scorer = Scorer(setting.detectors, torch.device(setting.device))
        _worker = scorer, setting.store()


def _whole(job: Job) -> Job:
    assert _worker is not None
    finish(prepare(job), *_worker)
    return job
