"""A pool of spawned processes that survives the death and the hang of any of them.

Each worker has a pipe and a slot for its whereabouts. A thread hands out jobs, watches the deadline
of each, and replaces a worker that died or is overdue: its job comes back as `Lost`, by name.
"""

from __future__ import annotations

import math
import multiprocessing
import pickle
import queue
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from benchmark.core import foreign, whereabouts
from benchmark.core.errors import InputError
from benchmark.core.whereabouts import NOWHERE, Slot, Whereabouts

J = TypeVar("J")
R = TypeVar("R")

TICK_S = 1.0
LEAST_START_S = 120.0  # that a process is given to start, however short a job's deadline is
GRACE_S = 5.0  # for idle workers to leave by themselves
MOST_STARTS = 3  # replacements in a row that may die before their first job
GUARD = 'a Python script must call this under if __name__ == "__main__":'
_END = b""


@dataclass(frozen=True)
class Lost(Generic[J]):
    """A job that its worker did not finish.

    cause   : how the worker ended, in words
    at      : what it was at when it ended
    overdue : it was killed because the job took longer than its deadline
    """

    job: J
    cause: str
    at: Whereabouts = NOWHERE
    overdue: bool = False

    def __str__(self) -> str:
        return f"{self.cause} at {self.at}" if self.at != NOWHERE else self.cause


@dataclass(frozen=True)
class _Raised:
    error: BaseException


@dataclass(eq=False)
class _Worker(Generic[J]):
    """One process; `job` is what it runs, boxed in a tuple, `since` when that or it began."""

    process: SpawnProcess
    pipe: Connection
    slot: Slot
    place: int
    since: float
    ready: bool = False
    ready_since: float = 0.0
    job: tuple[J] | None = None


