"""Additive noise: the SNR by the test's own arithmetic, coverage, one excerpt at every SNR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch
from scipy.stats import linregress

import noises
from attacks.contract.condition import Condition, parse
from attacks.contract.launder import AttackError, launder
from attacks.noise.additive_noise import levels
from benchmark.audio.reader import read
from benchmark.audio.speech_level import active_level
from benchmark.core.errors import InputError
from noises import synthetic
from tests.support.attack_support import checks, clip, db, run

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")
KINDS = ["babble", "cafe", "street", "volvo", "white", "pink"]


def noise_part(text: str, wave: np.ndarray, utterance: str = "u") -> np.ndarray:
    """Return the added noise at its level relative to the input: mix / gain - speech."""
    done = run(text, wave, utterance)
    return done.wave.astype(np.float64) / done.steps[0].facts["gain"] - wave


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("snr", [-10, 0, 10, 20, 60])
def test_snr_is_the_requested_one(kind: str, snr: int) -> None:
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


def test_either_reference_adds_the_same_excerpt_at_its_own_level() -> None:
    wave = np.concatenate([clip(1.5), np.zeros(24000, dtype=np.float32)])  # half of it a pause
    active, whole = (
        noise_part(f"noise(kind=cafe, snr=10, reference={reference})", wave)
        for reference in ("active", "whole")
    )
    unit = [part / np.linalg.norm(part) for part in (active, whole)]
    assert unit[0] @ unit[1] == pytest.approx(1, abs=1e-6)
    level = np.sqrt(np.mean(wave.astype(np.float64) ** 2))
    assert db(level / np.sqrt(np.mean(whole**2))) == pytest.approx(10, abs=0.02)
    assert 1 < db(np.linalg.norm(active) / np.linalg.norm(whole)) < 6
    assert run("noise(kind=cafe, reference=whole)", wave).passed is True


@pytest.mark.parametrize("reference", ["active", "whole"])
def test_both_levels_of_a_steady_tone_are_its_rms(reference: str) -> None:
    wave = (0.3 * np.sin(2 * np.pi * 440 * np.arange(48000) / 16000)).astype(np.float32)
    added = noise_part(f"noise(kind=street, snr=3, reference={reference})", wave)
    assert db(0.3 / 2**0.5 / np.sqrt(np.mean(added**2))) == pytest.approx(3, abs=0.1)


def test_the_requested_reference_is_the_verified_one() -> None:
    wave = np.concatenate([clip(1.0), np.zeros(16000, dtype=np.float32)])
    done = run("noise(kind=white, snr=10, reference=whole)", wave)
    other = parse("noise(kind=white, snr=10)").steps[0]
    snr = other.checks(wave, done.wave, 16000, done.steps[0].facts)[0]
    assert snr.passed is False and snr.measured is not None and snr.measured > 11


def test_the_facts_name_the_excerpt(bank: Path) -> None:
    wave = clip(1.0)
    done = run("noise(kind=street, snr=0)", wave)
    facts = done.steps[0].facts
    assert facts["recording"] == "street.wav"
    source, _ = soundfile.read(bank / facts["recording"])
    named = source[facts["offset"] : facts["offset"] + wave.size]
    added = done.wave / facts["gain"] - wave
    assert np.corrcoef(named, added)[0, 1] == pytest.approx(1, abs=1e-5)


def test_evaluation_and_training_share_no_excerpt() -> None:
    wave = clip(1.0)
    attack = parse("noise(kind=cafe, snr=5)").steps[0]
    size = noises.open_kind("cafe").recordings[0].size
    rngs = [np.random.default_rng(i) for i in range(40)]
    tested = [attack(wave, 16000, rng)[1]["offset"] for rng in rngs]  # type: ignore[index]
    trained = [attack.for_training()(wave, 16000, rng)[1]["offset"] for rng in rngs]  # type: ignore[index]
    assert max(tested) + wave.size <= size * 3 // 4 <= min(trained)
    assert max(trained) + wave.size <= size
    assert len(set(tested)) > 30 and len(set(trained)) > 30
    assert str(Condition((attack.for_training(),))) == str(Condition((attack,)))
    assert attack.for_training() != attack


def test_an_utterance_longer_than_the_noise_is_covered_without_a_seam() -> None:
    wave = np.full(320000, 0.1, dtype=np.float32)
    wave[::2] *= -1
    done = run("noise(kind=volvo, snr=5)", wave)
    assert done.passed
    added = done.wave / done.steps[0].facts["gain"] - wave
    # a car's interior is smooth: a click of a bare seam would stand out in the differences
    steps = np.abs(np.diff(added))
    assert steps.max() < 6 * np.sqrt(np.mean(steps**2))


def test_pink_noise_falls_with_3_db_per_octave() -> None:
    wave = synthetic.pink(160000, np.random.default_rng(0))
    hertz, power = welch(wave, 16000, nperseg=4096)
    inside = (hertz > 40) & (hertz < 7500)
    fit = linregress(np.log2(hertz[inside]), 10 * np.log10(power[inside]))
    assert fit.slope == pytest.approx(-10 * np.log10(2), abs=0.1)
    assert np.abs(fit.rvalue) > 0.98
    assert synthetic.pink(1, np.random.default_rng(0))[0] != 0


def write(path: Path, wave: np.ndarray, rate: int = 16000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of noise, with several rates, channels, formats and folders."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    write(tmp_path / "my" / "fan.wav", rng.uniform(-0.3, 0.3, 80000))
    write(tmp_path / "my" / "deep" / "drill.flac", rng.uniform(-0.3, 0.3, (220500, 2)), 44100)
    write(tmp_path / "my" / "short.WAV", rng.uniform(-0.3, 0.3, 9000))
    (tmp_path / "my" / "notes.txt").write_text("none of these")
    (tmp_path / "my" / "._fan.wav").write_text("left by another system")
    return tmp_path / "my"


def test_any_folder_is_a_noise(corpus: Path) -> None:
    wave = clip(1.5)
    texts = [f"noise(kind=./my, snr={snr})" for snr in (20, 0)]
    drawn = {}
    for utterance in "abcdefghijklmnop":
        done = [run(text, wave, utterance) for text in texts]
        assert all(each.passed for each in done)
        facts = [each.steps[0].facts for each in done]
        assert facts[0]["recording"] == facts[1]["recording"]
        assert facts[0]["offset"] == facts[1]["offset"]
        drawn[utterance] = facts[0]["recording"]
    assert set(drawn.values()) == {"deep/drill.flac", "fan.wav", "short.WAV"}
    absolute = run(f'noise(kind="{corpus}", snr=20)', wave, "a")
    assert np.array_equal(absolute.wave, run(texts[0], wave, "a").wave)
    assert run("noise(kind=my/fan.wav)", wave).steps[0].facts["recording"] == "fan.wav"


def test_an_excerpt_of_another_rate_is_at_the_recorded_offset(corpus: Path) -> None:
    noise = noises.open_path(corpus / "deep" / "drill.flac")
    whole = read(corpus / "deep" / "drill.flac")
    for seed in range(5):
        excerpt = noise.excerpt(8000, np.random.default_rng(seed))
        want = whole[excerpt.offset : excerpt.offset + 8000]
        assert excerpt.samples == pytest.approx(want, abs=1e-4)
    recording = noise.recordings[0]
    assert recording.cut(recording.size - 100, 100).shape == (100,)


def test_the_identity_depends_on_the_contents_of_the_files(corpus: Path) -> None:
    text = "noise(kind=./my)"
    before = parse(text).identity()
    assert before.count("+noise/./my:") == 1
    noises.open_path.cache_clear()
    (corpus / "short.WAV").rename(corpus / "shorter.wav")
    assert parse(text).identity() == before
    write(corpus / "shorter.wav", np.random.default_rng(9).uniform(-0.3, 0.3, 9000))
    noises.open_path.cache_clear()
    after = parse(text).identity()
    assert after != before
    write(corpus / "more.wav", np.random.default_rng(9).uniform(-0.3, 0.3, 9000))
    noises.open_path.cache_clear()
    assert parse(text).identity() not in (before, after)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no audio file .* in bad"),
        (b"not audio", r"bad.x\.wav: cannot be decoded"),
        (np.zeros(16000), r"bad.x\.wav: the noise is silent"),
        (np.ones(4000), r"bad.x\.wav: 0\.2 s of noise, at least 0\.5 s are needed"),
    ],
)
def test_an_unusable_folder_of_noise_is_refused_with_the_cause(
    corpus: Path, content: bytes | np.ndarray | None, message: str
) -> None:
    (corpus.parent / "bad").mkdir()
    if isinstance(content, bytes):
        (corpus.parent / "bad" / "x.wav").write_bytes(content)
    elif content is not None:
        write(corpus.parent / "bad" / "x.wav", content)
    for refuse in (lambda: run("noise(kind=./bad)"), parse("noise(kind=./bad)").identity):
        with pytest.raises(InputError, match=message):
            refuse()


def test_noise_with_invalid_samples_is_refused_with_its_file(corpus: Path) -> None:
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, 160000).astype(np.float32)
    wave[-3000:] = np.nan
    soundfile.write(corpus.parent / "nan.wav", wave, 16000, subtype="FLOAT")
    attack = parse("noise(kind=./nan.wav)").steps[0].for_training()
    long = np.ones(39000, dtype=np.float32)
    with pytest.raises(AttackError, match=r"nan\.wav: holds NaN"):
        attack(long, 16000, np.random.default_rng(0))


def test_a_kind_that_is_neither_name_nor_path_is_refused() -> None:
    with pytest.raises(InputError, match=r"did you mean 'volvo'.* with a slash: \./volov"):
        parse("noise(kind=volov)")
    with pytest.raises(InputError, match="no such file or folder: nowhere/at/all"):
        run("noise(kind=nowhere/at/all)")


def test_silence_is_returned_unchanged_and_not_measurable() -> None:
    wave = np.zeros(16000, dtype=np.float32)
    done = run("noise(kind=white)", wave)
    assert done.passed is None
    assert not done.wave.any()
    assert done.steps[0].facts["silent"] is True
    assert checks(done)["SNR"] is None and checks(done)["coverage"] is None


def test_a_lone_sample_that_the_noise_cancels_is_no_failure() -> None:
    wave = np.full(1, 0.25, dtype=np.float32)
    waves = [run("noise(kind=white, snr=0)", wave, str(i)).wave for i in range(8)]
    assert any(not made.any() for made in waves) and any(made.any() for made in waves)


def test_coverage_sees_gaps() -> None:
    noise = np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    assert levels(noise, 16000)[1] == 1.0
    assert levels(noise[:10], 16000)[1] == 1.0
    noise[8000:9600] = 0
    assert levels(noise, 16000)[1] == pytest.approx(38 / 40)
    assert levels(np.zeros(1000, dtype=np.float32), 16000)[1] == 0.0


def test_the_error_for_a_missing_bank_says_how_to_build_it(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_NOISES", str(tmp_path))
    with pytest.raises(InputError, match="launderbench data build"):
        run("noise(kind=cafe)")
    with pytest.raises(InputError, match="launderbench data build"):
        parse("noise(kind=cafe)").identity()
    assert run("noise(kind=white)").passed


def test_another_sample_rate_is_refused_with_the_cause() -> None:
    with pytest.raises(AttackError, match=r"noise\(kind=cafe, .*active\): .* 16000 Hz"):
        launder(parse("noise(kind=cafe)"), clip(), 8000, "u", 0)
