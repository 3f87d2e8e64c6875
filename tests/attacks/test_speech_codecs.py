"""Codecs of calls: tables of the standards, G.711 by formula, second decoders, losses."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.codecs.bluetooth_codecs import Msbc, Sbc
from attacks.codecs.delay import delay_of
from attacks.codecs.media_codecs import Opus
from attacks.codecs.pyav_codec import PacketCoder
from attacks.codecs.speech_codecs import AMR_NB_BITS, AmrNb, AmrWb, Gsm
from attacks.codecs.waveform_codecs import G711, G722, G726
from attacks.contract.base import Wave, registry
from attacks.contract.condition import parse, spell
from attacks.contract.launder import lag, launder
from benchmark.audio import libav
from benchmark.audio.reader import resample
from benchmark.cli import list as listing
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.laundering import suite_choice
from tests.support.attack_support import checks, clip, db, run
from tests.support.places import ROOT

av = libav.module()

# 3GPP TS 26.101, table 1a: octets of speech by frame type, in the order of the rates
AMR_OCTETS = (12, 13, 15, 17, 19, 20, 26, 31)
ALL = (
    "amr_nb(kbps=4.75)",
    "amr_nb",
    "g711(law=mu)",
    "g711(law=a)",
    "g722",
    "g723_1",
    "g726(kbps=16)",
    "g726(kbps=40)",
    "gsm",
    "msbc",
    "sbc(bitpool=5)",
)


def broadband(seconds: float = 2.0) -> np.ndarray:
    """Return noise that falls by 3 dB per octave and swells as speech does."""
    size = round(seconds * 16000)
    white = np.random.default_rng(4).uniform(-1, 1, size)
    bins = np.fft.rfft(white)
    wave = np.fft.irfft(bins / np.sqrt(np.arange(bins.size) + 300), size)
    wave *= 0.3 + np.abs(np.sin(2 * np.pi * 1.5 * np.arange(size) / 16000))
    return (wave * 0.1 / wave.std()).astype(np.float32)


def narrow(wave: np.ndarray) -> np.ndarray:
    """Return the part of `wave` that 8 kHz can represent."""
    return resample(resample(wave, 16000, 8000), 8000)[: wave.size]


def snr(text: str, wave: np.ndarray) -> float:
    """Return the SNR in dB within the band that the codec's sampling rate can represent."""
    given = wave if "g722" in text or "sbc" in text else narrow(wave)
    return db(np.std(given) / np.std(run(text, wave).wave - given))


@pytest.mark.parametrize("text", [*ALL, "g722(passes=4)", "amr_nb(passes=2)", "g726(passes=3)"])
@pytest.mark.parametrize("size", [32000, 31999])
def test_length_is_kept_and_there_is_no_lag(text: str, size: int) -> None:
    wave = broadband()[:size]
    done = run(text, wave)
    assert done.wave.size == size and done.passed
    assert abs(lag(wave, done.wave)) <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 1500), st.sampled_from([*ALL, "g711(loss=0.5)", "amr_nb(loss=0.5)"]))
def test_any_length_comes_back(size: int, text: str) -> None:
    wave = clip(0.3)[:size]
    assert run(text, wave).wave.shape == wave.shape


def laws(law: str) -> npt.NDArray[np.float64]:
    """Return the 256 decoder outputs of ITU-T G.711 (tables 1 and 2), full scale at 1."""
    code = np.arange(128)
    segment, step = code >> 4, code & 15
    if law == "mu":  # 14-bit scale: (2 step + 33) 2^segment - 33
        positive = ((2 * step + 33) * 2.0**segment - 33) / 8192
    else:  # 13-bit scale: 2 step + 1, then (2 step + 33) 2^(segment - 1)
        positive = (
            np.where(segment == 0, 2 * step + 1, (2 * step + 33) * 2.0 ** (segment - 1)) / 4096
        )
    return np.unique(np.concatenate([positive, -positive]))