class Supervisor(Generic[J, R]):
    """Run `task` on submitted jobs in up to `workers` processes.

    Every process first calls `start(*arguments)`. `timeout` is the deadline of one job in seconds,
    and of the start of a process, if it is not very short; None for none. `own` has one more
    argument for each worker, which the one that replaces it is given too.
    """

    def __init__(
        self,
        task: Callable[[J], R],
        workers: int,
        start: Callable[..., None],
        arguments: tuple[Any, ...],
        timeout: float | None = None,
        own: Sequence[Any] = (),
    ) -> None:
        self.outstanding = 0
        self._busy_s = 0.0  # of all workers, with the transfer of jobs and results
        self._ready_s = 0.0  # of those that are gone, from when each was ready
        self._serve = (task, start, arguments)
        self._own = own
        self._most, self._timeout = workers, timeout
        self._todo: deque[J] = deque()
        self._outbox: queue.SimpleQueue[R | Lost[J] | _Raised] = queue.SimpleQueue()
        self._workers: list[_Worker[J]] = []
        self._closing = False
        self._ever_ready, self._failed_starts = False, 0
        self._bell, self._ringer = multiprocessing.get_context("spawn").Pipe(duplex=False)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Supervisor[J, R]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all workers: idle ones leave, busy ones are killed."""
        self._closing = True
        self._ringer.send_bytes(b"close")
        self._thread.join()
        self._bell.close()
        self._ringer.close()

    def submit(self, job: J) -> None:
        """Queue a job."""
        self.outstanding += 1
        self._todo.append(job)
        self._ringer.send_bytes(b"job")

    def next(self) -> R | Lost[J]:
        """Return the next result, or the next job that was lost; wait for it.

        Raises what the task raised, and `InputError` if workers cannot start.
        """
        found = self._outbox.get()
        self.outstanding -= 1
        if isinstance(found, _Raised):
            raise found.error
        return found

    def idle(self) -> float:
        """Return the share, in [0, 1], of their time in which started workers had no job."""
        now = time.monotonic()
        ready = [now - worker.ready_since for worker in [*self._workers] if worker.ready]
        total = self._ready_s + sum(ready)
        return max(0.0, 1.0 - self._busy_s / total) if total > 0.0 else 0.0

    def _run(self) -> None:
        try:
            while not self._closing:
                self._hand_out()
                self._wait()
                for worker in [*self._workers]:
                    self._look_after(worker)
        except BaseException as error:  # noqa: BLE001 - raised by `next`, in the caller's thread
            self._outbox.put(_Raised(error))
        finally:
            self._end()

    def _hand_out(self) -> None:
        idle = [worker for worker in self._workers if worker.ready and worker.job is None]
        for worker in idle:
            if not self._todo:
                return
            self._give(worker, self._todo.popleft())
        starting = sum(not worker.ready for worker in self._workers)
        room = self._most - len(self._workers)
        for _ in range(min(len(self._todo) - starting, room)):
            self._workers.append(self._started())

    def _give(self, worker: _Worker[J], job: J) -> None:
        worker.job, worker.since = (job,), time.monotonic()
        with suppress(OSError):  # a worker that died while idle: its job is lost like any other
            worker.pipe.send_bytes(pickle.dumps(job, pickle.HIGHEST_PROTOCOL))

    def _started(self) -> _Worker[J]:
        context = multiprocessing.get_context("spawn")
        mine, others = context.Pipe()
        slot = whereabouts.new_slot()
        place = min({*range(self._most)} - {worker.place for worker in self._workers})
        task, start, arguments = self._serve
        arguments = (*arguments, *self._own[place : place + 1])
        process = context.Process(target=_serve, args=(task, start, arguments, others, slot))
        process.start()
        others.close()  # so that the end of the worker is the end of the pipe
        return _Worker(process, mine, slot, place, time.monotonic())

    def _wait(self) -> None:
        """Wait for a ring, a message, the end of a pipe, or the next deadline.

        A worker whose own children keep its pipe open is seen to be dead at the next tick.
        """
        left = [self._left(worker) for worker in self._workers]
        pipes = [worker.pipe for worker in self._workers]
        wait([self._bell, *pipes], max(0.0, min([TICK_S, *left])))
        while self._bell.poll():
            self._bell.recv_bytes()

    def _look_after(self, worker: _Worker[J]) -> None:
        if worker.pipe.poll():
            try:
                message = worker.pipe.recv_bytes()
            except (EOFError, OSError):
                self._bury(worker)
            else:
                self._receive(worker, message)
        elif worker.process.exitcode is not None:
            self._bury(worker)
        elif self._left(worker) <= 0.0:
            spent = time.monotonic() - worker.since
            self._bury(worker, f"hung for {spent:.0f} s")

    def _left(self, worker: _Worker[J]) -> float:
        """Return the seconds until a worker is overdue."""
        if self._timeout is None or not _busy(worker):
            return math.inf
        allowed = self._timeout if worker.ready else max(self._timeout, LEAST_START_S)
        return worker.since + allowed - time.monotonic()

    def _receive(self, worker: _Worker[J], message: bytes) -> None:
        good, content = pickle.loads(message)
        if not worker.ready:
            if not good:
                raise content
            worker.ready = self._ever_ready = True
            worker.ready_since = time.monotonic()
            self._failed_starts = 0
            return
        self._busy_s += time.monotonic() - worker.since
        worker.job = None
        self._outbox.put(content if good else _Raised(content))

    def _bury(self, worker: _Worker[J], cause: str = "") -> None:
        """Take a worker that died, or must, out of the pool; its job is lost."""
        overdue = bool(cause)
        code = _ended(worker.process, 0.0 if overdue else GRACE_S)
        cause = cause or _cause(code)
        self._workers.remove(worker)
        worker.pipe.close()
        now = time.monotonic()
        self._ready_s += now - worker.ready_since if worker.ready else 0.0
        if worker.job is not None:
            self._busy_s += now - worker.since
            (job,) = worker.job
            self._outbox.put(Lost(job, cause, whereabouts.read(worker.slot), overdue))
        elif not worker.ready:
            self._failed_starts += 1
            if not self._ever_ready or self._failed_starts >= MOST_STARTS:
                raise InputError(
                    f"a worker process died as it started ({cause}); finished units are kept: run"
                    f" again, with fewer --workers if memory is short; {GUARD}"
                )

    def _end(self) -> None:
        for worker in self._workers:
            if _busy(worker):
                worker.process.kill()
            else:
                with suppress(OSError):
                    worker.pipe.send_bytes(_END)
        until = time.monotonic() + GRACE_S
        for worker in self._workers:
            _ended(worker.process, until - time.monotonic())
            worker.pipe.close()


def _busy(worker: _Worker[Any]) -> bool:
    return worker.job is not None or not worker.ready


def _ended(process: SpawnProcess, patience_s: float) -> int | None:
    """Return the exit code of a process that should end; kill it after a while, with its group.

    `Process.join` would wait for ever for a process that has closed its sentinel but lives on.
    """
    until = time.monotonic() + patience_s
    while process.exitcode is None and time.monotonic() < until:
        time.sleep(0.005)
    if process.exitcode is None:
        process.kill()
        while process.exitcode is None:
            time.sleep(0.005)
    if process.pid is not None:
        foreign.end_group(process.pid)
    return process.exitcode


def _cause(code: int | None) -> str:
    if code is None or code >= 0:
        return f"left the process with exit code {code}"
    name = signal.Signals(-code).name if -code in {*map(int, signal.Signals)} else "unknown"
    memory = ": out of memory, or by hand" if -code == signal.SIGKILL else ""
    return f"killed by signal {-code} ({name}{memory})"


def _serve(
    task: Callable[[J], R],
    start: Callable[..., None],
    arguments: tuple[Any, ...],
    pipe: Connection,
    slot: Slot,
) -> None:
    """Be a worker: start, then answer every job with (True, result) or (False, error)."""
    foreign.ignore_interrupts()
    foreign.lead_group()
    foreign.print_to_stderr()
    whereabouts.use(slot)
    try:
        start(*arguments)
    except BaseException as error:  # noqa: BLE001 - raised in the parent
        pipe.send_bytes(_portable(error))
        return
    pipe.send_bytes(pickle.dumps((True, None)))
    while True:
        try:
            message = pipe.recv_bytes()
        except EOFError:
            return
        if message == _END:
            return
        try:
            answer = pickle.dumps((True, task(pickle.loads(message))), pickle.HIGHEST_PROTOCOL)
        except BaseException as error:  # noqa: BLE001 - raised in the parent
            answer = _portable(error)
        whereabouts.mark()
        pipe.send_bytes(answer)
        del answer


def _portable(error: BaseException) -> bytes:
    """Return an answer with an error that the parent can read, whatever was raised."""
    if isinstance(error, Exception):
        with suppress(BaseException):
            error.add_note("".join(traceback.format_exception(error)))
            answer = pickle.dumps((False, error))
            str(pickle.loads(answer)[1])  # what cannot be shown must not reach the parent
            return answer
    return pickle.dumps((False, RuntimeError(foreign.described(error))))
