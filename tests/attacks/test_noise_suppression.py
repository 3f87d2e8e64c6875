"""Noise suppression by spectral gating, on known noise."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.contract.base import Attack
from attacks.contract.condition import Condition
from attacks.contract.launder import launder
from attacks.enhancement.noise_suppression import Denoise
from tests.support.attack_support import attacks, clip, noisy_clip, run


@pytest.mark.parametrize("stationary", ["false", "true"])
def test_the_noise_between_words_falls_by_the_claimed_amount(stationary: str) -> None:
    wave, falls = noisy_clip(), []
    for strength in (0.2, 0.5, 0.8, 1.0):
        done = run(f"denoise(strength={strength}, stationary={stationary})", wave)
        assert done.passed is True
        pauses = (np.arange(wave.size) // 8000) % 2 == 0
        pauses[:1600] = False
        pauses &= np.roll(pauses, 1600) & np.roll(pauses, -1600)
        falls.append(20 * np.log10(np.std(wave[pauses]) / np.std(done.wave[pauses])))
        ideal = -20 * np.log10(max(1 - strength, 0.05))
        assert falls[-1] == pytest.approx(ideal, abs=0.25 * ideal + 1.5) or falls[-1] > ideal
    assert falls == sorted(falls)


def test_where_there_is_no_floor_nothing_is_measured() -> None:
    steady = np.random.default_rng(0).uniform(-0.1, 0.1, 32000).astype(np.float32)
    gated = (clip(2.0) * (np.arange(32000) // 4000 % 2)).astype(np.float32)
    for wave in (steady, gated):
        found = {check.quantity: check for check in run("denoise", wave).steps[0].checks}
        assert found["share removed in pauses"].measured is None
        assert found["residual"].passed is None


def test_ticks_in_the_pauses_do_not_refute_it() -> None:
    wave = noisy_clip()
    ticks = np.arange(2000, wave.size, 8000)
    wave[ticks] += 0.02
    done = run("denoise(strength=1)", wave)
    assert done.passed is True


class TooGentle(Denoise):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return Denoise(0.5 * self.strength)(wave, sample_rate, rng)


def test_a_gentler_suppression_is_refuted() -> None:
    done = launder(Condition((TooGentle(0.8),)), noisy_clip(), 16000, "u", 0)
    assert done.passed is False


def test_the_global_generators_have_no_influence_and_stay_as_they_are() -> None:
    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        results.append(run("denoise", noisy_clip()).wave.tobytes())
        assert random.random() == random.Random(seed).random()
        assert np.random.rand() == np.random.RandomState(seed).rand()  # noqa: NPY002
    assert results[0] == results[1]


@settings(max_examples=20, deadline=None)
@given(attacks("denoise"), st.integers(1, 48000))
def test_no_claim_fails_for_any_parameter_and_length(attack: Attack, size: int) -> None:
    done = launder(Condition((attack,)), noisy_clip()[:size], 16000, "u", 0)
    assert [c for c in done.steps[0].checks if c.passed is False] == []
