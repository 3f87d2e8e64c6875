"""Where units run: in this process, in worker processes, or laundered there and scored here.

Every process that launders or scores on a CPU uses one thread, so that results do not depend on
how many there are.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from benchmark.checkpoints import Checkpoint
from benchmark.errors import InputError
from benchmark.processes import one_thread, start_process
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
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(setting, not split_scoring),
    )
    queue = iter(jobs)
    try:
        pending: set[Future[Job | Prepared]] = {
            pool.submit(task, job) for job in islice(queue, 2 * workers)
        }
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                result = future.result()
                pending |= {pool.submit(task, job) for job in islice(queue, 1)}
                if isinstance(result, Prepared):
                    assert scorer is not None
                    finish(result, scorer, store)
                    result = result.job
                yield result
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process died (killed, or out of memory); finished units are kept:"
            " run again, with fewer --workers if memory is short"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


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
