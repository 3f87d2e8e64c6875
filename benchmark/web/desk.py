"""Who is served when: one job at a time for each visitor, and a few at once for all.

The work is done by processes that are killed and replaced if a clip crashes or hangs them. A job is
a sequence of small tasks, so that a visitor sees each result and a job that nobody waits for ends.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmark.core.errors import InputError, one_line
from benchmark.core.log import logger
from benchmark.core.supervisor import Lost
from benchmark.web.tasks import Answer, Done, Failed, Task, Ticket

TICK_S = 0.25  # between two looks whether the visitor still waits
PATIENCE_S = 60.0  # for a place


class Busy(InputError):
    """Error for a visitor who found no place in time."""


class Pool(Protocol):
    """What works on tickets: `benchmark.core.supervisor.Supervisor`."""

    def submit(self, job: Ticket) -> None:
        """Queue a ticket."""

    def next(self) -> Done | Lost[Ticket]:
        """Return the next answer, or the next ticket that was lost; wait for it."""


@dataclass
class _Visit:
    """A visitor with a place; `leaving` once nobody waits for the task in hand any more."""

    box: queue.SimpleQueue[Answer]
    in_hand: bool = False
    leaving: bool = False


class Desk:
    """Hands the tasks of visitors to a pool of workers, and the answers back.

    places   : visitors who are served at the same time
    patience : seconds that a visitor waits for a place
    """

    def __init__(self, pool: Pool, places: int, patience: float = PATIENCE_S) -> None:
        self.places = places
        self.patience = patience
        self._pool = pool
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._visits: dict[str, _Visit] = {}
        self._owners: dict[int, str] = {}
        self._broken: str | None = None
        threading.Thread(target=self._deliver, daemon=True).start()

    def work(self, visitor: str, tasks: Sequence[Task]) -> Generator[Answer | None, None, None]:
        """Yield the answer to each task in order, and None again and again while there is none.

        Whoever stops iterating gives the place back as soon as the task in hand has ended. Raises
        `Busy` if no place became free, and `InputError` if the workers have failed for good.
        """
        until = time.monotonic() + self.patience
        while (visit := self._entered(visitor)) is None:
            if time.monotonic() > until:
                raise Busy(
                    f"{self.places} clips are being worked on, which is the limit of this server:"
                    " try again in a minute"
                )
            yield None
            time.sleep(TICK_S)
        try:
            for task in tasks:
                self._hand_in(visitor, visit, task)
                answer = None
                while answer is None:
                    try:
                        answer = visit.box.get(timeout=TICK_S)
                    except queue.Empty:
                        self._require_workers()
                        yield None
                yield answer
        finally:
            self._leave(visitor, visit)

    def close(self) -> None:
        """Send every visitor away: threads that still waited would keep the process alive."""
        self._broken = "the server is ending"

    def _entered(self, visitor: str) -> _Visit | None:
        """Return the place of a visitor; None while there is none or the last job still ends."""
        self._require_workers()
        with self._lock:
            if visitor in self._visits or len(self._visits) >= self.places:
                return None
            visit = self._visits[visitor] = _Visit(queue.SimpleQueue())
            return visit

    def _hand_in(self, visitor: str, visit: _Visit, task: Task) -> None:
        with self._lock:
            ticket = Ticket(next(self._numbers), task)
            self._owners[ticket.number] = visitor
            visit.in_hand = True
            self._pool.submit(ticket)

    def _leave(self, visitor: str, visit: _Visit) -> None:
        with self._lock:
            visit.leaving = True
            if not visit.in_hand:
                del self._visits[visitor]

    def _deliver(self) -> None:
        """Bring every answer to its visitor, until the workers fail for good."""
        while True:
            try:
                done = self._pool.next()
            except Exception as error:  # noqa: BLE001 - said to every visitor, and logged
                self._broken = one_line(error) or type(error).__name__
                logger.error(f"the workers have failed: {self._broken}")
                return
            if isinstance(done, Lost):
                self._give(done.job.number, _lost(done))
            else:
                self._give(done.number, done.answer)

    def _give(self, number: int, answer: Answer) -> None:
        with self._lock:
            visitor = self._owners.pop(number)
            visit = self._visits[visitor]
            visit.in_hand = False
            visit.box.put(answer)
            if visit.leaving:
                del self._visits[visitor]

    def _require_workers(self) -> None:
        if self._broken is not None:
            raise InputError(f"nothing can be done here any more: {self._broken}")


def _lost(lost: Lost[Ticket]) -> Failed:
    """Return what a visitor is told of a task that its worker did not survive."""
    logger.warning(f"a task was lost: {lost}")
    return Failed("it took too long" if lost.overdue else f"its worker was lost: {lost.cause}")