@pytest.mark.parametrize("law", ["mu", "a"])
def test_g711_follows_the_formula_of_the_standard(law: str) -> None:
    wave = np.linspace(-1, 1, 16000, dtype=np.float32)
    attack = G711(law)
    decoded, _ = attack.decode(attack.encode(wave, np.random.default_rng(0)))
    out = decoded[: wave.size].astype(np.float64)
    levels = laws(law)
    assert np.isin(out, levels).all()
    assert len(np.unique(out)) >= len(levels) - 1  # +0 and -0 of the mu law are one
    nearest = np.abs(wave[:, None] - levels[None, :]).min(axis=1)
    assert (np.abs(out - wave) <= nearest + 2.1 / 8192).all()  # the coder truncates to 14 bits


@pytest.mark.parametrize("law", ["mu", "a"])
def test_g711_has_the_noise_of_the_textbook(law: str) -> None:
    """About 38 dB over 30 dB of level: the purpose of companding."""
    tone = np.sin(2 * np.pi * 440.3 * np.arange(16000) / 16000).astype(np.float32)
    for level in (0.9, 0.3, 0.1, 0.03):
        assert 33 < snr(f"g711(law={law})", tone * np.float32(level)) < 42


def test_more_bits_are_closer_to_the_input() -> None:
    wave = clip(2.0)
    by_rate = [snr(f"g726(kbps={kbps})", wave) for kbps in (16, 24, 32, 40)]
    assert by_rate == sorted(by_rate) and by_rate[0] > 5 and by_rate[3] > 20
    assert snr("g722", wave) > 15
    by_bitpool = [snr(f"sbc(bitpool={bits})", wave) for bits in (2, 5, 12, 31)]
    assert by_bitpool == sorted(by_bitpool) and by_bitpool[3] > 30
    assert snr("msbc", wave) > 20
    amr = [checks(run(f"amr_nb(kbps={kbps})", wave))["residual"] for kbps in (4.75, 7.4, 12.2)]
    assert amr == sorted(amr, reverse=True)


@pytest.mark.parametrize("mode", range(8))
def test_amr_frames_carry_their_mode(mode: int) -> None:
    kbps = sorted(AMR_NB_BITS)[mode]
    packets, _ = AmrNb(kbps)._encode(resample(clip(1.0), 16000, 8000))
    assert {packet[0] >> 3 & 15 for packet in packets} == {mode}
    assert {len(packet) - 1 for packet in packets} == {AMR_OCTETS[mode]}
    done = run(f"amr_nb(kbps={kbps})", clip(1.0))
    assert done.passed
    assert done.steps[0].facts["kbps"] == pytest.approx(AMR_OCTETS[mode] * 0.4)


@pytest.mark.parametrize("kbps", [4.75, 12.2])
def test_another_amr_decoder_agrees(kbps: float) -> None:
    packets, _ = AmrNb(kbps)._encode(resample(clip(2.0), 16000, 8000))
    ours, _ = AmrNb(kbps)._decode(packets, None, np.zeros(len(packets), dtype=np.bool_))
    context = av.CodecContext.create("amrnb", "r")  # FFmpeg's own, in floating point
    context.sample_rate, context.layout = 8000, "mono"
    frames = [f for packet in packets for f in context.decode(av.Packet(packet))]
    theirs = np.concatenate([f.to_ndarray().ravel() for f in frames])
    assert db(np.std(ours) / np.std(theirs - ours)) > 15


def test_payload_is_that_of_the_standard() -> None:
    rates = {"g711": 64, "g722": 64, "g723_1": 6.4, "g726(kbps=24)": 24, "g726(kbps=40)": 40}
    rates |= {"gsm": 13.2, "msbc": 60.8}
    for text, kbps in rates.items():
        facts = run(text, clip(1.0)).steps[0].facts
        assert facts["payload_bytes"] * 8 / facts["seconds"] == pytest.approx(1000 * kbps), text


@pytest.mark.parametrize("attack", [G711("a"), G722(), G726(24), Gsm(), Msbc()])
def test_lost_packets_are_silent_and_nest(attack: PacketCoder) -> None:
    wave = broadband()[: 31 * 960]  # a whole number of packets of every codec
    silent = []
    for loss in (0.0, 0.03, 0.2, 0.5):
        lossy = type(attack)(**{**vars(attack), "loss": loss})
        stream = lossy.encode(wave, np.random.default_rng(9))
        decoded, received = lossy.decode(stream)
        packets = decoded.reshape(len(stream.packets), -1)
        silent.append(~packets.any(axis=1))
        assert silent[-1].sum() == stream.lost(loss).sum() == len(packets) - received
    assert silent[0].sum() == 0 < silent[1].sum()
    assert all((few <= many).all() for few, many in pairwise(silent))
    assert abs(silent[3].mean() - 0.5) < 0.15


