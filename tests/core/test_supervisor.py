"""The supervisor: deaths and hangs come back by name, and all other jobs are done."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.errors import InputError
from benchmark.core.parallel import pooled
from benchmark.core.supervisor import Lost, Supervisor
from tests.support import dying, killing

PATIENCE_S = 30.0  # a test that waits longer than this for a worker has failed


def outcomes(jobs: Iterable[dying.Job], workers: int = 1, timeout: float = PATIENCE_S) -> list[Any]:
    """Return all results and losses in the order in which they came."""
    with Supervisor[dying.Job, Any](dying.work, workers, dying.start, (), timeout) as pool:
        for job in jobs:
            pool.submit(job)
        found = []
        while pool.outstanding:
            found.append(pool.next())
        return found


def test_every_job_is_done_once() -> None:
    jobs = [("return", number) for number in range(20)]
    assert outcomes(jobs, workers=1) == [*range(20)]
    assert sorted(outcomes(jobs, workers=3)) == [*range(20)]


@pytest.mark.parametrize(
    ("job", "cause"),
    [
        (("segfault", "u3"), "killed by signal 11 (SIGSEGV)"),
        (("exit", 0), "left the process with exit code 0"),
        (("exit", 7), "left the process with exit code 7"),
        (("kill", 9), "killed by signal 9 (SIGKILL: out of memory, or by hand)"),
        (("group", 9), "killed by signal 9 (SIGKILL: out of memory, or by hand)"),
        (("close", "u3"), "killed by signal 9 (SIGKILL: out of memory, or by hand)"),
    ],
)
def test_a_death_costs_its_own_job_and_says_how_and_where(job: dying.Job, cause: str) -> None:
    lost, *rest = outcomes([job, ("return", 1), ("return", 2)])
    assert isinstance(lost, Lost) and (lost.job, lost.cause) == (job, cause)
    assert str(lost) == f"{cause} at attack {job[1]}"
    assert rest == [1, 2]


def test_what_a_dead_worker_leaves_behind_is_ended(tmp_path: Path) -> None:
    left = tmp_path / "left"
    lost, rest = outcomes([("orphan", str(left)), ("return", 1)])
    assert isinstance(lost, Lost) and rest == 1
    assert killing.ends(int(left.read_text()))


def test_a_hang_ends_at_the_deadline() -> None:
    begun = time.monotonic()
    lost, rest = outcomes([("hang", "u7"), ("return", 1)], timeout=3.0)
    assert isinstance(lost, Lost) and str(lost) == "hung for 3 s at attack u7" and rest == 1
    assert time.monotonic() - begun < PATIENCE_S


def test_the_deadline_is_of_each_job_and_not_of_all() -> None:
    jobs = [("sleep", 0.7)] * 5
    assert outcomes(jobs, timeout=3.0) == [0.7] * 5


def test_a_deadline_holds_while_nobody_asks_for_results() -> None:
    jobs = [("hang", "u7"), ("return", 1)]
    with Supervisor[dying.Job, Any](dying.work, 1, dying.start, (), 2.0) as pool:
        for job in jobs:
            pool.submit(job)
        time.sleep(6.0)
        begun = time.monotonic()
        assert isinstance(pool.next(), Lost) and pool.next() == 1
        assert time.monotonic() - begun < 1.0


@pytest.mark.parametrize(
    ("job", "error", "text"),
    [
        (("raise", "no such room"), ValueError, "no such room"),
        (("shy", 0), RuntimeError, "ShyError"),
        (("leave", 0), RuntimeError, r"SystemExit\(0\)"),
    ],
)
def test_what_a_job_raises_is_raised_here(
    job: dying.Job, error: type[Exception], text: str
) -> None:
    with Supervisor[dying.Job, Any](dying.work, 1, dying.start, ()) as pool:
        pool.submit(job)
        pool.submit(("return", 1))
        with pytest.raises(error, match=text):
            pool.next()
        assert pool.next() == 1  # by the same worker


def test_a_start_that_fails_is_told_at_once() -> None:
    for start, error, text in (
        (dying.start_with_an_error, ValueError, "no such folder"),
        (dying.start_badly, InputError, r"died as it started \(left the process with exit code 0"),
    ):
        with Supervisor[dying.Job, Any](dying.work, 2, start, ()) as pool:
            pool.submit(("return", 1))
            with pytest.raises(error, match=text):
                pool.next()


def test_prints_of_a_worker_do_not_reach_standard_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert outcomes([("print", "flood")]) == ["flood"]
    told = capfd.readouterr()
    assert told.out == "" and told.err.count("flood") == 2


def test_an_interrupt_is_left_to_the_parent() -> None:
    assert outcomes([("interrupt", 1), ("return", 2)]) == [1, 2]


def test_busy_workers_are_killed_when_the_caller_leaves() -> None:
    with Supervisor[dying.Job, Any](dying.work, 2, dying.start, ()) as pool:
        for job in (("return", 1), ("hang", ""), ("hang", "")):
            pool.submit(job)
        assert pool.next() == 1
        processes = [worker.process for worker in pool._workers]
        begun = time.monotonic()
    assert time.monotonic() - begun < 5.0
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid or 0, 0)


def test_a_pool_without_recovery_names_the_death() -> None:
    jobs = [("return", 1), ("kill", int(signal.SIGSEGV))]
    found = pooled(dying.work, jobs, 1, dying.start, ())
    assert next(found) == 1
    with pytest.raises(InputError, match=r"a worker process died \(killed by signal 11 .* at att"):
        next(found)
