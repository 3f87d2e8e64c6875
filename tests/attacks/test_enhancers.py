"""Enhancers out of pinned wheels: on noisy speech, by other paths, and where they are absent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import ShortTimeFFT

from attacks.contract.base import Attack, Wave, registry
from attacks.contract.condition import Condition, parse
from attacks.contract.conformance import check
from attacks.contract.launder import Laundered, lag, launder
from attacks.enhancement import gtcrn
from attacks.enhancement.enhancer import ANEW, FLOOR, added_energy
from attacks.enhancement.gtcrn import Gtcrn
from attacks.enhancement.webrtc import WebRtcSuppression
from benchmark.core.errors import InputError
from tests.attacks.test_fingerprints import fingerprint, same
from tests.support.attack_support import checks, clip, noisy_clip

ENGINES = ("gtcrn", "rnnoise", "webrtc_ns(level=3)", "webrtc_agc", "deepfilternet(limit=12)")
CONFORMING = ("webrtc_ns", "webrtc_agc")  # the others take a minute each
PINNED = {  # of tests/attacks/test_fingerprints.py; its noise is no speech to most of them
    "gtcrn": [0.001016, 0.993241, 0.082507, 0.062014, 0.053097, -0.040477, -0.021647, 0.036967],
    "rnnoise": [3.1e-05, 0.997584, 0.055478, 0.030438, 0.028653, -0.007472, -0.011882, 0.00741],
    "webrtc_ns(level=3)": [
        0.0231,
        0.945879,
        0.232326,
        0.175567,
        0.143226,
        -0.002484,
        -0.000653,
        0.00274,
    ],
    "webrtc_agc": [
        0.059599,
        0.944078,
        0.237086,
        0.178035,
        0.144258,
        -0.001236,
        -0.000178,
        0.002047,
    ],
    "deepfilternet(limit=12)": [
        0.007735,
        0.960741,
        0.204288,
        0.153171,
        0.108545,
        -0.040131,
        -0.013732,
        0.036411,
    ],
}


def cause(text: str) -> str | None:
    """Return why an engine cannot run here; asked again by each test, not at import."""
    return parse(text).steps[0].unavailable()


def enhanced(text: str, wave: Wave) -> Laundered:
    """Launder `wave`; skip where the engine has not been fetched."""
    if why := cause(text):
        pytest.skip(f"{text}: {why}")
    return launder(parse(text), wave, 16000, "u", 0)


@pytest.mark.parametrize("text", ENGINES)
def test_noisy_speech_comes_back_cleaner_aligned_and_verified(text: str) -> None:
    wave = noisy_clip()
    done = enhanced(text, wave)
    assert done.wave.size == wave.size and abs(lag(wave, done.wave)) <= 1
    found = checks(done)
    assert found[ANEW] < -120  # type: ignore[operator]
    if text != "rnnoise":  # to which this buzz is no voice
        assert done.passed is True
    if text != "webrtc_agc":
        assert found[FLOOR] < -6  # type: ignore[operator]
        assert found["energy added"] < -20  # type: ignore[operator]


def test_gtcrn_takes_white_noise_out_of_pauses_and_leaves_the_voice() -> None:
    wave = noisy_clip(level=0.01)
    loud = (np.arange(wave.size) // 8000) % 2 == 1
    done = enhanced("gtcrn", wave).wave
    fallen = [20 * np.log10(np.std(done[part]) / np.std(wave[part])) for part in (loud, ~loud)]
    assert fallen[0] > -1.5 and fallen[1] < -15


def test_gtcrn_has_the_framing_of_another_transform() -> None:
    enhanced("gtcrn", clip(0.1))
    wave = noisy_clip()[:16000]
    root = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512))
    transform = ShortTimeFFT(root, hop=256, fs=16000, fft_mode="onesided", phase_shift=None)
    spectra = transform.stft(wave.astype(np.float64), p0=0, p1=64)
    masked = gtcrn._masked(gtcrn._session(optimised=True), spectra.T.astype(np.complex64))
    expected = transform.istft(masked.T, k1=wave.size)
    np.testing.assert_allclose(Gtcrn().enhance(wave), expected, atol=1e-5)


@pytest.mark.parametrize(("level", "nominal"), [(1, 6), (2, 12), (3, 18)])
def test_webrtc_lowers_white_noise_as_its_levels_say(level: int, nominal: float) -> None:
    noise = 0.02 * np.random.default_rng(1).standard_normal(80000).astype(np.float32)
    out = enhanced(f"webrtc_ns(level={level})", noise).wave
    fallen = -20 * np.log10(np.std(out[48000:]) / np.std(noise[48000:]))
    assert fallen == pytest.approx(nominal, abs=1.5)


def test_the_limit_of_deepfilternet_is_the_most_that_noise_falls() -> None:
    noise = 0.02 * np.random.default_rng(1).standard_normal(24000).astype(np.float32)
    out = enhanced("deepfilternet(limit=12)", noise).wave
    fallen = -20 * np.log10(np.std(out[12000:]) / np.std(noise[12000:]))
    assert fallen == pytest.approx(12, abs=0.7)


@pytest.mark.parametrize("text", ENGINES)
def test_equal_samples_in_threads_and_again(text: str) -> None:
    wave = noisy_clip()[:12000]
    first = enhanced(text, wave).wave.tobytes()
    with ThreadPoolExecutor(2) as pool:
        rest = list(pool.map(lambda _: enhanced(text, wave).wave.tobytes(), range(2)))
    assert rest == [first, first]


@pytest.mark.parametrize("text", ENGINES)
def test_short_silent_and_clipped_waves_come_back(text: str) -> None:
    for wave in (np.zeros(1600), np.full(1, 0.5), np.full(100, -1.0), np.full(700, 3.0)):
        out = enhanced(text, wave.astype(np.float32)).wave
        assert out.shape == wave.shape and np.isfinite(out).all()
        assert np.any(wave) or not np.any(out)
        assert np.abs(out).max() <= 1.5 * np.abs(wave).max()


@pytest.mark.parametrize("text", ["webrtc_agc", "webrtc_ns(level=3)", "gtcrn"])
def test_a_peak_beyond_full_scale_near_the_end_is_restored(text: str) -> None:
    wave = noisy_clip()
    wave[40000:] *= np.float32(2.5 / np.abs(wave[40000:]).max())
    done = enhanced(text, wave)
    assert done.passed is True and np.abs(done.wave).max() > 1


@pytest.mark.parametrize("text", ENGINES)
def test_the_samples_are_those_of_this_version(text: str) -> None:
    enhanced(text, clip(0.1))
    assert same(PINNED[text], fingerprint(text)), f"{text} changed: raise its version, then pin it"


@pytest.mark.parametrize("text", CONFORMING)
def test_it_conforms(text: str) -> None:
    enhanced(text, clip(0.1))
    assert [str(finding) for finding in check(parse(text), brief=True)] == []


class Half(WebRtcSuppression):
    """Mixes half of the input in."""

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return 0.5 * (wave + self.enhance(wave))


class NoiseAfterOneSecond(WebRtcSuppression):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out = self.enhance(wave).copy()
        rest = slice(32000, None)
        out[rest] = np.std(out) * np.random.default_rng(0).standard_normal(out[rest].size)
        return out


@pytest.mark.parametrize(("broken", "seen"), [(Half, ANEW), (NoiseAfterOneSecond, "energy added")])
def test_another_output_is_refuted(broken: type[Attack], seen: str) -> None:
    enhanced("webrtc_ns", clip(0.1))
    done = launder(Condition((broken(),)), noisy_clip(), 16000, "u", 0)
    assert seen in [c.quantity for c in done.steps[0].checks if c.passed is False]


def test_added_energy_is_what_a_bin_has_beyond_twice_the_input() -> None:
    tone = np.sin(2 * np.pi * 1000 / 16000 * np.arange(16000)).astype(np.float32)
    assert added_energy(tone, 0.5 * tone) == -200
    assert added_energy(tone, 2 * tone) == pytest.approx(10 * np.log10(4 - 2), abs=0.01)
    assert added_energy(tone, tone[:-1]) is None and added_energy(0 * tone, tone) is None


@pytest.mark.parametrize("text", ENGINES)
def test_without_its_wheel_it_says_what_fetches_it(text: str, cache: Path) -> None:
    attack = parse(text).steps[0]
    assert "fetched by the first run that needs it" in str(attack.unavailable())
    assert all(len(digest) == 64 for digest in attack.resources().values())
    with pytest.raises(InputError, match=f"{attack.name} is not available: the wheel"):
        launder(parse(text), clip(0.1), 16000, "u", 0)


def test_without_onnxruntime_gtcrn_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "launderbench[onnx]" in str(Gtcrn().unavailable())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("webrtc_ns(level=5)", "webrtc_ns: level=5 is out of range"),
        ("webrtc_ns(level=0)", "webrtc_ns: level=0 is out of range"),
        ("deepfilternet(limit=0)", "deepfilternet: limit=0 is out of range"),
    ],
)
def test_a_bad_value_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


def test_none_of_them_is_registered_twice_or_without_licence() -> None:
    for text in ENGINES:
        cls = registry.get(text.split("(")[0])
        assert cls.family == "enhance" and cls.citation
        assert all(file.wheel.licence in ("MIT", "MIT or Apache-2.0") or "BSD" in file.wheel.licence
                   for file in cls().wheel_files)  # fmt: skip
