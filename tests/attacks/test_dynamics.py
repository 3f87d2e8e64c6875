"""Compression and automatic gain control: the static curve on sines, the gains as sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.contract.base import Attack
from attacks.contract.condition import parse, spell
from attacks.contract.launder import lag
from benchmark.audio.speech_level import active_level
from tests.support.attack_support import attacks, checks, clip, db, run

RATE = 16000


def steps_of_a_sine(*levels_db: float, seconds: float = 2.0) -> np.ndarray:
    """Return a 1 kHz sine at one level after the other."""
    size = round(seconds * RATE)
    sine = np.sin(2 * np.pi * 1000 * np.arange(size * len(levels_db)) / RATE)
    return (sine * np.repeat(10 ** (np.array(levels_db) / 20), size)).astype(np.float32)


def settled_db(wave: np.ndarray, step: int, seconds: float = 2.0) -> float:
    """Return the peak level in the last quarter of a step."""
    end = round((step + 1) * seconds * RATE)
    return db(float(np.abs(wave[end - round(seconds * RATE / 4) : end]).max()))


@pytest.mark.parametrize("ratio", [1.5, 4.0, 20.0])
def test_the_static_curve_of_the_compressor(ratio: float) -> None:
    levels = (0.0, -6.0, -12.0, -18.0, -30.0, -40.0)
    wave = steps_of_a_sine(*levels)
    done = run(f"compression(ratio={ratio}, depth=24, attack=5, release=50)", wave)
    gain = db(done.steps[0].facts["gain"])
    for step, level in enumerate(levels):
        over = max(level + 24, 0)
        # between two peaks of the sine, 0.5 ms apart, the detector falls by 0.1 dB
        want = level - over * (1 - 1 / ratio) + gain
        assert settled_db(done.wave, step) == pytest.approx(want, abs=0.12)
    assert done.passed


def test_the_compressors_attack_and_release() -> None:
    wave = steps_of_a_sine(-40.0, 0.0, -40.0, seconds=1.0)
    done = run("compression(ratio=4, depth=24, attack=10, release=100)", wave)
    peaks = np.arange(4, wave.size, 16)  # of the sine, one per millisecond
    reduction = -20 * np.log10(np.abs(done.wave[peaks] / wave[peaks]))
    reduction += db(done.steps[0].facts["gain"])
    most = 24 * 0.75
    assert reduction[999] == pytest.approx(0, abs=0.01)
    # one time constant after the step, and long after it
    assert reduction[1010] == pytest.approx(most * (1 - np.exp(-1)), abs=0.6)
    assert reduction[1900] == pytest.approx(most, abs=0.1)
    # 100 ms for 10 dB of level, that is 7.5 dB of gain; the smoothing trails by 10 ms
    assert reduction[2110] == pytest.approx(most - 7.5, abs=0.2)
    assert reduction[2500] == pytest.approx(0, abs=0.05)


def test_compression_narrows_the_range_and_keeps_the_speech_level() -> None:
    def spread(wave: np.ndarray) -> float:
        """Return the dB between loud and soft passages of 50 ms."""
        powers = np.mean(np.square(wave.astype(np.float64)).reshape(-1, 800), axis=1)
        return 10 * float(np.log10(np.quantile(powers, 0.9) / np.quantile(powers, 0.1)))

    wave, spreads = clip(4.0), [spread(clip(4.0))]
    for ratio in (1.5, 4, 20):
        done = run(f"compression(ratio={ratio})", wave)
        assert active_level(done.wave, RATE) == pytest.approx(active_level(wave, RATE), rel=1e-3)
        spreads.append(spread(done.wave))
    assert spreads == sorted(spreads, reverse=True) and spreads[0] - spreads[-1] > 3


def test_another_ratio_or_a_no_op_is_refuted() -> None:
    done = run("compression(ratio=4)")
    facts = done.steps[0].facts
    for ratio in (2, 8):
        other = parse(f"compression(ratio={ratio})").steps[0]
        verdicts = [check.passed for check in other.checks(clip(), done.wave, RATE, facts)]
        assert verdicts[0] is False
    attack = parse("compression").steps[0]
    assert attack.checks(clip(), clip(), RATE, {"gain": 1.0})[0].passed is False


def test_agc_drives_every_passage_to_one_level() -> None:
    wave = steps_of_a_sine(-30.0, -20.0, -26.0, -60.0)
    done = run("agc(gain=12, time=100)", wave)
    made_up = db(done.steps[0].facts["gain"])
    target = db(active_level(wave, RATE)) + 3.01  # of a sine: its peak over its RMS
    for step, level in enumerate((-30.0, -20.0, -26.0, -60.0)):
        want = level + np.clip(target - level, -12, 12) + made_up
        assert settled_db(done.wave, step) == pytest.approx(want, abs=0.1)
    assert checks(done)["gain error"] < 0.01  # type: ignore[operator]


def test_the_time_constant_of_agc() -> None:
    wave = steps_of_a_sine(-20.0, -30.0)
    done = run("agc(gain=40, time=200)", wave)
    at = 2 * RATE + round(0.2 * RATE) // 16 * 16 + 4
    gain = db(float(done.wave[at] / wave[at])) - db(done.steps[0].facts["gain"])
    power = 0.5 * (10**-3 + (10**-2 - 10**-3) * np.exp(-1))  # one time constant after the step
    assert gain == pytest.approx(db(active_level(wave, RATE)) - 10 * np.log10(power), abs=0.1)


def test_another_agc_or_a_no_op_is_refuted() -> None:
    wave = steps_of_a_sine(-10.0, -40.0)
    done = run("agc(gain=12, time=200)", wave)
    facts = done.steps[0].facts
    for other in ("agc(gain=11)", "agc(gain=14)", "agc(time=300)"):
        made = parse(other).steps[0].checks(wave, done.wave, RATE, facts)
        assert made[0].passed is False
    assert parse("agc").steps[0].checks(wave, wave, RATE, {"gain": 1.0})[0].passed is False


@pytest.mark.parametrize("text", ["compression", "agc"])
def test_levels_do_not_matter_and_silence_stays(text: str) -> None:
    loud, soft = clip(), clip() * np.float32(0.01)
    assert run(text, soft).wave == pytest.approx(0.01 * run(text, loud).wave, abs=1e-6)
    silent = run(text, np.zeros(8000, dtype=np.float32))
    assert not silent.wave.any() and silent.passed is None
    even = run(text, np.full(8000, 0.25, dtype=np.float32))
    assert False not in [check.passed for check in even.steps[0].checks]
    white = np.random.default_rng(0).uniform(-0.3, 0.3, 32000).astype(np.float32)
    assert lag(white, run(text, white).wave) == 0


@settings(max_examples=60, deadline=None)
@given(attacks("compression", "agc"), st.integers(1, 20000), st.integers(1, 4))
def test_every_check_passes_for_any_parameter_and_length(
    attack: Attack, size: int, seed: int
) -> None:
    done = run(spell(attack), clip(1.25, seed)[:size])
    assert [check for check in done.steps[0].checks if check.passed is False] == []
