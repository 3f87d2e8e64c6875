"""Clipping, quantisation and DC, by hand and by textbook signal-to-noise ratios."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.contract.base import Attack
from attacks.contract.condition import parse, spell
from tests.support.attack_support import attacks, checks, clip, db, run


def test_hard_clipping_against_numpy() -> None:
    wave = clip()
    threshold = np.abs(wave).max() / 4
    done = run(f"clipping(depth={db(4)!r})", wave)
    assert done.wave == pytest.approx(np.clip(wave, -threshold, threshold), abs=1e-7)
    measured = checks(done)
    assert measured["peak"] == pytest.approx(-db(4), abs=1e-3)
    assert measured["samples clipped"] == pytest.approx(np.sum(np.abs(wave) > threshold), abs=3)


def test_the_share_of_a_sine_that_is_clipped() -> None:
    sine = np.sin(2 * np.pi * 199 * np.arange(16000) / 16000).astype(np.float32)
    done = run("clipping(depth=6)", sine)
    flat = np.mean(np.abs(done.wave) >= np.abs(done.wave).max() * 0.9999)
    assert flat == pytest.approx(1 - 2 / np.pi * np.arcsin(10 ** (-6 / 20)), abs=0.01)


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_clipping_adds_odd_harmonics_only(kind: str) -> None:
    sine = np.sin(2 * np.pi * 200 * np.arange(16000) / 16000).astype(np.float32)
    bins = np.abs(np.fft.rfft(run(f"clipping(depth=12, kind={kind})", sine).wave))
    assert db(bins[600] / bins[200]) > -20
    assert max(bins[400], bins[800], bins[1200]) < 1e-4 * bins[200]


def test_soft_clipping_against_numpy() -> None:
    wave = clip().astype(np.float64)
    threshold = np.abs(wave).max() * 10 ** (-18 / 20)
    done = run("clipping(depth=18, kind=soft)")
    assert done.wave == pytest.approx(threshold * np.tanh(wave / threshold), abs=1e-6)


def test_the_wrong_threshold_is_refuted() -> None:
    for kind in ("hard", "soft"):
        done = run(f"clipping(depth=12, kind={kind})")
        other = parse(f"clipping(depth=12.1, kind={kind})").steps[0]
        assert other.checks(clip(), done.wave, 16000, {})[0].passed is False
    hard = parse("clipping(depth=12)").steps[0]
    made = hard.checks(clip(), run("clipping(depth=12, kind=soft)").wave, 16000, {})
    assert [check.passed for check in made] == [True, False, False]


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8, 10, 12, 15])
def test_a_bit_is_worth_6_db_on_an_even_wave(bits: int) -> None:
    wave = np.linspace(-1, 1, 200_001).astype(np.float32)
    after = run(f"quantise(bits={bits})", wave).wave
    levels = 2**bits - 1
    assert np.unique(after).size == levels
    error = after.astype(np.float64) - wave
    ratio = 10 * np.log10(np.mean(wave.astype(np.float64) ** 2) / np.mean(error**2))
    # a step of 2 / (levels - 1) against a range of 2
    assert ratio == pytest.approx(20 * np.log10(levels - 1), abs=0.1 if bits > 2 else 0.5)
    assert bits < 6 or ratio == pytest.approx(6.02 * bits, abs=0.35)


def test_quantising_by_hand() -> None:
    wave = np.array([0.0, 0.1, 0.19, 0.21, -0.39, 0.6, -0.6] * 200, dtype=np.float32)
    step = 0.2  # a peak of 0.6 over 2^(3 - 1) - 1
    assert run("quantise(bits=3)", wave).wave[:7] == pytest.approx(
        [0, step * np.rint(0.1 / step), 0.2, 0.2, -0.4, 0.6, -0.6], abs=1e-6
    )


def test_other_quantisers_are_refuted() -> None:
    done = run("quantise(bits=8)")
    for bits in (7, 9):
        made = parse(f"quantise(bits={bits})").steps[0].checks(clip(), done.wave, 16000, {})
        assert False in [check.passed for check in made]
    fine = parse("quantise(bits=15)").steps[0]
    assert fine.checks(clip(), clip(), 16000, {})[0].passed is False  # a no-op


def test_dc_is_added_and_nothing_else() -> None:
    done = run("dc_offset(offset=0.1)")
    assert done.wave - clip() == pytest.approx(0.1, abs=1e-6) and done.passed
    attack = parse("dc_offset(offset=0.1)").steps[0]
    for after in (clip(), clip() + np.float32(0.101), clip() * np.float32(1.01) + np.float32(0.1)):
        assert False in [check.passed for check in attack.checks(clip(), after, 16000, {})]


@pytest.mark.parametrize("text", ["clipping", "clipping(kind=soft)", "quantise", "dc_offset"])
def test_on_a_wave_of_one_amplitude_only_the_level_changes(text: str) -> None:
    flat = np.full(8000, 0.25, dtype=np.float32)
    change = next(c for c in run(text, flat).steps[0].checks if c.quantity == "residual")
    assert change.passed is None
    assert False not in [check.passed for check in run(text, flat).steps[0].checks]


@settings(max_examples=80, deadline=None)
@given(attacks("clipping", "dc_offset", "quantise"), st.integers(1, 20000), st.floats(1e-4, 8))
def test_every_check_passes_for_any_parameter_length_and_level(
    attack: Attack, size: int, level: float
) -> None:
    done = run(spell(attack), clip(1.25)[:size] * np.float32(level))
    assert [check for check in done.steps[0].checks if check.passed is False] == []
