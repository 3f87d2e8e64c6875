"""Execution of work units: the interface of executors, and the one with processes of this machine.

Units run in this process, in worker processes, or are laundered in workers and scored in this
process. A unit that a worker does not survive is recovered (see `recovery`). Every process that
launders or scores on a CPU uses one thread, so that results do not depend on their number.
`ray_executor` runs the same units on a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import torch

from benchmark.core.parallel import one_thread
from benchmark.core.supervisor import Supervisor
from benchmark.inference.scorer import Scorer
from benchmark.runs import recovery, unit_worker
from benchmark.runs.unit_worker import Worker, WorkerSetup
from benchmark.runs.work_unit import WorkUnit, score, write
from benchmark.scores.manifest import PartInfo


class Executor(Protocol):
    """A way to compute work units."""

    def parts(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        """Run the jobs and yield each part when it is written, in order of completion.

        Raises `InputError` if a part cannot be written or workers die again and again.
        """


def execute(jobs: Iterable[WorkUnit], setup: WorkerSetup, executor: Executor) -> Iterator[PartInfo]:
    """Run the jobs and yield each part when it is written and listed, in order of completion.

    Raises what the executor raises; all finished parts stay.
    """
    with one_thread(), setup.store().log() as log:
        for part in executor.parts(jobs, setup):
            log.add([part])
            yield part


@dataclass(frozen=True)
class Processes:
    """The processes of this machine.

    workers       : worker processes; 0 runs everything in this process
    split_scoring : workers only launder and this process scores, which suits one accelerator
    """

    workers: int
    split_scoring: bool = False

    def parts(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        """Run the jobs, as every executor does."""
        if self.workers == 0:
            worker = Worker(setup)
            return map(worker.whole, jobs)
        return self._scored_here(jobs, setup) if self.split_scoring else self._whole(jobs, setup)

    def _whole(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        task, start = unit_worker.whole, unit_worker.start
        with Supervisor(task, self.workers, start, (setup, True), setup.timeout) as pool:
            yield from recovery.results(pool, jobs, 2 * self.workers)

    def _scored_here(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        scorer, store = Scorer(setup.detectors, torch.device(setup.device)), setup.store()
        task, start = unit_worker.prepared, unit_worker.start
        writing: Future[PartInfo] | None = None
        with (
            ThreadPoolExecutor(1) as writer,  # writes one unit while the next is scored
            Supervisor(task, self.workers, start, (setup, False), setup.timeout) as launderers,
        ):
            for prepared in recovery.results(launderers, jobs, 2 * self.workers):
                broken = score(prepared, scorer)
                if writing is not None:
                    yield writing.result()
                writing = writer.submit(write, prepared, broken, store)
            if writing is not None:
                yield writing.result()
