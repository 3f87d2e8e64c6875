"""A desk whose tasks are done in this process, for tests of the pages."""

from __future__ import annotations

import queue

from benchmark.core.supervisor import Lost
from benchmark.runs import detector_choice
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.web.desk import Desk
from benchmark.web.limits import Limits
from benchmark.web.tasks import Crew, Done, Ticket

DETECTORS = ("shortcut", "random")  # trained with a threshold; it learns nothing


def crew(limits: Limits | None = None, names: tuple[str, ...] = DETECTORS) -> Crew:
    """Return loaded detectors."""
    ready = detector_choice.ready(DetectorChoice(names, device="cpu"))
    return Crew(ready, "cpu", limits or Limits())


class HeldPool:
    """A pool whose tickets wait until the test answers them."""

    def __init__(self) -> None:
        self.held: queue.SimpleQueue[Ticket] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[Done | Lost[Ticket] | Exception] = queue.SimpleQueue()

    def submit(self, job: Ticket) -> None:
        self.held.put(job)

    def next(self) -> Done | Lost[Ticket]:
        found = self.done.get()
        if isinstance(found, Exception):
            raise found
        return found


class OwnPool(HeldPool):
    """A pool that does each ticket at once, in the process of the test."""

    def __init__(self, workers: Crew) -> None:
        super().__init__()
        self.workers = workers

    def submit(self, job: Ticket) -> None:
        self.done.put(Done(job.number, self.workers.answer(job.task)))


def desk(limits: Limits | None = None) -> Desk:
    """Return a desk that serves at once."""
    return Desk(OwnPool(crew(limits)), 1)