def test_every_utterance_has_its_own_losses() -> None:
    def lost(utterance: str, text: str = "g711(loss=0.2)") -> bytes:
        wave = run(text, broadband(), utterance).wave.reshape(-1, 320)
        return (np.abs(wave[:, 60:260]).max(axis=1) < 1e-3).tobytes()  # clear of the resampler

    assert lost("a") == lost("a") == lost("a", "g711(law=a, loss=0.2)") != lost("b")


def test_amr_conceals_a_lost_frame_by_continuing_the_signal() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 200 * np.arange(8000) / 8000)).astype(np.float32)
    packets, _ = AmrNb(12.2)._encode(tone)
    lost = np.zeros(len(packets), dtype=np.bool_)
    intact, _ = AmrNb(12.2)._decode(packets, None, lost)
    lost[25] = True
    decoded, received = AmrNb(12.2)._decode(packets, None, lost)
    assert received == len(packets) - 1 and decoded.size == intact.size
    assert np.array_equal(decoded[: 25 * 160], intact[: 25 * 160])
    hole = slice(25 * 160, 26 * 160)
    assert not np.array_equal(decoded[hole], intact[hole])
    assert np.std(decoded[hole]) > 0.5 * np.std(intact[hole])


DIGEST = """
import hashlib, sys
from attacks.contract.launder import launder
from attacks.contract.condition import parse
from attacks.contract.conformance import speech_like
for text in sys.argv[1:]:
    wave = launder(parse(text), speech_like(0.7), 16000, "u", 5).wave
    print(hashlib.sha256(wave.tobytes()).hexdigest())
"""


def test_processes_and_threads_do_not_change_a_sample() -> None:
    texts = [*ALL, "g722(loss=0.2)", "amr_nb(loss=0.2)", "aac", "vorbis", "opus(loss=0.1)"]
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, *reversed(texts)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    with ThreadPoolExecutor(4) as pool:
        waves = list(pool.map(lambda text: run(text, clip(0.7), seed=5).wave, texts))
    here = [hashlib.sha256(wave.tobytes()).hexdigest() for wave in waves]
    assert done.stdout.split() == here[::-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "amr_nb(kbps=13)",
            "amr_nb: kbps=13 is not a mode of AMR, which ends at 12.2; choose one of",
        ),
        ("amr_wb(kbps=24)", "amr_wb: kbps=24 is not a mode of AMR-WB, which ends at 23.85"),
        ("g726(kbps=48)", "g726: kbps=48 is not a bit rate of G.726, which ends at 40"),
        ("speex(kbps=20)", "speex: kbps=20 is not a mode of wide-band Speex, which ends at 42.2"),
        ("speex(kbps=16.8, band=narrow)", "is not a mode of narrow-band Speex, which ends at 24.6"),
        ("sbc(bitpool=65)", r"sbc: bitpool=65 is out of range \(from 2 to 64 bits\)"),
        ("lc3(kbps=30)", "lc3: kbps=30 gives no whole number of bytes in 10 ms; choose a multiple"),
        ("codec2(kbps=2)", "codec2: kbps=2 is not a mode of Codec 2; choose one of 3.2, 2.4, 1.6"),
        ("g711(law=ulaw)", "unknown g711 law 'ulaw'"),
    ],
)
def test_a_rate_that_the_format_lacks_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


@dataclass(frozen=True)
class Absent(G722):
    """A codec that no build has."""

    name = "absent"
    encoder = "nosuchencoder"


