"""Loudspeaker, microphone and replay: distortion of a sine, responses of an impulse."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import freqs

from attacks.contract.base import Attack
from attacks.contract.condition import parse, spell
from attacks.contract.launder import lag
from attacks.devices.loudspeaker_microphone import DEVICES
from benchmark.audio.speech_level import active_level
from tests.support.attack_support import attacks, checks, clip, db, run

pytest_plugins = ("tests.support.attack_fixtures",)

RATE = 16000


def impulse_response(text: str) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
    """Return Hz, the gain in dB of the response to an impulse, and the facts."""
    wave = np.zeros(32000, dtype=np.float32)
    wave[16000] = 1.0
    done = run(text, wave)
    gains = np.abs(np.fft.rfft(done.wave.astype(np.float64)))
    return np.fft.rfftfreq(32000, 1 / RATE), 20 * np.log10(gains + 1e-9), done.steps[0].facts


def analog(bottom: float, top: float, peaks: list[list[float]], hertz: np.ndarray) -> np.ndarray:
    """Return the dB of roll-offs and resonances, by scipy from their polynomials in s."""
    turns, total = 2 * np.pi * hertz, np.zeros(hertz.size)
    for corner, numerator in ((bottom, [1.0, 0, 0]), (top, [0, 0, 1.0])):
        _, response = freqs(numerator, [1, np.sqrt(2), 1], turns / (2 * np.pi * corner))
        total += 20 * np.log10(np.abs(response))
    for centre, gain, q in peaks:
        a = 10 ** (gain / 40)
        where = turns / (2 * np.pi * centre)
        _, response = freqs([1, a / q, 1], [1, 1 / (a * q), 1], where)
        total += 20 * np.log10(np.abs(response))
    return total


@pytest.mark.parametrize("low", [100, 350, 800])
def test_the_response_of_the_loudspeaker(low: int) -> None:
    hertz, got, facts = impulse_response(f"loudspeaker(low={low}, distortion=0)")
    at = np.flatnonzero((hertz > 120) & (hertz < 7500))
    want = analog(low, facts["top"], facts["resonances"], hertz[at])  # type: ignore[arg-type]
    assert got[at] - db(facts["gain"]) == pytest.approx(want, abs=0.3)  # type: ignore[arg-type]


@pytest.mark.parametrize("percent", [0, 0.5, 2, 10])
def test_the_harmonic_distortion_of_a_sine(percent: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 500 * np.arange(32000) / RATE)
    # with quiet hiss, so that the wave is more than a tone
    hiss = 1e-4 * np.random.default_rng(0).standard_normal(32000)
    done = run(f"loudspeaker(distortion={percent})", (tone + hiss).astype(np.float32))
    facts = done.steps[0].facts
    bins = np.abs(np.fft.rfft(done.wave[8000:24000]))
    hertz = np.array([500.0, 1000.0, 1500.0])
    levels = bins[[500, 1000, 1500]] / 10 ** (
        analog(350, facts["top"], facts["resonances"], hertz) / 20
    )
    # the cubic term also takes a share from the first harmonic
    first = levels[0] / (1 - 3 * 4 * np.sqrt(1 - 0.95**2) * percent / 100 / 4)
    assert 100 * np.hypot(*levels[1:]) / first == pytest.approx(percent, abs=0.05)


def test_the_loudspeaker_keeps_the_speech_level_and_its_draws() -> None:
    done, other = run("loudspeaker"), run("loudspeaker(low=100, distortion=9)")
    assert active_level(done.wave, RATE) == pytest.approx(active_level(clip(), RATE), rel=1e-3)
    assert checks(done)["harmonic distortion"] == pytest.approx(2, abs=0.02)
    assert other.steps[0].facts["top"] == done.steps[0].facts["top"]
    shape = [resonance[1:] for resonance in done.steps[0].facts["resonances"]]
    assert shape == [resonance[1:] for resonance in other.steps[0].facts["resonances"]]
    assert run("loudspeaker", utterance="v").steps[0].facts != done.steps[0].facts


def test_another_loudspeaker_or_a_no_op_is_refuted() -> None:
    done = run("loudspeaker")
    facts = done.steps[0].facts
    for other in ("loudspeaker(low=500)", "loudspeaker(distortion=3)", "loudspeaker(distortion=0)"):
        made = parse(other).steps[0].checks(clip(), done.wave, RATE, facts)
        assert False in [check.passed for check in made]
    assert parse("loudspeaker").steps[0].checks(clip(), clip(), RATE, facts)[0].passed is False


@pytest.mark.parametrize("kind", DEVICES)
@pytest.mark.parametrize("depth", [3, 10, 20])
def test_the_response_of_the_microphone(kind: str, depth: int) -> None:
    hertz, got, facts = impulse_response(f"microphone(kind={kind}, depth={depth})")
    at = np.flatnonzero((hertz >= 100) & (hertz <= 7000))
    want = analog(facts["bottom"], facts["top"], facts["peaks"], hertz[at])  # type: ignore[arg-type]
    mean = np.average(want, weights=1 / hertz[at])  # over the logarithm of frequency
    want = (want - mean) * depth / np.abs(want - mean).max()
    assert got[at] == pytest.approx(want, abs=0.05 * depth)
    assert np.abs(got[at]).max() == pytest.approx(depth, abs=0.05 * depth)
    assert facts["kind"] == kind
    device = DEVICES[kind]
    assert device.bottom[0] <= facts["bottom"] <= device.bottom[1]  # type: ignore[operator]
    assert len(facts["peaks"]) == len(device.peaks)  # type: ignore[arg-type]


def test_any_draws_every_kind() -> None:
    drawn = {run("microphone", clip(0.2), name).steps[0].facts["kind"] for name in "abcdefghijkl"}
    assert drawn == set(DEVICES)


def test_another_microphone_is_refuted() -> None:
    done = run("microphone(kind=phone)")
    facts = done.steps[0].facts
    deeper = parse("microphone(kind=phone, depth=12)").steps[0]
    assert deeper.checks(clip(), done.wave, RATE, facts)[0].passed is False
    moved = {**facts, "top": facts["top"] / 2}
    attack = parse("microphone(kind=phone)").steps[0]
    assert attack.checks(clip(), done.wave, RATE, moved)[0].passed is False


@pytest.mark.parametrize("text", ["loudspeaker", "loudspeaker(low=1000)", "microphone"])
def test_devices_do_not_lag(text: str) -> None:
    white = np.random.default_rng(0).uniform(-0.3, 0.3, 32000).astype(np.float32)
    for utterance in "abc":
        assert lag(white, run(text, white, utterance).wave) == 0


@pytest.mark.usefixtures("world")
def test_replay_is_the_chain_that_it_spells() -> None:
    done = run("replay(rt60=0.3, low=200, distortion=1, depth=6)")
    spelled = " | ".join(step.attack for step in done.steps)
    names = [step.name for step in parse(spelled).steps]
    assert names == ["loudspeaker", "reverberation", "microphone"]
    assert "low=200, distortion=1" in spelled and "depth=6" in spelled and "rt60=0.3" in spelled
    assert np.array_equal(run(spelled).wave, done.wave)
    assert done.passed and lag(clip(), done.wave) == 0
    harder = run("replay(rt60=0.9, low=200, distortion=1, depth=6)")
    assert harder.steps[0] == done.steps[0]  # the loudspeaker, its draw and its checks
    for key in ("kind", "peaks"):
        assert harder.steps[2].facts[key] == done.steps[2].facts[key]


@pytest.mark.usefixtures("world")
def test_replay_depends_on_its_parts_and_trains_in_other_rooms() -> None:
    (replay,) = parse("replay").steps
    assert {"version/loudspeaker", "version/microphone", "version/reverberation"} <= set(
        replay.resources()
    )
    training = replay.for_training()
    rng = np.random.default_rng(0)
    drawn = training.steps(rng)
    assert drawn is not None and spell(training) == spell(replay)
    own = replay.steps(rng)
    assert own is not None
    assert drawn[1] == own[1].for_training() and dataclasses.replace(drawn[0]) == own[0]


@settings(max_examples=40, deadline=None)
@given(attacks("loudspeaker", "microphone"), st.integers(1, 20000), st.integers(1, 4))
def test_every_check_passes_for_any_parameter_and_length(
    attack: Attack, size: int, seed: int
) -> None:
    done = run(spell(attack), clip(1.25, seed)[:size])
    assert [check for check in done.steps[0].checks if check.passed is False] == []
