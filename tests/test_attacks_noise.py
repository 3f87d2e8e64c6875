"""Additive noise: the SNR by arithmetic of the test's own, coverage, one excerpt at every SNR."""

from __future__ import annotations

import numpy as np
import pytest
from attack_support import checks, clip, db, run
from hypothesis import given, settings
from hypothesis import strategies as st

import noises
from attacks.apply import AttackError, launder
from attacks.condition import parse
from attacks.noise import EVALUATED_SHARE, covered
from benchmark.errors import InputError
from benchmark.level import active_level

pytest_plugins = ("attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")
KINDS = ["babble", "cafe", "street", "volvo", "white"]


def noise_part(text: str, wave: np.ndarray, utterance: str = "u") -> np.ndarray:
    """The noise that was added, at its level relative to the input: mix / gain - speech."""
    done = run(text, wave, utterance)
    return done.wave.astype(np.float64) / done.steps[0].facts["gain"] - wave


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("snr", [-10, 0, 10, 20, 60])
def test_snr_is_what_was_asked(kind: str, snr: int) -> None:
    wave = clip(2.0)
    added = noise_part(f"noise(kind={kind}, snr={snr})", wave)
    measured = db(active_level(wave, 16000) / np.sqrt(np.mean(added**2)))
    assert measured == pytest.approx(snr, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(KINDS), st.floats(-10, 60), st.integers(800, 40000), st.floats(1e-3, 3))
def test_every_check_passes_at_any_snr_length_and_level(
    kind: str, snr: float, size: int, gain: float
) -> None:
    wave = (clip(2.5) * np.float32(gain))[:size]
    assert run(f"noise(kind={kind}, snr={snr!r})", wave).passed is True


def test_the_level_of_the_mix_is_that_of_the_input() -> None:
    wave = clip(3.0) * np.float32(0.2)
    done = run("noise(kind=white, snr=-5)", wave)
    change = db(active_level(done.wave, 16000) / active_level(wave, 16000))
    assert change == pytest.approx(0, abs=0.01)
    assert done.steps[0].facts["gain"] < 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_the_excerpt_is_the_same_at_every_snr(kind: str) -> None:
    wave = clip(2.0)
    parts = [noise_part(f"noise(kind={kind}, snr={snr})", wave) for snr in (20, 10, 0)]
    unit = [part / np.linalg.norm(part) for part in parts]
    assert unit[0] @ unit[1] == pytest.approx(1, abs=1e-6)
    assert unit[0] @ unit[2] == pytest.approx(1, abs=1e-6)
    other = noise_part(f"noise(kind={kind}, snr=10)", wave, "another utterance")
    assert abs(unit[1] @ other / np.linalg.norm(other)) < 0.9


def test_the_facts_name_the_excerpt() -> None:
    wave = clip(1.0)
    done = run("noise(kind=street, snr=0)", wave)
    facts = done.steps[0].facts
    source = noises.open_kind("street").samples
    named = source[facts["offset"] : facts["offset"] + wave.size]
    added = done.wave / facts["gain"] - wave
    assert np.corrcoef(named, added)[0, 1] == pytest.approx(1, abs=1e-5)


def test_excerpts_leave_the_last_part_to_training() -> None:
    wave = clip(1.0)
    last = noises.open_kind("cafe").samples.size * EVALUATED_SHARE
    offsets = [
        run("noise(kind=cafe)", wave, str(i)).steps[0].facts["offset"] + wave.size
        for i in range(40)
    ]
    assert max(offsets) <= last and len(set(offsets)) > 30


def test_an_utterance_longer_than_the_noise_is_covered() -> None:
    wave = np.tile(clip(2.0), 10)
    done = run("noise(kind=volvo, snr=5)", wave)
    assert done.passed and done.steps[0].facts["offset"] == 0


def test_silence_is_passed_on_and_not_measurable() -> None:
    wave = np.zeros(16000, dtype=np.float32)
    done = run("noise(kind=white)", wave)
    assert done.passed is None
    assert not done.wave.any()
    assert done.steps[0].facts["silent"] is True
    assert checks(done)["SNR"] is None and checks(done)["coverage"] is None


def test_coverage_sees_gaps() -> None:
    noise = np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    assert covered(noise, 16000) == 1.0
    assert covered(noise[:10], 16000) == 1.0
    noise[8000:9600] = 0
    assert covered(noise, 16000) == pytest.approx(38 / 40)
    assert covered(np.zeros(1000, dtype=np.float32), 16000) == 0.0


def test_a_missing_bank_says_how_to_get_one(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNDERBENCH_NOISES", str(tmp_path))
    with pytest.raises(InputError, match="launderbench data build"):
        run("noise(kind=cafe)")
    with pytest.raises(InputError, match="launderbench data build"):
        parse("noise(kind=cafe)").identity()
    assert run("noise(kind=white)").passed


def test_another_sample_rate_is_refused_with_the_cause() -> None:
    with pytest.raises(AttackError, match=r"noise\(kind=cafe, snr=10\): .* 16000 Hz"):
        launder(parse("noise(kind=cafe)"), clip(), 8000, "u", 0)