def test_a_codec_that_the_build_lacks_is_reported_as_unavailable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.names()
    monkeypatch.setitem(registry._items, "absent", Absent)
    cause = f"the FFmpeg libraries of PyAV {av.__version__} have no encoder nosuchencoder"
    assert Absent().unavailable() == cause and G722().unavailable() is None
    with pytest.raises(InputError, match=f"absent is not available in this build: {cause}"):
        run("absent")
    assert main(["check", "absent"]) == 1  # nothing could be checked
    printed = capsys.readouterr().out
    assert f"n/a   absent: not available in this build: {cause}" in printed
    assert "0 passed, 0 failed, 1 not available" in printed
    assert f"    not available in this build: {cause}" in list(listing.attacks_())
    with pytest.raises(InputError, match=r"^absent.* is not available in this build: the FFmpeg"):
        suite_choice.chosen("absent")


def test_amr_wb_frames_have_their_length() -> None:
    """The decoder is in every build."""
    packet, attack = bytes([2 << 3 | 4]) + bytes(32), AmrWb(12.65)
    lost = np.array([False, True, False, False])
    decoded, received = attack._decode([packet] * 4, None, lost)
    assert decoded.size == 4 * attack.packet_samples and received == 3
    assert (len(packet) - attack.header_bytes) * 400 == attack.payload_rate


def test_libgsm_decodes_to_the_same_samples() -> None:
    """libsndfile's decoder is libgsm; ours is FFmpeg's."""
    wave = resample(clip(2.0), 16000, 8000)
    stream = Gsm().encode(wave, np.random.default_rng(0))
    ours, _ = Gsm().decode(stream)
    raw = io.BytesIO(b"".join(stream.packets))
    theirs, _ = soundfile.read(
        raw, format="RAW", subtype="GSM610", channels=1, samplerate=8000, dtype="float32"
    )
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("attack", [Sbc(2), Sbc(19), Sbc(31), Msbc()])
def test_sbc_frames_keep_to_the_specification(attack: PacketCoder) -> None:
    """CRC-8 over header and scale factors (A2DP, section 12.6.1.1), and the frame's length."""
    wave = resample(clip(0.5), 16000, attack.rate)
    for packet in attack.encode(wave, np.random.default_rng(0)).packets:
        crc = 0x0F
        for byte in packet[1:3] + packet[4:8]:  # eight scale factors of four bits
            for bit in range(7, -1, -1):
                crc = (crc << 1 ^ (0x1D if (crc >> 7 ^ byte >> bit) & 1 else 0)) & 0xFF
        assert packet[3] == crc
        blocks, bitpool = (15, 26) if packet[0] == 0xAD else (16, packet[2])
        assert len(packet) == 8 + -(-blocks * bitpool // 8)


@pytest.mark.parametrize(
    "attack", [G722(), AmrNb(4.75), Gsm(), Sbc(5), Msbc(), Opus(12, band="narrow")], ids=spell
)
def test_the_declared_delay_is_the_measured_one(attack: PacketCoder) -> None:
    def trip(wave: Wave) -> Wave:
        return attack.decode(attack.encode(wave, np.random.default_rng(0)))[0]

    assert delay_of(trip, attack.rate) == attack.delay


def test_a_delay_is_measured_where_there_is_one() -> None:
    assert delay_of(lambda wave: np.roll(wave, 100), 8000) == 100
    rng = np.random.default_rng(1)
    assert delay_of(lambda wave: rng.standard_normal(wave.size).astype(np.float32), 8000) is None


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_narrow_band_opus_is_of_the_narrow_band(loss: float) -> None:
    wave = broadband()
    done = run(f"opus(kbps=12, loss={loss}, band=narrow)", wave)
    assert done.passed and done.steps[0].facts["kbps"] == 12.0
    levels = np.abs(np.fft.rfft(done.wave)) ** 2
    assert levels[4200 * 2 :].sum() < 1e-4 * levels.sum()
    wide = np.abs(np.fft.rfft(run("opus(kbps=12)", wave).wave)) ** 2
    assert wide[4200 * 2 :].sum() > 1e-3 * wide.sum()


def test_old_spellings_mean_the_wide_band() -> None:
    for text in ("opus(kbps=16, passes=1, loss=0)", "speex(kbps=16.8, passes=1, loss=0)"):
        assert str(parse(text)) == text == str(parse(text[:-1] + ", band=wide)"))
        assert str(parse(text)) in parse(text).identity()


def test_another_sample_rate_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"g722\(.*\): needs 16000 Hz, not 8000"):
        launder(parse("g722"), clip(), 8000, "u", 0)
