"""The active speech level against a sample-by-sample implementation of ITU-T P.56."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.audio.speech_level import active_level, rms
from tests.support.attack_support import clip, db


def by_the_standard(wave: np.ndarray, rate: int) -> float:
    """Compute P.56 method B in plain loops: envelope, counters with hangover, 15.9 dB margin."""
    g = np.exp(-1 / (rate * 0.03))
    thresholds = [np.abs(wave).max() * 2.0**-k for k in range(24)][::-1]
    counts, hangs = [0] * 24, [round(0.2 * rate)] * 24
    p = q = 0.0
    for x in np.abs(wave.astype(float)):
        p = g * p + (1 - g) * x
        q = g * q + (1 - g) * p
        for k, threshold in enumerate(thresholds):
            if q >= threshold:
                counts[k] += 1
                hangs[k] = 0
            elif hangs[k] < round(0.2 * rate):
                counts[k] += 1
                hangs[k] += 1
    energy = float(np.sum(wave.astype(float) ** 2))
    last = None
    for count, threshold in zip(counts, thresholds, strict=True):
        level = 10 * np.log10(energy / count)
        margin = level - 20 * np.log10(threshold)
        if margin <= 15.9:
            assert last is not None
            share = (last[1] - 15.9) / (last[1] - margin)
            return float(10 ** ((last[0] + share * (level - last[0])) / 20))
        last = level, margin
    raise AssertionError("no threshold is near enough")


@pytest.mark.parametrize("seed", [1, 2])
def test_agrees_with_the_standard_written_out(seed: int) -> None:
    # speech with a long pause, so that the plain RMS differs from the active level
    wave = np.concatenate([clip(1.2, seed), np.zeros(16000, dtype=np.float32), clip(0.8, seed + 5)])
    level = active_level(wave, 16000)
    assert db(level / by_the_standard(wave, 16000)) == pytest.approx(0, abs=0.15)
    assert db(level / rms(wave)) > 1.0


def test_a_steady_tone_has_its_rms_and_pauses_do_not_count() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(32000) / 16000)
    assert db(active_level(tone, 16000) / (0.5 / np.sqrt(2))) == pytest.approx(0, abs=0.1)
    paused = np.concatenate([tone, np.zeros(64000)])
    assert db(active_level(paused, 16000) / active_level(tone, 16000)) == pytest.approx(0, abs=0.8)


@settings(max_examples=20)
@given(st.floats(1e-4, 50.0))
def test_scales_with_the_wave(gain: float) -> None:
    wave = np.cumsum(np.sin(np.arange(4000.0) ** 1.5))
    assert active_level(gain * wave, 16000) == pytest.approx(gain * active_level(wave, 16000))


def test_a_click_before_long_speech_does_not_decide_the_level() -> None:
    speech = np.tile(clip(2.0), 10)
    clicked = speech.copy()
    clicked[100] = 1.0
    assert db(active_level(clicked, 16000) / active_level(speech, 16000)) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("size", [1, 2, 100, 800, 1600])
def test_a_very_short_wave_has_its_rms(size: int) -> None:
    wave = clip(1.0)[3000 : 3000 + size]
    assert active_level(wave, 16000) == pytest.approx(rms(wave), rel=1e-6)


def test_silence_and_an_empty_wave_have_no_level() -> None:
    assert active_level(np.zeros(16000, dtype=np.float32), 16000) == 0.0
    assert active_level(np.zeros(0, dtype=np.float32), 16000) == 0.0
    assert rms(np.zeros(0, dtype=np.float32)) == 0.0
