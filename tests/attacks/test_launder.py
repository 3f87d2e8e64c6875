"""Laundering one utterance: refusals, records, and the sources of randomness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings

from attacks.contract.base import Attack, Check
from attacks.contract.condition import Condition, parse
from attacks.contract.launder import AttackError, generator, lag, launder, mismatch, residual
from attacks.noise.additive_noise import AdditiveNoise
from benchmark.core.errors import InputError
from tests.support.attack_support import attacks, available, clip, run

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")


@dataclass(frozen=True)
class Returns(Attack):
    """Returns the value that it holds, or the result of calling it on the wave."""

    family = "test"
    name = "returns"
    value: Any = None

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return self.value(wave) if callable(self.value) else self.value


def given_back(value: Any) -> Any:
    return launder(Condition((Returns(value),)), clip(0.2), 16000, "u", 0)


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (np.zeros(100, dtype=np.int16), "needs a mono float32 wave, not int16 of shape"),
        (np.zeros((100, 2), dtype=np.float32), r"not float32 of shape \(100, 2\)"),
        (np.zeros(100), "not float64"),
        ([0.0, 0.1], "not list"),
        (np.zeros(0, dtype=np.float32), "the wave is empty"),
        (np.array([0.0, np.nan], dtype=np.float32), "NaN or infinite"),
    ],
)
@pytest.mark.parametrize("text", ["clean", "mp3"])
def test_a_bad_input_is_refused_by_name(text: str, wave: Any, message: str) -> None:
    with pytest.raises(AttackError, match=message) as caught:
        launder(parse(text), wave, 16000, "u", 0)
    assert str(caught.value).startswith(str(parse(text)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(10), "returned float64 of shape"),
        (np.zeros((5, 2), dtype=np.float32), "returned float32 of shape"),
        (np.zeros(0, dtype=np.float32), "returned an empty wave"),
        (np.full(10, np.inf, dtype=np.float32), "returned NaN or infinite samples"),
        (None, "returned NoneType"),
        (lambda wave: 1 / 0, "failed: ZeroDivisionError"),
        (lambda wave: wave.fill(0), "failed: ValueError"),  # the input is read-only
    ],
)
def test_a_bad_output_is_refused_by_name(value: Any, message: str) -> None:
    with pytest.raises(AttackError, match=f"(?s)returns.*{message}"):
        given_back(value)


def test_the_callers_wave_stays_as_it_is_and_writeable() -> None:
    wave = clip(0.5).copy()
    for text in ("clean", *available()):
        run(text, wave)
    assert np.array_equal(wave, clip(0.5)) and wave.flags.writeable


def test_clean_changes_nothing_and_claims_nothing() -> None:
    done = run("clean")
    assert np.array_equal(done.wave, clip()) and done.steps == () and done.passed is None


def test_a_no_op_fails_and_a_mere_gain_is_one() -> None:
    for factor in (1.0, 0.3):
        done = given_back(lambda wave, factor=factor: wave * np.float32(factor))
        assert done.passed is False
    changed = given_back(lambda wave: np.square(wave))
    assert changed.passed is None  # it changes something, and claims nothing


def test_residual_by_hand() -> None:
    wave = np.sin(np.arange(1600.0) * 2 * np.pi / 16).astype(np.float32)
    other = np.cos(np.arange(1600.0) * 2 * np.pi / 16).astype(np.float32)
    assert residual(wave, 0.5 * wave + 0.005 * other) == pytest.approx(-40, abs=0.01)
    assert residual(wave, other * 0) == 0.0
    assert residual(wave * 0, other) is None


def test_lag_by_hand() -> None:
    wave = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    for shift in (-300, -1, 0, 7, 2000):
        assert lag(wave, np.roll(wave, shift)) == shift
    assert lag(wave, -np.roll(wave, 5)) == 5


def test_verdicts() -> None:
    assert Check.near("a", "", 1, 1.1, 0.2).passed is True
    assert Check.near("a", "", 1, 1.3, 0.2).passed is False
    assert Check.near("a", "", 1, None, 0.2).passed is None
    assert Check.at_least("a", "", 1, 1).passed is True
    assert Check.at_most("a", "", 1, 1.01).passed is False
    assert Check.at_most("a", "", 1, None).passed is None
    assert run("lowpass", np.zeros(4000, dtype=np.float32)).passed is None


def test_the_inputs_of_the_random_stream() -> None:
    def draw(attack: Attack, position: int = 0, utterance: str = "u", seed: int = 0) -> float:
        return float(generator(attack, position, utterance, seed).random())

    white = AdditiveNoise("white", 10.0)
    assert draw(white) == draw(AdditiveNoise("white", 0.0))
    others = {
        draw(AdditiveNoise("cafe", 10.0)),
        draw(white, 1),
        draw(white, 0, "v"),
        draw(white, 0, "u", 1),
    }
    assert len(others | {draw(white)}) == 5


@settings(max_examples=25, deadline=None)
@given(attacks())
def test_any_attack_is_deterministic_finite_and_not_refuted(attack: Attack) -> None:
    condition = Condition((attack,))
    try:
        first = launder(condition, clip(0.8), 16000, "u", 3)
    except InputError:  # no encoder has every bit rate at every sample rate
        reject()
    launder(condition, clip(0.8, 2), 16000, "v", 3)  # calls in between have no influence
    second = launder(condition, clip(0.8), 16000, "u", 3)
    assert first.wave.tobytes() == second.wave.tobytes() and first.steps == second.steps
    assert first.wave.size == clip(0.8).size or not condition.aligned
    assert first.passed is not False, first.steps


def test_a_mismatch_is_the_energy_of_the_difference() -> None:
    wave = clip(1.0)
    assert mismatch(wave, wave, 1e-4) == -200.0
    assert mismatch(wave, wave * np.float32(0.9), 1e-4) == pytest.approx(-20.0, abs=1e-3)
    assert mismatch(wave, wave[:-1], 1e-4) == 0.0
    silence = np.zeros_like(wave)
    assert mismatch(silence, silence, 1e-4) is None
    assert mismatch(silence, wave, 1e-4) == 0.0 and mismatch(wave, silence, 1e-4) == 0.0
