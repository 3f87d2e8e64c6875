"""Reverberation: T20 by a Schroeder integration of the test's own, alignment, level, cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from attack_support import clip, db, run
from scipy.signal import convolve
from scipy.stats import linregress

from attacks import rooms
from attacks.apply import lag
from benchmark.level import active_level

pytest_plugins = ("attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")


def decay_time(response: np.ndarray) -> float:
    """T20 of ISO 3382: regression on the backward-integrated decay from -5 to -25 dB."""
    power = response.astype(np.float64) ** 2
    remaining = power.sum() - np.concatenate([[0.0], np.cumsum(power)[:-1]])
    curve = 10 * np.log10(np.maximum(remaining, 1e-15) / power.sum())
    first, last = int(np.argmax(curve <= -5)), int(np.argmax(curve < -25))
    fit = linregress(np.arange(first, last) / 16000, curve[first:last])
    return float(-60 / fit.slope)


@pytest.mark.parametrize("rt60", [0.1, 0.3, 0.6, 0.9, 3.0])
@pytest.mark.parametrize("room", range(len(rooms.ROOMS)))
def test_every_room_has_the_reverberation_time_asked_for(room: int, rt60: float) -> None:
    response = rooms.response(room, rt60)
    assert decay_time(response.samples) == pytest.approx(rt60, abs=max(0.1 * rt60, 0.03))
    assert response.t20 == pytest.approx(decay_time(response.samples), rel=0.01)
    assert int(np.argmax(np.abs(response.samples))) == 0
    assert response.samples[0] == 1.0
    assert response.samples.size == round(rt60 * 16000)


def test_t20_of_a_known_decay() -> None:
    noise = np.random.default_rng(0).standard_normal(32000)
    decaying = noise * 10 ** (-3 * np.arange(32000) / 16000 / 0.8)
    assert rooms.t20(decaying, 16000) == pytest.approx(0.8, rel=0.05)
    assert np.isnan(rooms.t20(np.zeros(100), 16000))
    assert np.isnan(rooms.t20(np.eye(1, 100)[0], 16000))


def test_the_decay_has_no_step_between_images_and_diffuse_tail() -> None:
    response = rooms.response(0, 0.9).samples.astype(np.float64)
    power = [np.mean(part**2) for part in np.split(response, 45)]  # 20 ms each
    level = 10 * np.log10(np.array(power[2:40]))
    fit = linregress(np.arange(level.size), level)
    assert np.abs(level - (fit.intercept + fit.slope * np.arange(level.size))).max() < 4.0


def test_output_is_the_convolution_cut_to_length_at_the_input_level() -> None:
    wave = clip(0.7)
    done = run("reverberation(rt60=0.3)", wave)
    facts = done.steps[0].facts
    response = rooms.response(facts["room"], 0.3).samples.astype(np.float64)
    want = convolve(wave.astype(np.float64), response, method="direct")[: wave.size]
    assert done.wave == pytest.approx(want * facts["gain"], abs=1e-5)
    change = active_level(done.wave, 16000) / active_level(wave, 16000)
    assert db(change) == pytest.approx(0, abs=0.01)
    assert done.passed


def test_the_room_is_the_same_at_every_reverberation_time() -> None:
    found = {}
    for utterance in "abcdefgh":
        drawn = {
            run(f"reverberation(rt60={rt60})", clip(0.5), utterance).steps[0].facts["room"]
            for rt60 in (0.3, 0.6)
        }
        assert len(drawn) == 1
        found[utterance] = drawn.pop()
    assert len(set(found.values())) > 2


@pytest.mark.parametrize("rt60", [0.2, 0.9])
def test_no_lag_on_white_noise(rt60: float) -> None:
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, 16000).astype(np.float32)
    assert lag(wave, run(f"reverberation(rt60={rt60})", wave).wave) == 0


def test_a_cached_response_is_used_and_a_damaged_one_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path))
    rooms.response.cache_clear()
    first = rooms.response(2, 0.25)
    (path,) = (tmp_path / "rirs").iterdir()
    assert path.stem == first.key
    made = []
    make = rooms._make
    monkeypatch.setattr(rooms, "_make", lambda *a: made.append(a) or make(*a))
    rooms.response.cache_clear()
    assert np.array_equal(rooms.response(2, 0.25).samples, first.samples)
    assert made == []
    path.write_bytes(path.read_bytes()[:-4000])
    rooms.response.cache_clear()
    assert np.array_equal(rooms.response(2, 0.25).samples, first.samples)
    assert made == [(2, 0.25)]
    assert len(list((tmp_path / "rirs").iterdir())) == 1
    rooms.response.cache_clear()


def test_a_response_that_cannot_be_kept_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "file"))
    rooms.response.cache_clear()
    with pytest.warns(UserWarning, match="room responses cannot be kept in") as told:
        kept = rooms.response(2, 0.25)
        rooms.response(3, 0.25)
    assert len({str(warning.message) for warning in told}) == 1  # the filter shows it once
    assert kept.t20 == pytest.approx(0.25, abs=0.03)
    rooms.response.cache_clear()


def test_the_key_names_the_library_that_makes_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rooms.key(0, 0.3)
    monkeypatch.setattr(rooms, "version", lambda _name: "0.0")
    assert rooms.key(0, 0.3) != before


def test_silence_stays_silent() -> None:
    done = run("reverberation", np.zeros(8000, dtype=np.float32))
    assert not done.wave.any()
    assert done.steps[0].facts["gain"] == 1.0
    assert done.passed is True  # the response was measured, the wave could not be
