"""Low-pass and resampling: stop bands by Welch's method, golden values from scipy."""

from __future__ import annotations

import numpy as np
import pytest
from attack_support import checks, clip, run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin, kaiser_beta, resample_poly, welch

from attacks.apply import common_checks, lag
from attacks.filtering import LowPass
from attacks.spectrum import Spectrum


def white(seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, round(seconds * 16000)).astype(np.float32)


def drop(before: np.ndarray, after: np.ndarray, low: float, high: float) -> float:
    """dB by which the band fell, after Welch."""
    hertz, old = welch(before.astype(np.float64), 16000, nperseg=2048, window="blackmanharris")
    _, new = welch(after.astype(np.float64), 16000, nperseg=2048, window="blackmanharris")
    band = (hertz >= low) & (hertz <= high)
    return 10 * float(np.log10(old[band].sum() / new[band].sum()))


@pytest.mark.parametrize("cutoff", [200, 1500, 4000, 7000, 7700])
def test_lowpass_stops_and_passes_where_it_says(cutoff: int) -> None:
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
    change, length = done.steps[0].checks
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


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        st.floats(200, 7700).map("lowpass(cutoff={!r})".format),
        st.integers(1000, 48000).map("resample(rate={})".format),
    ),
    st.integers(1, 20000),
    st.integers(1, 4),
)
def test_every_check_passes_for_any_parameter_and_length(text: str, size: int, seed: int) -> None:
    done = run(text, clip(1.25, seed)[:size])
    failed = [check for check in done.steps[0].checks if check.passed is False]
    assert failed == [] and done.wave.size == size


@pytest.mark.parametrize("text", ["lowpass(cutoff=4000)", "resample(rate=8000)"])
def test_a_band_that_was_empty_is_not_measurable(text: str) -> None:
    narrow = run("resample(rate=5000)", clip()).wave
    measured = checks(run(text, narrow))
    assert measured["stop band attenuation"] is None and measured["residual"] is None
    assert measured["pass band error"] is not None
    assert run(text, narrow).passed is None  # that the rest was left alone verifies nothing


def band_ends(hertz: float, seconds: float = 4.0) -> np.ndarray:
    """A clip without anything above `hertz`, as the embedded data set's has 7,300."""
    taps = firwin(801, hertz, window=("kaiser", kaiser_beta(90)), fs=16000)
    return np.convolve(clip(seconds), taps, mode="same").astype(np.float32)


def test_a_lowpass_is_measured_on_what_its_transition_takes_away() -> None:
    wave = band_ends(7150)
    measured = checks(run("lowpass(cutoff=7000)", wave))
    assert measured["stop band attenuation"] is None
    assert measured["residual"] is not None and run("lowpass(cutoff=7000)", wave).passed
    gone = run("lowpass(cutoff=7700)", wave)  # its pass band holds everything
    assert checks(gone)["residual"] is None and gone.passed is None
    untouched = common_checks(LowPass(7000.0), wave, wave, 16000, {})
    assert [c.passed for c in untouched if c.quantity == "residual"] == [False]


@pytest.mark.parametrize("cutoff", [6000, 6900, 7000, 7200, 7350, 7400, 7500])
def test_whatever_of_its_transition_is_there_no_lowpass_fails(cutoff: int) -> None:
    assert run(f"lowpass(cutoff={cutoff})", band_ends(7150)).passed is not False
