"""The fence: whatever foreign code raises becomes one error with safe words."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from benchmark.core import foreign
from benchmark.core.errors import InputError
from benchmark.core.foreign import ForeignError, fence
from tests.support.dying import ShyError


class LyingError(Exception):
    """Says that it is an interrupt, which must pass."""

    @property
    def __class__(self) -> type:  # type: ignore[override]
        return KeyboardInterrupt


@contextmanager
def in_a_worker() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    foreign.ignore_interrupts()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such room"), "ValueError('no such room')"),
        (SystemExit(0), "SystemExit(0)"),
        (GeneratorExit(), "GeneratorExit()"),
        (StopIteration(), "StopIteration()"),
        (ShyError(), "ShyError (its text cannot be shown)"),
        (LyingError(), "LyingError()"),
        (ValueError("x" * 10**6), f"ValueError('{'x' * 1985}..."),
    ],
)
def test_a_fence_turns_all_into_one_error(error: BaseException, words: str) -> None:
    with pytest.raises(ForeignError) as caught, fence():
        raise error
    assert str(caught.value) == words
    assert caught.value.__cause__ is error


def test_interrupts_and_what_was_named_pass() -> None:
    for error in (KeyboardInterrupt(), foreign.Terminated(), InputError("no noise bank")):
        with pytest.raises(type(error)), fence(InputError):
            raise error


def test_in_a_worker_no_interrupt_is_real() -> None:
    with in_a_worker(), pytest.raises(ForeignError, match=r"KeyboardInterrupt\(\)"), fence():
        raise KeyboardInterrupt


def test_nothing_ends_a_command_as_a_success() -> None:
    for error in (SystemExit(0), SystemExit(), GeneratorExit()):
        with pytest.raises(InputError, match="unfinished"), foreign.no_exit():
            raise error


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ([1], "no dict but list"),
        ({"attack": "another"}, "reserved name 'attack'"),
        ({"gain": np.float32(1)}, "fact 'gain' is no plain JSON value"),
        ({"good": 1, "places": {1, 2}}, "fact 'places'"),
        ({3: 1, "x": 2}, "name of its fact 3"),
        ({"text": "x" * 20_000_000}, "above 16000000"),
    ],
)
def test_facts_that_are_no_plain_json_are_refused_by_name(facts: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        foreign.require_facts(facts)


def test_a_fact_that_holds_itself_is_refused() -> None:
    itself: list[object] = []
    itself.append(itself)
    with pytest.raises(ValueError, match="'loop'"):
        foreign.require_facts({"loop": itself})


def test_plain_facts_are_kept() -> None:
    foreign.require_facts({"gain": 1.5, "steps": [{"a": None, "b": (1, True)}], "snr": np.inf})


def test_prints_in_a_block_go_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(1, b"before\n")
    with foreign.stdout_kept_clean():
        os.write(1, b"plugin\n")
    os.write(1, b"after\n")
    told = capfd.readouterr()
    assert told.out == "before\nafter\n" and told.err == "plugin\n"


def test_a_block_without_a_standard_output_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.__stdout__", None)
    monkeypatch.setattr("sys.stdout", object())  # what wraps it has nothing to flush
    with foreign.stdout_kept_clean():
        assert True
