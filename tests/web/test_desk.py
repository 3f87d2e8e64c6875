"""The desk: one job for each visitor, few for all, and a worker's end costs one task alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice

import pytest

from benchmark.core.errors import InputError
from benchmark.core.supervisor import Lost
from benchmark.web import desk as desks
from benchmark.web.clip import Heard
from benchmark.web.desk import Busy, Desk
from benchmark.web.tasks import Answer, Done, Failed, Reading, Ticket
from tests.support.web_desk import HeldPool

TASKS = [Reading(b"one"), Reading(b"two")]
RESULT = Heard("clean", None, ())
WAIT_S = 20.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "TICK_S", 0.01)


def next_answer(answers: Iterator[Answer | None]) -> Answer:
    return next(answer for answer in answers if answer is not None)


def begun(desk: Desk, pool: HeldPool, visitor: str) -> tuple[Iterator[Answer | None], Ticket]:
    """Begin a visitor's job; return it with its first ticket, which a worker has in hand."""
    answers = desk.work(visitor, TASKS)
    assert next(answers) is None
    return answers, pool.held.get(timeout=WAIT_S)


def test_answers_come_in_order_and_one_task_is_in_hand() -> None:
    pool = HeldPool()
    answers, first = begun(Desk(pool, 1), pool, "ann")
    assert first.task == TASKS[0] and pool.held.empty()
    pool.done.put(Done(first.number, RESULT))
    assert next_answer(answers) == RESULT
    assert next(answers) is None
    second = pool.held.get(timeout=WAIT_S)
    assert second.task == TASKS[1]
    pool.done.put(Done(second.number, Failed("no")))
    assert next_answer(answers) == Failed("no")
    assert list(answers) == []


def test_a_visitor_has_one_job_and_all_have_few() -> None:
    pool = HeldPool()
    desk = Desk(pool, 2, patience=0.05)
    ann, ticket = begun(desk, pool, "ann")
    with pytest.raises(Busy, match="2 clips are being worked on"):
        list(desk.work("ann", TASKS))  # from a second tab of the same session
    bob, _ = begun(desk, pool, "bob")
    with pytest.raises(Busy):
        list(desk.work("eve", TASKS))
    ann.close()
    with pytest.raises(Busy):  # the task in hand still occupies a worker
        list(desk.work("eve", TASKS))
    pool.done.put(Done(ticket.number, RESULT))
    eve = Desk.work(desk, "eve", TASKS)
    desk.patience = WAIT_S
    assert next_answer_of_pool(eve, pool) == RESULT
    assert next(bob) is None


def next_answer_of_pool(answers: Iterator[Answer | None], pool: HeldPool) -> Answer:
    """Answer the next ticket of these answers, and return what they yield."""
    threading.Timer(0.0, lambda: answer_one(pool)).start()
    return next_answer(answers)


def answer_one(pool: HeldPool) -> None:
    pool.done.put(Done(pool.held.get(timeout=WAIT_S).number, RESULT))


def test_whoever_leaves_gives_the_place_back_and_nothing_more_is_done() -> None:
    pool = HeldPool()
    desk = Desk(pool, 1)
    answers, ticket = begun(desk, pool, "ann")
    answers.close()
    pool.done.put(Done(ticket.number, RESULT))
    again, other = begun_after_waiting(desk, pool, "ann")
    assert other.task == TASKS[0] and other.number > ticket.number  # the second was never given
    pool.done.put(Done(other.number, Failed("new")))
    assert next_answer(again) == Failed("new")  # not the late answer of the job before


def begun_after_waiting(
    desk: Desk, pool: HeldPool, visitor: str
) -> tuple[Iterator[Answer | None], Ticket]:
    answers = desk.work(visitor, TASKS)
    for _ in islice(answers, 1000):
        if not pool.held.empty():
            return answers, pool.held.get()
    raise AssertionError("no place became free")


def test_a_lost_task_is_told_and_the_next_goes_on() -> None:
    pool = HeldPool()
    answers, first = begun(Desk(pool, 1), pool, "ann")
    pool.done.put(Lost(first, "killed by signal 11 (SIGSEGV)"))
    assert next_answer(answers) == Failed("its worker was lost: killed by signal 11 (SIGSEGV)")
    assert next(answers) is None
    second = pool.held.get(timeout=WAIT_S)
    pool.done.put(Lost(second, "hung for 120 s", overdue=True))
    assert next_answer(answers) == Failed("it took too long")


def test_workers_that_fail_for_good_are_said_to_everyone() -> None:
    pool = HeldPool()
    desk = Desk(pool, 2)
    answers, _ = begun(desk, pool, "ann")
    pool.done.put(InputError("a worker process died as it started"))
    with pytest.raises(InputError, match="nothing can be done here any more: a worker process"):
        list(answers)
    with pytest.raises(InputError, match="any more"):
        list(desk.work("bob", TASKS))


def test_a_server_that_ends_sends_its_visitors_away() -> None:
    pool = HeldPool()
    desk = Desk(pool, 1)
    answers, _ = begun(desk, pool, "ann")
    desk.close()
    with pytest.raises(InputError, match="the server is ending"):
        list(answers)
