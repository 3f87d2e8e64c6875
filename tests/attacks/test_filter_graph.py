"""Chains of FFmpeg's filters: against their formulas, and what the syntax admits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from attacks.contract.base import Wave
from attacks.contract.condition import Condition, parse
from attacks.contract.launder import lag, launder
from attacks.enhancement.filter_graph import FilterGraph
from attacks.enhancement.graph_syntax import ALLOWED, filters_of
from benchmark.core.errors import InputError
from tests.support.attack_support import checks, clip, noisy_clip, run

CHAINS = (
    "loudnorm=I=-16:TP=-1.5",
    "dynaudnorm=f=150:g=5",
    "acompressor=threshold=0.05:ratio=8,alimiter=limit=0.1",
    "highpass=f=100,afftdn=nr=20:tn=1,speechnorm=e=4",
    "compand=attacks=0.1:decays=0.3:points=-80/-80|-30/-15|0/-5",
)


def filtered(graph: str, wave: Wave | None = None) -> Wave:
    return run(f'filter(graph="{graph}")', wave).wave


@pytest.mark.parametrize("graph", CHAINS)
def test_common_chains_are_aligned_and_verified(graph: str) -> None:
    wave = noisy_clip()
    done = run(f'filter(graph="{graph}")', wave)
    assert done.passed is True and done.wave.size == wave.size
    assert checks(done)["filtered anew"] == -200.0  # in pieces or in one: the same bits
    assert abs(lag(wave, done.wave)) <= 1


def test_a_gain_is_the_gain_and_its_effect_is_measured() -> None:
    done = run('filter(graph="volume=volume=-6dB")')
    np.testing.assert_allclose(done.wave, clip() * 10 ** (-6 / 20), rtol=1e-5, atol=1e-8)
    assert checks(done)["change and gain"] == pytest.approx(-6.04, abs=0.02)
    assert done.passed is True and checks(done)["residual"] < -100  # type: ignore[operator]


def test_a_low_pass_is_the_biquad_of_the_cookbook() -> None:
    angle = 2 * np.pi * 1000 / 16000
    alpha = np.sin(angle) / (2 * 0.7071)
    middle = 1 - np.cos(angle)
    b, a = [middle / 2, middle, middle / 2], [1 + alpha, -2 * np.cos(angle), 1 - alpha]
    expected = lfilter(b, a, clip().astype(np.float64))
    done = run('filter(graph="lowpass=f=1000:t=q:w=0.7071")')
    delay = done.steps[0].facts["delay"]
    assert 0 <= delay <= 3
    size = clip().size - delay
    np.testing.assert_allclose(done.wave[:size], expected[delay:], atol=2e-5)


def test_loudness_comes_near_its_target() -> None:
    levels = [np.std(filtered(f"loudnorm=I={target}:LRA=20", clip(8.0))) for target in (-16, -26)]
    assert 20 * np.log10(levels[0] / levels[1]) == pytest.approx(10, abs=2)


def test_peaks_beyond_full_scale_are_restored() -> None:
    loud = clip() * np.float32(3 / np.abs(clip()).max())
    np.testing.assert_allclose(
        filtered("highpass=f=200", loud), 3 * filtered("highpass=f=200", loud / 3), atol=1e-5
    )


@pytest.mark.parametrize("size", [1, 100, 1601])
@pytest.mark.parametrize("graph", ["loudnorm", "afftdn,alimiter", "dynaudnorm"])
def test_short_silent_and_clipped_waves_come_back(graph: str, size: int) -> None:
    for wave in (np.zeros(size), np.full(size, 0.5), np.full(size, -1.0), np.full(size, 3.0)):
        out = filtered(graph, wave.astype(np.float32))
        assert out.shape == wave.shape and np.isfinite(out).all()
        assert np.any(out) or not np.any(wave) or size < 1000


class Other(FilterGraph):
    other = ""

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return FilterGraph(self.other)(wave, sample_rate, rng)


@pytest.mark.parametrize("other", ["loudnorm=I=-25", "volume=volume=2", "highpass=f=20"])
def test_another_chain_under_the_label_is_refuted(other: str) -> None:
    broken = type("Broken", (Other,), {"other": other})("loudnorm=I=-24")
    assert launder(Condition((broken,)), noisy_clip(), 16000, "u", 0).passed is False


def test_a_chain_that_does_nothing_is_no_effect() -> None:
    done = run('filter(graph="agate=threshold=0")')
    assert done.passed is None


# what the syntax admits


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ("amovie=x.wav", "unknown filter graph: FFmpeg filter 'amovie'"),
        ("arnndn=m=net.rnnn", "unknown filter graph: FFmpeg filter 'arnndn'"),
        ("ladspa=file=x", "unknown filter graph: FFmpeg filter 'ladspa'"),
        ("atempo=tempo=2", "unknown filter graph: FFmpeg filter 'atempo'"),
        ("loudnorm=stats_file=x", "unknown filter: option of loudnorm 'stats_file'"),
        ("loudnorm=print_format=json", "unknown filter: option of loudnorm 'print_format'"),
        ("highpass=enable=1", "unknown filter: option of highpass 'enable'"),
        ("highpass=/f=frequency.txt", "unknown filter: option of highpass '/f'"),
        ("highpass=f=/etc/passwd", "highpass: f must be a number or a word, not '/etc/passwd'"),
        ("volume=volume=random(0)", "volume: volume must be a number or a word"),
        ("highpass=300", "highpass takes key=value, each key once, not '300'"),
        ("highpass=f=1:f=2", "each key once, not 'f=2'"),
        ("highpass=", "highpass takes key=value"),
        ("[a]volume=volume=1[b]", "without labels, quotes or escapes; it has '[a]volume"),
        ("volume=volume='1'", "volume must be a number or a word, not \"'1'\""),
        ("volume;highpass", "without labels, quotes or escapes"),
        ("", "without labels, quotes or escapes; it has ''"),
        ("loudnorm,", "without labels, quotes or escapes; it has ''"),
        (",".join(["volume"] * 17), "graph has 17 filters; at most 16 are run"),
    ],
)
def test_what_is_no_harmless_chain_is_refused_in_one_line(graph: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        FilterGraph(graph)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_what_ffmpeg_refuses_makes_the_attack_unavailable() -> None:
    attack = FilterGraph("loudnorm=I=99")
    assert "refuses loudnorm=I=99" in str(attack.unavailable())
    with pytest.raises(InputError, match="refuses loudnorm=I=99"):
        launder(Condition((attack,)), clip(0.5), 16000, "u", 0)


def test_a_chain_that_mutes_everything_has_no_delay_to_measure() -> None:
    with pytest.raises(InputError, match="the delay of volume=volume=0 cannot be measured"):
        filtered("volume=volume=0")


def test_a_file_may_spell_every_chain_that_is_admitted() -> None:
    assert FilterGraph.reaches({"graph": "highpass=f=100"}) == ""


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_every_admitted_filter_is_there(name: str) -> None:
    assert FilterGraph(name).unavailable() is None


options = st.sampled_from(sorted((name, key) for name, keys in ALLOWED.items() for key in keys))


@settings(max_examples=100, deadline=None)
@given(st.lists(options, min_size=1, max_size=4), st.sampled_from(["1", "-0.5", "2k", "q", "1|2"]))
def test_a_chain_is_spelled_as_it_is_read(chosen: list[tuple[str, str]], value: str) -> None:
    graph = ",".join(f"{name}={key}={value}" for name, key in chosen)
    assert ",".join(map(str, filters_of(graph))) == graph
    condition = Condition((FilterGraph(graph),))
    assert parse(str(condition)) == condition


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcefhiglnoprsu0123=:,;[]'\\/|.-", max_size=30))
def test_any_text_is_a_chain_or_one_line_of_error(graph: str) -> None:
    try:
        found = filters_of(graph)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert all(one.name in ALLOWED for one in found)
