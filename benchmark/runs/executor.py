"""Execution of work units: the interface of executors, and the one with processes of this machine.

Units run in this process or in worker processes. With a device, workers launder, and this process
scores; with several devices, one process for each of them does. A unit that a worker does not
survive is recovered (see `recovery`). Every process that launders or scores on a CPU uses one
thread, so that results do not depend on their number. `ray_executor` runs the same units on a
cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.parallel import KEPT, one_thread
from benchmark.core.supervisor import Lost, Supervisor
from benchmark.runs import recovery, unit_worker, utilisation
from benchmark.runs.recovery import Probe, Task
from benchmark.runs.unit_worker import Role, Worker, WorkerSetup
from benchmark.runs.work_unit import LaunderedUnit, WorkUnit, score, write
from benchmark.scores.manifest import PartInfo

ENOUGH = 4  # units per worker from which on idle time says something
AHEAD = 2  # laundered units that may wait for a device, with the one it scores


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
    split_scoring : workers launder, and this process scores on its device
    devices       : if there are several, a process scores on each of them, and workers launder
    """

    workers: int
    split_scoring: bool = False
    devices: tuple[str, ...] = ()

    def parts(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        """Run the jobs, as every executor does."""
        if len(self.devices) > 1:
            return self._scored_apart(jobs, setup)
        if self.workers == 0:
            worker = Worker(setup)
            return map(worker.whole, jobs)
        return self._scored_here(jobs, setup) if self.split_scoring else self._whole(jobs, setup)

    def _whole(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        pool = Supervisor(
            unit_worker.whole, self.workers, unit_worker.start, (setup, Role.WHOLE), setup.timeout
        )  # fmt: skip
        clock = utilisation.Clock()
        with pool:
            yield from clock.waits(recovery.results(pool, jobs, 2 * self.workers))
            if clock.items >= ENOUGH * self.workers:
                logger.info(utilisation.whole(self.workers, pool.idle()))

    def _scored_here(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        worker = Worker(setup, Role.SCORES)
        writing: Future[PartInfo] | None = None
        clock = utilisation.Clock()
        with (
            ThreadPoolExecutor(1) as writer,  # writes one unit while the next is scored
            self._launderers(setup) as launderers,
        ):
            for prepared in clock.waits(recovery.results(launderers, jobs, 2 * self.workers)):
                score(prepared, worker.scorer)
                if writing is not None:
                    yield writing.result()
                writing = writer.submit(write, prepared, worker.store)
            if writing is not None:
                yield writing.result()
            if clock.items >= ENOUGH * self.workers:
                found = launderers.idle(), clock.idle()
                logger.info(utilisation.split(self.workers, found[0], setup.device, found[1]))

    def _scored_apart(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        workers, devices = max(self.workers, 1), self.devices
        scorers: Supervisor[LaunderedUnit, PartInfo] = Supervisor(
            unit_worker.scored, len(devices), unit_worker.start, (setup, Role.SCORES),
            setup.timeout, devices,
        )  # fmt: skip
        clock = utilisation.Clock()
        with scorers, self._launderers(setup) as launderers:
            for prepared in clock.waits(recovery.results(launderers, jobs, 2 * workers)):
                while scorers.outstanding >= AHEAD * len(devices):
                    yield _part(scorers)
                scorers.submit(prepared)
            while scorers.outstanding:
                yield _part(scorers)
            if clock.items >= ENOUGH * max(workers, len(devices)):
                found = launderers.idle(), scorers.idle()
                logger.info(utilisation.split(workers, found[0], ", ".join(devices), found[1]))

    def _launderers(self, setup: WorkerSetup) -> Supervisor[Task, LaunderedUnit | Probe]:
        return Supervisor(
            unit_worker.laundered, max(self.workers, 1), unit_worker.start,
            (setup, Role.LAUNDERS), setup.timeout,
        )  # fmt: skip


def _part(scorers: Supervisor[LaunderedUnit, PartInfo]) -> PartInfo:
    """Return the next part of the processes that score; `InputError` if one of them died."""
    found = scorers.next()
    if isinstance(found, Lost):
        raise InputError(f"a process that scores on a device {found}; {KEPT}")
    return found
