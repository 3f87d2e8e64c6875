"""Timing: what an attack declares about length and lag, and how it is checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from attacks.contract.base import Attack, Check, flag, number
from attacks.contract.condition import Condition
from attacks.contract.conformance import check
from attacks.contract.launder import AttackError, Laundered, launder
from tests.support.attack_support import clip


@dataclass(frozen=True)
class Slower(Attack):
    """Repeats every sample, or squares the samples where `twice` is false."""

    name = "slower"
    family = "test"
    twice: bool = flag(True)
    promised: float = number(2.0)

    @property
    def warp(self) -> float | None:
        return self.promised if self.twice else 1.0

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return np.repeat(wave, 2) if self.twice else wave**2


@dataclass(frozen=True)
class Cut(Attack):
    """Drops the first 100 samples; measures the cut where `measured` is true."""

    name = "cut"
    family = "test"
    warp = None
    measured: bool = flag(True)

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return wave[100:] if wave.size > 100 else wave, {"length": max(wave.size - 100, 1)}

    def checks(self, before, after, sample_rate, facts):  # type: ignore[no-untyped-def]
        cut = float(before.size - after.size)
        return [Check.near("cut", "samples", 100, cut, 0)] if self.measured else []


class Silent(Cut):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return wave[100:]


class Lies(Cut):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return wave[100:], {"length": wave.size - 101}


def run(attack: Attack) -> Laundered:
    return launder(Condition((attack,)), clip(0.5), 16000, "u", 0)


def length(attack: Attack) -> Check:
    return next(check for check in run(attack).steps[0].checks if check.quantity == "length")


def test_alignment_follows_from_the_warp_and_may_depend_on_parameters() -> None:
    assert Slower(twice=False).aligned and not Slower().aligned and not Cut().aligned
    assert not Condition((Slower(twice=False), Cut())).aligned


def test_a_stretched_length_is_an_effect_and_is_checked_against_its_factor() -> None:
    right = length(Slower())
    assert (right.claimed, right.measured, right.passed, right.effect) == (16000, 16000, True, True)
    assert length(Slower(promised=1.9)).passed is False
    assert run(Slower()).passed and run(Slower(promised=1.9)).passed is False


def test_a_length_that_depends_on_the_utterance_is_stated_and_checked() -> None:
    right = length(Cut())
    assert (right.claimed, right.passed, right.effect) == (7900, True, False)
    assert length(Lies()).passed is False
    with pytest.raises(AttackError, match="must state the `length`"):
        run(Silent())


def test_conformance_requires_a_measured_effect_where_samples_move() -> None:
    assert "effect" not in {finding.rule for finding in check(Cut())}
    assert "effect" in {finding.rule for finding in check(Cut(measured=False))}
    assert "length" in {finding.rule for finding in check(Slower(promised=1.9))}
