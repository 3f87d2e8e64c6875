"""What every attack leaves of speech: each check passes speech, and catches what it is for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.contract.base import NO_LIMITS, SampleLimits, Wave
from attacks.contract.sample_checks import QUANTITIES, measure, sample_checks
from attacks.contract.spectral_distortion import distortion
from tests.support.attack_support import clip
from tests.support.mutations import half_silent, higher, late, loud, noise

RATE = 16000


def failing(before: Wave, after: Wave) -> set[str]:
    checks = sample_checks(before, after, RATE, SampleLimits())
    return {check.quantity for check in checks if check.passed is False}


def test_an_unchanged_utterance_passes_every_check_and_none_shows_an_effect() -> None:
    checks = sample_checks(clip(), clip(), RATE, SampleLimits())
    assert [check.quantity for check in checks] == [*QUANTITIES]
    assert all(check.passed for check in checks)
    assert not any(check.effect for check in checks)


@pytest.mark.parametrize(
    ("broken", "caught"),
    [
        (np.zeros_like, {"active level", "active frames alive", "digital silence"}),
        (half_silent, {"active frames alive", "digital silence"}),
        (late, {"envelope lag"}),
        (lambda wave: wave[::-1].copy(), {"envelope correlation"}),
        (loud, {"active level", "clipping"}),
        (noise, {"envelope correlation"}),
        (lambda wave: 3 * wave, {"active level"}),
    ],
)
def test_each_way_to_lose_the_speech_is_caught(broken: object, caught: set[str]) -> None:
    assert caught <= failing(clip(), broken(clip()))  # type: ignore[operator]


def test_limits_that_ask_for_nothing_give_no_checks() -> None:
    assert sample_checks(clip(), np.zeros_like(clip()), RATE, NO_LIMITS) == []
    for field, quantity in zip(dataclasses.fields(SampleLimits), QUANTITIES, strict=True):
        only = dataclasses.replace(NO_LIMITS, **{field.name: field.default})
        assert [c.quantity for c in sample_checks(clip(), clip(), RATE, only)] == [quantity]


@pytest.mark.parametrize("milliseconds", [-40, -20, -10, 10, 20, 40])
def test_the_lag_is_measured_in_milliseconds(milliseconds: int) -> None:
    shift = milliseconds * RATE // 1000
    found = measure(clip(3.0), np.roll(clip(3.0), shift), RATE)
    assert found.lag == pytest.approx(milliseconds, abs=1.5)


@pytest.mark.parametrize("decibels", [-12.0, -3.0, 0.0, 6.0])
def test_the_level_is_that_of_the_active_frames(decibels: float) -> None:
    scaled = clip() * np.float32(10 ** (decibels / 20))
    assert measure(clip(), scaled, RATE).level == pytest.approx(decibels, abs=0.01)


def test_an_offset_is_no_level_and_no_lag() -> None:
    found = measure(clip(), clip() + np.float32(0.3), RATE)
    assert found.level == pytest.approx(0.0, abs=0.05)
    assert found.lag == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(RATE, np.float32),
        np.full(RATE, 0.5, np.float32),
        np.ones(1, np.float32),
        clip()[:1600],
        np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE).astype(np.float32),
        np.random.default_rng(0).uniform(-0.3, 0.3, RATE).astype(np.float32),
    ],
    ids=["silence", "a constant", "one sample", "0.1 s", "a tone", "steady noise"],
)
def test_what_is_no_speech_owes_nothing_of_speech(wave: Wave) -> None:
    found = measure(wave, np.zeros_like(wave), RATE)
    assert (found.lag, found.level, found.alive, found.envelope) == (None, None, None, None)


def test_an_hour_is_measured_like_a_second() -> None:
    hour = np.resize(clip(), 600 * RATE)
    assert failing(hour, hour) == set()
    assert "envelope lag" in failing(hour, late(hour))


def test_a_stretched_utterance_is_compared_at_equal_shares() -> None:
    slow = np.repeat(clip(), 2)
    assert failing(clip(), slow) == set()
    assert "active frames alive" in failing(clip(), half_silent(slow))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4000), st.floats(0.0, 1.0), st.integers(0, 5))
def test_any_pair_of_waves_is_measured_without_error(size: int, level: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = (level * rng.uniform(-1, 1, size)).astype(np.float32)
    after = rng.uniform(-1, 1, max(1, size // 2)).astype(np.float32)
    for check in sample_checks(before, after, RATE, SampleLimits()):
        assert check.measured is None or np.isfinite(check.measured)


def test_spectral_distortion_grows_with_noise_and_hears_a_pitch() -> None:
    rng = np.random.default_rng(1)
    hiss = rng.standard_normal(clip().size).astype(np.float32)
    found = [distortion(clip(), clip() + size * hiss, RATE) for size in (0.0, 1e-4, 1e-3, 1e-2)]
    assert found[0] == 0.0
    assert found == sorted(found)  # type: ignore[type-var]
    pitch = distortion(clip(), higher(clip()), RATE)
    assert pitch is not None and pitch > 3.0
    assert distortion(np.zeros(RATE, np.float32), hiss[:RATE], RATE) is None
    assert distortion(clip(), clip()[:-1], RATE) is None
