"""Speed, stretch and pitch on tones and clicks; trimming, padding, shift and echo by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from attacks.contract.base import Attack
from attacks.contract.condition import Condition
from attacks.contract.conformance import check
from attacks.contract.launder import launder
from attacks.timing import warp_measurement
from attacks.timing.edits import Echo, PadSilence, TimeShift, TrimSilence
from attacks.timing.speed_pitch import PitchShift, Speed, TimeStretch
from benchmark.laundering import verification
from benchmark.laundering.verification import State
from tests.support.attack_support import attacks, checks, clip, run

NAMES = (
    "speed",
    "time_stretch",
    "pitch_shift",
    "trim_silence",
    "pad_silence",
    "time_shift",
    "echo",
)


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * 16000)) / 16000
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def loudest(wave: np.ndarray) -> float:
    """Return the frequency of the strongest spectral line in Hz, to 0.1 Hz."""
    inner = wave[wave.size // 5 : -wave.size // 5] * np.hanning(
        wave[wave.size // 5 : -wave.size // 5].size
    )
    return float(np.argmax(np.abs(np.fft.rfft(inner, 160000))) / 10)


def clicks(*seconds: float) -> np.ndarray:
    wave = np.zeros(32000, dtype=np.float32)
    for second in seconds:
        wave[round(second * 16000) : round(second * 16000) + 4] = 0.8
    return wave


def talk() -> np.ndarray:
    """Return speech-like audio with syllables of irregular length, between silences."""
    gates = np.random.default_rng(8).uniform(0.08, 0.4, 20)
    open_ = np.repeat(np.arange(20) % 2 == 0, np.round(gates * 16000).astype(int))
    wave = clip(6.0)[: open_.size] * open_[: clip(6.0).size]
    return np.pad(wave, 3200)


# speed


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 1.7])
def test_speed_moves_a_tone_and_the_length(factor: float) -> None:
    after = run(f"speed(factor={factor})", tone(1000)).wave
    assert after.size == round(16000 / factor)
    assert loudest(after) == pytest.approx(1000 * factor, abs=0.3)


def test_speed_against_scipy() -> None:
    wave = clip(2.0)
    ours = run("speed(factor=1.25)", wave).wave
    theirs = resample_poly(wave.astype(np.float64), 4, 5)
    assert ours.size == theirs.size
    bins = [np.fft.rfft(w * np.hanning(w.size)) for w in (ours, theirs)]
    low = slice(0, int(0.8 * bins[0].size))
    error = np.sum(np.abs(bins[0][low] - bins[1][low]) ** 2) / np.sum(np.abs(bins[1][low]) ** 2)
    assert error < 1e-4


# stretching and shifting


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.25, 1.9])
def test_a_stretch_keeps_a_tone_and_moves_clicks(factor: float) -> None:
    after = run(f"time_stretch(factor={factor})", tone(1000)).wave
    assert after.size == round(16000 * factor)
    assert loudest(after) == pytest.approx(1000, abs=2)
    moved = run(f"time_stretch(factor={factor})", clicks(0.5, 1.5)).wave
    halves = np.split(np.abs(moved), [moved.size // 2])
    found = [int(np.argmax(halves[0])), int(np.argmax(halves[1])) + halves[0].size]
    assert found == pytest.approx([8000 * factor, 24000 * factor], abs=240)


@pytest.mark.parametrize("semitones", [-7, -0.5, 1, 5])
def test_a_shift_of_pitch_moves_a_tone_and_keeps_clicks(semitones: float) -> None:
    after = run(f"pitch_shift(semitones={semitones})", tone(800)).wave
    assert after.size == 16000
    assert loudest(after) == pytest.approx(800 * 2 ** (semitones / 12), rel=0.002)
    kept = np.abs(run(f"pitch_shift(semitones={semitones})", clicks(1.0)).wave)
    assert abs(int(np.argmax(kept)) - 16000) < 240


@pytest.mark.parametrize(
    "text",
    ["speed(factor=0.8)", "time_stretch(factor=1.4)", "time_stretch(factor=0.7)",
     "pitch_shift(semitones=-3)", "pitch_shift(semitones=6)"],
)  # fmt: skip
def test_every_claim_is_measured_on_speech(text: str) -> None:
    done = run(text, talk())
    assert done.passed is True
    assert all(measured is not None for measured in checks(done).values()), checks(done)


class OtherSpeed(Speed):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        made = Speed(1.02 * self.factor)(wave, sample_rate, rng)
        return np.pad(made, (0, round(wave.size / self.factor) - made.size))


class OtherTempo(TimeStretch):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        made = TimeStretch(0.95 * self.factor)(wave, sample_rate, rng)
        return np.pad(made, (0, round(wave.size * self.factor) - made.size))


class Chipmunk(TimeStretch):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return Speed(1 / self.factor)(wave, sample_rate, rng)


class OtherPitch(PitchShift):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return PitchShift(self.semitones + 0.25)(wave, sample_rate, rng)


class LatePitch(PitchShift):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return np.roll(super().__call__(wave, sample_rate, rng), 320)


class CutsSpeech(TrimSilence):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        made, facts = super().__call__(wave, sample_rate, rng)
        return made[3200:], facts | {"head": facts["head"] + 3200, "length": made.size - 3200}


class LeavesSilence(TrimSilence):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        made, facts = super().__call__(wave, sample_rate, rng)
        head = facts["head"] - 800
        return wave[head : head + made.size], facts | {"head": head}


class PadsLouder(PadSilence):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        made, facts = super().__call__(wave, sample_rate, rng)
        return np.where(made == 0, np.float32(1e-4), made), facts


class ShiftsMore(TimeShift):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        made, facts = super().__call__(wave, sample_rate, rng)
        return np.roll(made, 1), facts


class LaterEcho(Echo):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return Echo(self.delay + 1, self.gain)(wave, sample_rate, rng)


class LouderEcho(Echo):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return Echo(self.delay, self.gain + 0.5)(wave, sample_rate, rng)


@pytest.mark.parametrize(
    ("broken", "quantity"),
    [
        (OtherSpeed(1.1), "pitch"),
        (OtherTempo(1.25), "tempo"),
        (Chipmunk(1.25), "pitch"),
        (OtherPitch(2.0), "pitch"),
        (LatePitch(2.0), "delay"),
        (CutsSpeech(40.0), "level of what was cut"),
        (LeavesSilence(40.0), "level at the ends"),
        (PadsLouder(100.0), "peak of the padding"),
        (PadsLouder(100.0), "change of the utterance"),
        (ShiftsMore(50.0), "difference at the claimed shift"),
        (LaterEcho(100.0, -6.0), "unexplained by this echo"),
        (LouderEcho(100.0, -6.0), "gain of the echo"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Attack) else None,
)
def test_a_wrong_claim_is_refuted(broken: Attack, quantity: str) -> None:
    done = launder(Condition((broken,)), talk(), 16000, "u", 0)
    assert quantity in [c.quantity for c in done.steps[0].checks if c.passed is False], done.steps


def test_the_broadband_check_finds_a_late_copy() -> None:
    found = check(LatePitch(2.0), brief=True)
    assert "lag" in {finding.rule for finding in found}


def test_silence_and_steady_tones_are_not_measurable() -> None:
    for wave in (np.zeros(16000), np.full(16000, 0.5), tone(1000, 0.1)):
        wave = wave.astype(np.float32)
        assert warp_measurement.semitones(wave, wave, 16000) is None
        assert warp_measurement.tempo(wave, wave, 16000, 1.0, 0.02) is None
        assert warp_measurement.delay_ms(wave, wave, 16000) is None
    assert (
        warp_measurement.delay_ms(tone(1000), tone(1000), 16000) is None
    )  # a steady tone shows no delay
    assert warp_measurement.tempo(tone(1000), tone(1000), 16000, 1.0, 0.02) is None


def test_delay_by_hand() -> None:
    for samples in (-1000, -80, 0, 160, 1200):
        found = warp_measurement.delay_ms(talk(), np.roll(talk(), samples), 16000)
        assert found == pytest.approx(samples / 16, abs=0.2)


# trimming, padding


def test_trimming_by_hand() -> None:
    wave = np.concatenate([np.zeros(4000), tone(500, 0.5), tone(500, 0.25) * 0.001, np.zeros(99)])
    wave = wave.astype(np.float32)
    done = run("trim_silence(threshold=40)", wave)
    facts = done.steps[0].facts
    assert facts["head"] == pytest.approx(4000 - 320, abs=32)  # 20 ms windows, 40 dB down
    assert wave.size - facts["tail"] == pytest.approx(12000 + 320, abs=32)
    assert np.array_equal(done.wave, wave[facts["head"] : wave.size - facts["tail"]])
    assert done.passed is True
    assert run("trim_silence(threshold=70)", wave).steps[0].facts["tail"] == pytest.approx(
        99, abs=320
    )


def test_without_silence_nothing_is_cut_and_the_claim_holds() -> None:
    done = run("trim_silence", tone(500))
    assert np.array_equal(done.wave, tone(500)) and done.passed is True
    assert checks(done)["level of what was cut"] is None
    assert run("trim_silence", np.zeros(8000, dtype=np.float32)).passed is None


def test_where_nothing_is_cut_the_condition_is_a_control() -> None:
    spoken, padded = tone(500), np.pad(tone(500), 4000)
    for wave, state in ((spoken, State.CONTROL), (padded, State.VERIFIED)):
        steps = run("trim_silence", wave).steps
        assert verification.tally_of([("u", steps)]).state() is state


def test_remaining_silence_is_refuted() -> None:
    wave = np.pad(tone(500), (0, 800))
    facts = {"head": 0, "tail": 0, "length": wave.size}
    made = {c.quantity: c.passed for c in TrimSilence().checks(wave, wave, 16000, facts)}
    assert made["level at the ends"] is False


def test_padding_by_hand() -> None:
    wave = clip(0.5)
    for where, head, tail in (("both", 1600, 1600), ("start", 1600, 0), ("end", 0, 1600)):
        done = run(f"pad_silence(duration=100, where={where})", wave)
        assert np.array_equal(done.wave, np.pad(wave, (head, tail))) and done.passed is True


def test_a_floor_matches_the_quietest_part_and_nests() -> None:
    hum = 0.001 * tone(200, 0.2) / 0.3
    wave = np.concatenate([tone(1000), hum]).astype(np.float32)
    short, long = (run(f"pad_silence(duration={ms}, fill=floor)", wave) for ms in (200, 400))
    assert long.passed is True
    pad = long.wave[:6400]
    assert 20 * np.log10(np.std(pad) / np.std(hum)) == pytest.approx(0, abs=3)
    spectrum = np.abs(np.fft.rfft(pad * np.hanning(pad.size)))
    assert np.argmax(spectrum) * 2.5 == pytest.approx(200, abs=20)
    assert np.allclose(short.wave[:3200], pad[:3200], atol=1e-7)


# shift, echo


def test_shifts_by_hand() -> None:
    wave = clip(0.5)
    zeros = np.zeros(160, dtype=np.float32)
    expected = {
        "shift=10": np.concatenate([zeros, wave[:-160]]),
        "shift=-10": np.concatenate([wave[160:], zeros]),
        "shift=10, fill=roll": np.roll(wave, 160),
        "shift=-10, fill=roll": np.roll(wave, -160),
        "shift=1000": np.zeros_like(wave),
        "shift=-1000": np.zeros_like(wave),
    }
    for text, want in expected.items():
        done = run(f"time_shift({text})", wave)
        assert np.array_equal(done.wave, want), text
        assert done.passed is (None if "1000" in text else True), text


def test_an_echo_by_convolution() -> None:
    wave = talk()
    response = np.zeros(1601)
    response[[0, -1]] = 1.0, 0.5
    done = run(f"echo(gain={20 * math.log10(0.5)!r})", wave)
    gain = done.steps[0].facts["gain"]
    want = np.convolve(wave.astype(np.float64), response)[: wave.size] * gain
    assert done.wave == pytest.approx(want, abs=1e-6)
    assert done.passed is True and 0.8 < gain < 1


def test_an_echo_after_the_end_is_not_measurable() -> None:
    assert run("echo(delay=1000)", clip(0.5)).passed is None


# all of them


@settings(max_examples=60, deadline=None)
@given(attacks(*NAMES), st.integers(1, 24000), st.integers(1, 3))
def test_no_claim_fails_for_any_parameter_and_length(attack: Attack, size: int, seed: int) -> None:
    done = launder(Condition((attack,)), clip(1.5, seed)[:size], 16000, "u", 0)
    assert [c for c in done.steps[0].checks if c.passed is False] == []
