"""MP3 and Opus: payload counted from the packets themselves, alignment, range, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from attack_support import checks, clip, run
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.apply import AttackError, lag, launder
from attacks.codec import MP3_KBPS, Mp3, Opus
from attacks.condition import parse

# ISO/IEC 13818-3, table of bit rates of layer III at the low sampling rates
RATE_INDEX = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def broadband(seconds: float = 2.0) -> np.ndarray:
    """Noise that falls by 3 dB per octave."""
    white = np.random.default_rng(0).uniform(-1, 1, round(seconds * 16000))
    bins = np.fft.rfft(white)
    wave = np.fft.irfft(bins / np.sqrt(np.arange(bins.size) + 300), white.size)
    return (wave * 0.1 / wave.std()).astype(np.float32)


@pytest.mark.parametrize("kbps", MP3_KBPS)
def test_mp3_packets_say_their_own_bit_rate(kbps: int) -> None:
    packets, _ = Mp3(kbps)._encode(np.append(clip(1.0), np.zeros(Mp3.tail, np.float32)))
    for packet in packets:
        assert packet[0] == 0xFF and packet[1] & 0xFE == 0xF2  # sync, MPEG-2, layer III
        assert RATE_INDEX[packet[2] >> 4] == kbps
        assert (packet[2] >> 2) & 3 == 2  # 16 kHz
        assert packet[3] >> 6 == 3  # mono
        assert len(packet) == 72 * kbps * 1000 // 16000
    done = run(f"mp3(kbps={kbps})", clip(1.0))
    facts = done.steps[0].facts
    assert (facts["payload_bytes"], facts["packets"]) == (sum(map(len, packets)), len(packets))
    assert facts["seconds"] == pytest.approx(len(packets) * 576 / 16000) and done.passed


@pytest.mark.parametrize("kbps", [6, 7, 16, 33, 256])
def test_opus_packets_hold_the_bit_rate(kbps: int) -> None:
    packets, header = Opus(kbps)._encode(clip(1.0))
    assert header is not None and header.startswith(b"OpusHead")
    assert {len(packet) for packet in packets} == {round(kbps * 1000 * 0.02 / 8 + 0.01)}
    done = run(f"opus(kbps={kbps})", clip(1.0))
    assert done.passed
    assert checks(done)["payload bit rate"] == pytest.approx(kbps, abs=max(0.02 * kbps, 0.201))


@pytest.mark.parametrize("text", ["mp3(kbps=8)", "mp3", "mp3(kbps=160)", "opus", "opus(kbps=64)"])
@pytest.mark.parametrize("size", [32000, 31999, 12345])
def test_length_is_kept_and_there_is_no_lag(text: str, size: int) -> None:
    wave = broadband()[:size]
    after = run(text, wave).wave
    assert after.size == size
    assert lag(wave, after) == 0


def test_opus_at_its_lowest_is_within_a_sample() -> None:
    assert abs(lag(broadband(), run("opus(kbps=6)", broadband()).wave)) <= 1


def test_more_bits_are_closer_to_the_input() -> None:
    wave = clip(2.0)
    for name, ladder in (("mp3", (8, 32, 64, 128)), ("opus", (6, 16, 64))):
        left = [checks(run(f"{name}(kbps={kbps})", wave))["residual"] for kbps in ladder]
        assert left == sorted(left, reverse=True), name


@pytest.mark.parametrize("text", ["mp3", "opus(kbps=64)"])
def test_beyond_full_scale_is_attenuated_undone_and_counted(text: str) -> None:
    wave = broadband()
    loud = wave * np.float32(2.5 / np.abs(wave).max())
    done = run(text, loud)
    assert done.steps[0].facts["gain"] == pytest.approx(1 / 2.5, rel=1e-6)
    assert "gain" not in run(text, wave).steps[0].facts
    assert done.passed and np.abs(done.wave).max() > 1.5
    assert np.corrcoef(done.wave, loud)[0, 1] > 0.7


@pytest.mark.parametrize("text", ["mp3", "opus"])
def test_threads_do_not_change_a_sample(text: str) -> None:
    waves = [clip(0.5, seed) for seed in range(6)]
    alone = [run(text, wave).wave for wave in waves]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda wave: run(text, wave).wave, waves))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3000), st.sampled_from(["mp3(kbps=8)", "mp3(kbps=160)", "opus"]))
def test_any_length_comes_back(size: int, text: str) -> None:
    wave = clip(0.3)[:size]
    assert run(text, wave).wave.shape == wave.shape


def test_another_sample_rate_is_refused() -> None:
    with pytest.raises(AttackError, match=r"mp3\(kbps=64.*\): wants 16000 Hz, not 8000"):
        launder(parse("mp3"), clip(), 8000, "u", 0)
