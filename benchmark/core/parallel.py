"""Pools of spawned processes with one compute thread each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import torch

from benchmark.core.errors import InputError
from benchmark.core.supervisor import Lost, Supervisor

J = TypeVar("J")
R = TypeVar("R")

KEPT = "finished units are kept: run again, with fewer --workers if memory is short"
FEW = 16  # up to this many files, starting worker processes takes longer than the work

# One thread in every numerical library. glibc keeps freed memory: returning it to the kernel after
# every batch took a third of the training time.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
}


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one compute thread here and in processes spawned in this block; then restore."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    threads = torch.get_num_threads()
    os.environ.update(_ENVIRONMENT)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def cores() -> int:
    """Return the number of CPUs that this process may use, or of all CPUs if that is unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processes(workers: int | None, files: int) -> int:
    """Return the number of worker processes for so many files.

    `workers` None means one per core, but none for up to `FEW` files.
    """
    if workers is None:
        return 0 if files <= FEW else cores()
    return workers


def spread(
    task: Callable[[J], R],
    jobs: Iterable[J],
    workers: int,
    start: Callable[..., None],
    arguments: tuple[Any, ...],
) -> Iterator[R]:
    """Run `task` on every job, as `pooled` does; without `workers` in this process, in order."""
    return pooled(task, jobs, workers, start, arguments) if workers else map(task, jobs)


def pooled(
    task: Callable[[J], R],
    jobs: Iterable[J],
    workers: int,
    start: Callable[..., None],
    arguments: tuple[Any, ...],
) -> Iterator[R]:
    """Run `task` on every job in spawned processes; yield results in order of completion.

    Every process first calls `start(*arguments)`. At most two jobs per process are taken from the
    iterable in advance. Raises `InputError` that says how and where, if a process dies.
    """
    queue = iter(jobs)
    with Supervisor[J, R](task, workers, start, arguments) as pool:
        for job in islice(queue, 2 * workers):
            pool.submit(job)
        while pool.outstanding:
            result = pool.next()
            if isinstance(result, Lost):
                raise InputError(f"a worker process died ({result}); {KEPT}")
            for job in islice(queue, 1):
                pool.submit(job)
            yield result
