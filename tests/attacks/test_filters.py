"""Filters and resamplers: bands by Welch's method, golden values from scipy and from formulas."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin, freqs, freqz, kaiser_beta, resample_poly, welch

from attacks.contract.base import RESIDUAL, Attack, AttackError
from attacks.contract.condition import parse, spell
from attacks.contract.launder import Laundered, common_checks, lag, launder
from attacks.filters.band_filters import LowPass
from attacks.filters.band_levels import Spectrum
from benchmark.core.errors import InputError
from tests.support.attack_support import attacks, checks, clip, run


def white(seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, round(seconds * 16000)).astype(np.float32)


def drop(before: np.ndarray, after: np.ndarray, low: float, high: float) -> float:
    """Return the dB by which the band fell, after Welch."""
    hertz, old = welch(before.astype(np.float64), 16000, nperseg=2048, window="blackmanharris")
    _, new = welch(after.astype(np.float64), 16000, nperseg=2048, window="blackmanharris")
    band = (hertz >= low) & (hertz <= high)
    return 10 * float(np.log10(old[band].sum() / new[band].sum()))


@pytest.mark.parametrize("cutoff", [200, 1500, 4000, 7000, 7700])
def test_lowpass_stops_and_passes_the_claimed_bands(cutoff: int) -> None:
    attack = LowPass(float(cutoff))
    wave = white()
    after = run(f"lowpass(cutoff={cutoff})", wave).wave
    assert drop(wave, after, attack.stop_edge + 40, 8000) > 60
    assert abs(drop(wave, after, 0, cutoff - attack.transition / 2 - 40)) < 0.1
    assert drop(wave, after, cutoff - 8, cutoff + 8) == pytest.approx(6, abs=1.5)
    assert lag(wave, after) == 0


def test_lowpass_against_scipy() -> None:
    wave = white(0.5)
    taps = firwin(163, 7000, window=("kaiser", kaiser_beta(80)), fs=16000)
    # the count that Kaiser's formula gives for 80 dB over 500 Hz, made odd
    taps = taps if (80 - 7.95) / (2.285 * 2 * np.pi * 500 / 16000) > 160 else taps[1:-1]
    want = np.convolve(wave.astype(np.float64), taps, mode="same")
    assert run("lowpass", wave).wave == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize("rate", [1000, 4000, 8000, 11025, 15000])
def test_resampling_down_empties_the_band_above(rate: int) -> None:
    wave = white()
    after = run(f"resample(rate={rate})", wave).wave
    assert drop(wave, after, rate / 2 + 40, 8000) > 70
    assert abs(drop(wave, after, 0, 0.42 * rate)) < 0.2
    assert lag(wave, after) == 0


@pytest.mark.parametrize("rate", [22050, 44100, 192000])
def test_resampling_up_hardly_changes_anything(rate: int) -> None:
    wave = clip()
    done = run(f"resample(rate={rate})", wave)
    assert done.passed
    change, length = done.steps[0].checks[:2]
    assert (change.quantity, change.effect) == ("change", True)
    assert (length.quantity, length.effect) == ("length", False)
    inside = slice(400, -400)  # the wave's abrupt ends are not band-limited
    assert np.abs(done.wave - wave)[inside].max() < 0.02 * np.abs(wave).max()


def test_resampling_against_scipy() -> None:
    wave = white(1.0)
    theirs = resample_poly(resample_poly(wave.astype(np.float64), 1, 2), 2, 1)
    ours = Spectrum(run("resample(rate=8000)", wave).wave, 16000)
    error = ours.difference_db(Spectrum(theirs.astype(np.float32), 16000), 0, 3000)
    assert error is not None and error < -45


FILTERS = ("bandpass", "eq", "highpass", "lowpass", "notch", "peaking", "smoothing", "telephone")


@settings(max_examples=120, deadline=None)
@given(attacks("resample", *FILTERS), st.integers(1, 20000), st.integers(1, 4))
def test_every_check_passes_for_any_parameter_and_length(
    attack: Attack, size: int, seed: int
) -> None:
    done = run(spell(attack), clip(1.25, seed)[:size])
    failed = [check for check in done.steps[0].checks if check.passed is False]
    assert failed == []
    assert done.wave.size == size or not attack.aligned


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * 16000)) / 16000
    return (0.4 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def gain_db(text: str, hertz: float) -> float:
    """Return the gain of a sine, measured in the middle of a second."""
    wave = tone(hertz)
    middle = slice(5000, 11000)
    after = run(text, wave).wave[middle].astype(np.float64)
    return 10 * float(np.log10(max(np.mean(after**2), 1e-16) / np.mean(wave[middle] ** 2)))


@pytest.mark.parametrize(
    ("text", "passed", "halved", "stopped"),
    [
        ("highpass(cutoff=300)", (400, 4000), (300,), (220, 100, 30)),
        ("highpass(cutoff=2400)", (2700, 7900), (2400,), (2140, 300)),
        ("bandpass(low=300, high=3400)", (400, 3200), (300, 3400), (200, 3600, 7000)),
        ("notch(centre=1000, width=200)", (800, 1200, 7000), (900, 1100), (960, 1000, 1040)),
        ("telephone", (300, 1000, 3400), (200, 3500), (99, 50, 3601, 7900)),
        ("telephone(high=7000)", (300, 7000), (7100,), (7201,)),
    ],
)
def test_what_passes_and_what_is_stopped(
    text: str, passed: tuple[int, ...], halved: tuple[int, ...], stopped: tuple[int, ...]
) -> None:
    for hertz in passed:
        assert gain_db(text, hertz) == pytest.approx(0, abs=0.02)
    for hertz in halved:
        assert gain_db(text, hertz) == pytest.approx(-6.02, abs=0.1)
    assert max(gain_db(text, hertz) for hertz in stopped) < -60
    assert lag(white(), run(text, white()).wave) == 0


@pytest.mark.parametrize(
    "text", ["highpass(cutoff=100)", "bandpass(high=2000)", "notch(centre=60, width=40)"]
)
def test_the_response_to_an_impulse(text: str) -> None:
    impulse = np.zeros(32001, dtype=np.float32)
    impulse[16000] = 1.0
    design = parse(text).steps[0].design  # type: ignore[attr-defined]
    response = np.roll(run(text, impulse).wave, -16000).astype(np.float64)
    hertz, gains = np.fft.rfftfreq(32001, 1 / 16000), np.fft.rfft(response)
    stop, kept = design.bands(16000)
    for low, high in stop:
        assert np.abs(gains[(hertz >= low) & (hertz <= high)]).max() < 10 ** (-78 / 20)
    for low, high in kept:
        inside = gains[(hertz >= low) & (hertz <= high)]
        assert np.abs(inside - 1).max() < 2e-4  # zero phase: the response is real


def test_the_wrong_filter_is_refuted() -> None:
    done = run("highpass(cutoff=300)", clip())
    for other in ("highpass(cutoff=380)", "highpass(cutoff=200)", "telephone", "bandpass(low=300)"):
        made = parse(other).steps[0].checks(clip(), done.wave, 16000, {})
        assert False in [check.passed for check in made]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bandpass(low=2000, high=4000)", "bandpass: high=4000 Hz must be more than twice low="),
        ("notch(centre=40, width=80)", "notch: a width of 80 Hz about 40 Hz, with its transitions"),
        ("notch(centre=7500, width=800)", "does not fit between 5 and 7900 Hz"),
        ("resample(quality=lienar)", "unknown resample quality 'lienar'; did you mean 'linear'"),
        ("resample(returned=0)", "resample: returned must be true or false, not 0"),
    ],
)
def test_invalid_combinations_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        parse(text)


def test_a_filter_beyond_the_sample_rate_is_refused() -> None:
    with pytest.raises(AttackError, match="cutoff 200 and 3500 Hz does not fit 7000 Hz"):
        launder(parse("telephone"), clip(), 7000, "u", 0)


@pytest.mark.parametrize("width", [2, 5, 6, 64])
def test_smoothing_is_the_moving_average(width: int) -> None:
    wave = white(0.5)
    back = 0 if width % 2 else 1  # an even width reaches one further back
    want = np.convolve(wave.astype(np.float64), np.full(width, 1 / width))
    want = want[width // 2 - back :][: wave.size]
    done = run(f"smoothing(width={width})", wave)
    assert done.wave == pytest.approx(want, abs=1e-6) and done.passed
    hertz, gains = freqz(np.full(width, 1 / width), worN=500, fs=16000)
    attack = parse(f"smoothing(width={width})").steps[0]
    assert np.abs(attack.response(hertz, 16000)) == pytest.approx(np.abs(gains), abs=1e-6)  # type: ignore[attr-defined]


def test_a_peak_has_the_analog_response() -> None:
    a, turn = 10 ** (9 / 40), 2 * np.pi * 1000
    b = [1 / turn**2, a / (1.4 * turn), 1]
    for hertz in (250, 700, 1000, 1500, 4000):
        _, (want,) = freqs(b, [1 / turn**2, 1 / (a * 1.4 * turn), 1], [2 * np.pi * hertz])
        got = gain_db("peaking(centre=1000, gain=9, q=1.4)", hertz)
        assert got == pytest.approx(20 * np.log10(abs(want)), abs=0.05)
    assert gain_db("peaking(centre=1000, gain=-9)", 1000) == pytest.approx(-9, abs=0.05)


def test_the_equaliser_has_the_gains_that_it_drew() -> None:
    facts = run("eq(gain=12)").steps[0].facts["gains"]
    assert max(map(abs, facts)) == 12 and sum(facts) == pytest.approx(0, abs=1e-2)
    for hertz, want in zip((250, 500, 1000, 2000, 4000), facts[2:7], strict=True):
        # the clip and the tone are one utterance: they share their draws
        assert gain_db("eq(gain=12)", hertz) == pytest.approx(want, abs=0.4)  # a corner is rounded
    milder = run("eq(gain=3)").steps[0].facts["gains"]
    assert milder == pytest.approx([gain / 4 for gain in facts], abs=1e-3)
    assert run("eq", utterance="v").steps[0].facts != run("eq").steps[0].facts


def test_the_wrong_curve_is_refuted() -> None:
    before, done = clip(), run("peaking(gain=6)").wave
    assert parse("peaking(gain=6)").steps[0].checks(before, done, 16000, {})[0].passed
    for other in ("peaking(gain=7)", "peaking(centre=1300)", "peaking(q=3)", "smoothing"):
        assert parse(other).steps[0].checks(before, done, 16000, {})[0].passed is False


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 44100])
def test_polyphase_is_scipys(rate: int) -> None:
    wave = white(0.5)
    common = np.gcd(rate, 16000)
    there = resample_poly(np.append(wave, np.zeros(400)), rate // common, 16000 // common)
    want = resample_poly(there, 16000 // common, rate // common)[: wave.size]
    done = run(f"resample(rate={rate}, quality=polyphase)", wave)
    assert done.wave == pytest.approx(want, abs=1e-5)
    assert done.passed and lag(wave, done.wave) == 0


def test_linear_interpolation_by_hand() -> None:
    wave = white(0.25)
    done = run("resample(rate=8000, quality=linear)", wave)
    assert np.array_equal(done.wave[::2], wave[::2])
    assert done.wave[1:-1:2] == pytest.approx((wave[:-2:2] + wave[2::2]) / 2, abs=1e-7)
    assert np.array_equal(run("resample(rate=32000, quality=linear)", wave).wave, wave)


def test_only_linear_interpolation_lets_the_band_above_fold_down() -> None:
    high = tone(5000)
    for quality, folded in (("soxr_hq", -70), ("polyphase", -50), ("linear", 0)):
        after = run(f"resample(rate=8000, quality={quality})", high).wave
        share = drop(high, after, 4900, 5100) if folded == 0 else None
        hertz, power = welch(after.astype(np.float64), 16000, nperseg=4096)
        _, old = welch(high.astype(np.float64), 16000, nperseg=4096)
        image = 10 * np.log10(power[np.abs(hertz - 3000) < 50].sum() / old.sum())
        assert (image > -6) if folded == 0 else (image < folded)
        assert share is None or share > 3


@pytest.mark.parametrize("quality", ["soxr_hq", "polyphase", "linear"])
@pytest.mark.parametrize("rate", [8000, 22050])
def test_a_rate_that_is_not_restored_warps_time(rate: int, quality: str) -> None:
    text = f"resample(rate={rate}, quality={quality}, returned=false)"
    wave = tone(1000)
    done = run(text, wave)
    assert not parse(text).aligned and done.passed
    assert done.wave.size == rate  # one second, read at 16 kHz: half as long, or 1.38 times as long
    hertz = np.fft.rfftfreq(done.wave.size, 1 / 16000)
    peak = hertz[np.argmax(np.abs(np.fft.rfft(done.wave * np.hanning(done.wave.size))))]
    assert peak == pytest.approx(1000 * 16000 / rate, abs=2)
    assert parse("resample(rate=16000, returned=false)").aligned


def test_a_corrected_rate_is_refuted() -> None:
    for quality in ("soxr_hq", "polyphase", "linear"):
        wrong = parse(f"resample(rate=8000, quality={quality}, returned=false)").steps[0]
        for after in (clip(), clip()[: clip().size // 2]):
            made = wrong.checks(clip(), after, 16000, {})
            made += common_checks(wrong, clip(), after, 16000, {})
            assert False in [check.passed for check in made]


@pytest.mark.parametrize("text", ["lowpass(cutoff=4000)", "resample(rate=8000)"])
def test_a_band_that_was_empty_is_not_measurable(text: str) -> None:
    narrow = run("resample(rate=5000)", clip()).wave
    measured = checks(run(text, narrow))
    assert measured["stop band attenuation"] is None and owed_residual(run(text, narrow)) is None
    assert measured["pass band error"] is not None
    assert run(text, narrow).passed is None  # that the other bands are unchanged verifies nothing


def owed_residual(done: Laundered) -> bool | None:
    """Return the verdict on the change, None where it is measured but not owed."""
    return next(c.passed for c in done.steps[0].checks if c.quantity == "residual")


def band_ends(hertz: float, seconds: float = 4.0) -> np.ndarray:
    """Return a clip with nothing above `hertz`; those of the embedded data set end at 7,300."""
    taps = firwin(801, hertz, window=("kaiser", kaiser_beta(90)), fs=16000)
    return np.convolve(clip(seconds), taps, mode="same").astype(np.float32)


def test_a_lowpass_is_measured_on_what_its_transition_takes_away() -> None:
    wave = band_ends(7150)
    done = run("lowpass(cutoff=7000)", wave)
    assert checks(done)["stop band attenuation"] is None
    (change,) = (c for step in done.steps for c in step.checks if c.quantity == RESIDUAL)
    assert change.passed is True
    assert done.passed is None  # a change alone is no effect of its own
    gone = run("lowpass(cutoff=7700)", wave)  # its pass band holds everything
    assert owed_residual(gone) is None and gone.passed is None
    untouched = common_checks(LowPass(7000.0), wave, wave, 16000, {})
    assert [c.passed for c in untouched if c.quantity == "residual"] == [False]


@pytest.mark.parametrize("cutoff", [6000, 6900, 7000, 7200, 7350, 7400, 7500])
def test_no_lowpass_fails_wherever_the_band_ends_in_its_transition(cutoff: int) -> None:
    assert run(f"lowpass(cutoff={cutoff})", band_ends(7150)).passed is not False
