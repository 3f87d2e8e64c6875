"""Codecs out of pinned wheels: AMR-WB, Speex, LC3, Codec 2; where the wheels are in the cache."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.codecs import wheel_ffmpeg
from attacks.codecs.bluetooth_codecs import Lc3
from attacks.codecs.codec2 import MODES, Codec2
from attacks.codecs.delay import delay_of
from attacks.codecs.ffmpeg_program import piped
from attacks.codecs.pyav_codec import PacketCoder, pyav_version
from attacks.codecs.speech_codecs import (
    AMR_NB_BITS,
    AMR_WB_BITS,
    SPEEX_NARROW,
    SPEEX_WIDE,
    AmrNb,
    AmrWb,
    Speex,
    amr_wb_frames,
)
from attacks.codecs.wheel_ffmpeg import FFMPEG, WheelFfmpegCoder
from attacks.contract.base import AttackError, Wave
from attacks.contract.condition import parse, spell
from attacks.contract.conformance import levels
from attacks.contract.launder import lag
from attacks.contract.sample_checks import measure
from benchmark.assets import wheel_files
from benchmark.audio.reader import resample
from benchmark.core.errors import InputError
from tests.attacks.test_fingerprints import fingerprint, same
from tests.support.attack_support import clip, db, run

ALL = ("amr_wb", "speex", "speex(kbps=8, band=narrow)", "lc3", "codec2(kbps=1.3)")
# octets of speech by frame type: 3GPP TS 26.201, table 3 of RFC 4867
AMR_WB_OCTETS = (17, 23, 32, 36, 40, 46, 50, 58, 60)
# as `tests.attacks.test_fingerprints` keeps them of codecs that every installation has
FINGERPRINTS: dict[str, list[float]] = {
    "amr_wb": [0.023834, 0.971363, 0.183458, 0.145656, 0.039767, -0.003025, -0.000918, 0.005416],
    "speex": [0.026753, 0.956107, 0.207722, 0.15462, 0.137126, -0.000259, -0.0003, 0.000319],
    "speex(kbps=8, band=narrow)": [
        0.022188,
        0.986014,
        0.166579,
        0.004075,
        0.003403,
        0.001606,
        0.001481,
        -0.001664,
    ],
    "lc3": [0.030321, 0.962602, 0.193887, 0.146979, 0.119171, -0.035257, -0.010703, 0.03211],
    "codec2(kbps=1.3)": [
        0.027244,
        0.988162,
        0.153406,
        0.001352,
        0.001191,
        0.001528,
        0.000188,
        -0.000776,
    ],
}


def needs(*texts: str) -> pytest.MarkDecorator:
    """Skip a test where a wheel of these conditions is not in the cache."""
    causes = [why for text in texts if (why := parse(text).steps[0].unavailable())]
    return pytest.mark.skipif(bool(causes), reason="; ".join(causes))


def each(*texts: str) -> list[Any]:
    return [pytest.param(text, marks=needs(text)) for text in texts]


def packets_of(attack: PacketCoder, wave: Wave) -> list[bytes]:
    return attack._encode(wave)[0]


@pytest.mark.parametrize("text", each(*ALL, "amr_wb(passes=2)", "speex(loss=0.1)", "lc3(loss=0.1)"))
@pytest.mark.parametrize("size", [32000, 31999])
def test_length_is_kept_and_claims_hold(text: str, size: int) -> None:
    wave = clip()[:size]
    done = run(text, wave)
    assert done.wave.shape == wave.shape and done.passed
    found = measure(wave, done.wave, 16000).lag
    assert found is not None and abs(found) < (10 if "codec2" in text else 4)


@pytest.mark.parametrize("text", each(*ALL, "codec2(kbps=0.7, loss=0.5)"))
@pytest.mark.parametrize(
    "wave",
    [
        np.ones(1, np.float32),
        np.zeros(100, np.float32),
        np.zeros(16000, np.float32),
        3 * clip(0.5) / np.abs(clip(0.5)).max(),
    ],
    ids=("one", "short", "silent", "loud"),
)
def test_any_wave_comes_back(text: str, wave: Wave) -> None:
    done = run(text, wave)
    assert done.wave.shape == wave.shape and np.isfinite(done.wave).all()
    assert done.passed is not False


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 1500), st.sampled_from(("lc3(loss=0.5)", "codec2", "codec2(kbps=0.7)")))
@needs("lc3", "codec2")
def test_any_length_comes_back(size: int, text: str) -> None:
    wave = clip(0.3)[:size]
    assert run(text, wave).wave.shape == wave.shape


@needs(*ALL)
def test_threads_do_not_change_a_sample() -> None:
    texts = [*ALL, "codec2(kbps=3.2)"] * 3
    alone = [run(text, clip(0.7)).wave for text in texts[:6]] * 3
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda text: run(text, clip(0.7)).wave, texts))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("text", each("amr_wb", "speex", "lc3", "codec2"))
def test_all_levels_draw_the_same_losses(text: str) -> None:
    draws = []
    for condition in levels(parse(text)):
        attack = condition.steps[0]
        assert isinstance(attack, PacketCoder)
        wave = resample(clip(0.5), 16000, attack.rate)
        padding = np.zeros(attack.tail, np.float32)
        draws.append(attack.encode(np.append(wave, padding), np.random.default_rng(0)).draws)
    assert all(np.array_equal(draws[0], other) for other in draws) and len(draws) == 5


@pytest.mark.parametrize("text", each(*ALL))
def test_samples_change_with_the_version_only(text: str) -> None:
    assert same(FINGERPRINTS[text], fingerprint(text)), (
        f"raise the version of {text}: the samples changed"
    )


@needs("amr_wb")
@pytest.mark.parametrize("mode", [0, 2, 8])
def test_amr_wb_frames_carry_their_mode(mode: int) -> None:
    kbps = [*AMR_WB_BITS][mode]
    packets = packets_of(AmrWb(kbps), clip(1.0))
    assert {packet[0] >> 3 & 15 for packet in packets} == {mode}
    assert {len(packet) - 1 for packet in packets} == {AMR_WB_OCTETS[mode]}
    assert AmrWb(kbps).payload_rate == AMR_WB_OCTETS[mode] * 400


@pytest.mark.parametrize(
    ("text", "decoder", "container", "least"),
    [
        pytest.param("amr_wb(kbps=23.85)", "libopencore_amrwb", "amr", 12, marks=needs("amr_wb")),
        pytest.param("speex", "libspeex", "ogg", 20, marks=needs("speex")),
        pytest.param("speex(kbps=8, band=narrow)", "libspeex", "ogg", 20, marks=needs("speex")),
    ],
)
def test_another_decoder_agrees(text: str, decoder: str, container: str, least: float) -> None:
    """The decoders of opencore-amr and libspeex inside the program; ours are FFmpeg's own."""
    attack = parse(text).steps[0]
    assert isinstance(attack, WheelFfmpegCoder)
    stream = attack._program(resample(clip(2.0), 16000, attack.rate))
    packets, header = attack.packets_of(stream)
    ours, _ = attack._decode(packets, header, np.zeros(len(packets), dtype=np.bool_))
    graph = ffmpeg.input("pipe:0", format=container, acodec=decoder).output(
        "pipe:1", format="f32le", ar=attack.rate
    )
    theirs = np.frombuffer(piped(wheel_files.opened(FFMPEG), graph, stream), dtype="<f4")
    size = min(ours.size, theirs.size)
    place = lag(ours[:size], theirs[:size])  # a container's start may be cut
    ours, theirs = (
        (ours[: size - place], theirs[place:size])
        if place >= 0
        else (ours[-place:size], theirs[: size + place])
    )
    assert db(np.std(ours) / np.std(theirs - ours)) > least


@needs("speex")
@pytest.mark.parametrize(("band", "modes"), [("wide", SPEEX_WIDE), ("narrow", SPEEX_NARROW)])
def test_every_mode_of_speex_has_its_frames(band: str, modes: dict[float, int]) -> None:
    for kbps in modes:
        attack = Speex(kbps, band=band)
        stream = attack.encode(resample(clip(0.3), 16000, attack.rate), np.random.default_rng(0))
        assert all(attack.as_claimed(stream)), kbps
        assert len({len(packet) for packet in stream.packets}) == 1
        neighbours = [other for other in modes if other != kbps]
        assert not any(any(Speex(k, band=band).as_claimed(stream)) for k in neighbours)


@pytest.mark.parametrize(
    "text",
    each("amr_wb", "amr_wb(kbps=23.85)", "speex", "speex(kbps=8, band=narrow)", "lc3(kbps=16)"),
)
def test_the_declared_delay_is_the_measured_one(text: str) -> None:
    attack = parse(text).steps[0]
    assert isinstance(attack, PacketCoder)

    def trip(wave: Wave) -> Wave:
        return attack.decode(attack.encode(wave, np.random.default_rng(0)))[0]

    assert delay_of(trip, attack.rate) == attack.delay


@needs("lc3")
def test_lc3_conceals_a_lost_frame_and_comes_closer_with_more_bits() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)).astype(np.float32)
    packets = packets_of(Lc3(), tone)
    lost = np.zeros(len(packets), dtype=np.bool_)
    intact, _ = Lc3()._decode(packets, None, lost)
    lost[50] = True
    decoded, received = Lc3()._decode(packets, None, lost)
    assert received == len(packets) - 1 and np.array_equal(decoded[: 50 * 160], intact[: 50 * 160])
    hole = slice(50 * 160, 51 * 160)
    assert not np.array_equal(decoded[hole], intact[hole])
    assert np.std(decoded[hole]) > 0.5 * np.std(intact[hole])
    wave = clip(1.0)
    error = [np.std(run(f"lc3(kbps={kbps})", wave).wave - wave) for kbps in (16, 32, 64)]
    assert error == sorted(error, reverse=True)


@needs("lc3")
def test_a_damaged_lc3_frame_is_an_error() -> None:
    packets = packets_of(Lc3(), clip(0.3))
    with pytest.raises(AttackError, match="liblc3 cannot decode a frame"):
        Lc3()._decode([bytes([255]) * len(packets[0])] * 3, None, np.zeros(3, dtype=np.bool_))


@needs("codec2")
def test_codec2_begins_its_generator_anew() -> None:
    packets = packets_of(Codec2(1.3), resample(clip(1.0), 16000, 8000))
    kept = np.zeros(len(packets), dtype=np.bool_)
    first, _ = Codec2(1.3)._decode(packets, None, kept)
    for kbps in MODES:
        run(f"codec2(kbps={kbps})", clip(0.2))
    assert np.array_equal(first, Codec2(1.3)._decode(packets, None, kept)[0])


@needs("codec2")
def test_codec2_keeps_the_pitch() -> None:
    """A pulse train of 125 Hz comes back as one, 20 ms frames or 40."""
    train = np.zeros(16000, np.float32)
    train[::128] = 0.5
    voiced = np.convolve(train, np.exp(-np.arange(200) / 30), mode="same").astype(np.float32)
    for kbps in (3.2, 1.3, 0.7):
        coded = run(f"codec2(kbps={kbps})", voiced).wave[4000 : 4000 + 8192]
        power = np.abs(np.fft.rfft(coded * np.hanning(8192))) ** 2
        places = np.arange(64, 1600)  # of 125 Hz to 3 kHz
        harmonic = np.abs((places + 32) % 64 - 32) <= 4
        assert power[places[harmonic]].sum() > 0.8 * power[places].sum(), kbps


@dataclass(frozen=True)
class Narrow(AmrNb, WheelFfmpegCoder):
    """AMR narrow-band, which both providers encode, through either."""

    container = "amr"

    def packets_of(self, stream: bytes) -> tuple[list[bytes], bytes | None]:
        size = 1 - (-AMR_NB_BITS[self.kbps] // 8)
        body = stream.removeprefix(b"#!AMR\n")
        return [body[at : at + size] for at in range(0, len(body), size)], None


def without_encoders(codec: str, mode: str) -> str | None:
    return f"no encoder {codec}" if mode == "w" else None


@needs("amr_wb")
def test_pyav_and_the_program_encode_to_the_same_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    wave, attack = resample(clip(1.0), 16000, 8000), Narrow(12.2)
    assert attack.wheel_files == () and attack.resources() == {
        "PyAV/libopencore_amrnb": pyav_version()
    }
    ours = packets_of(attack, wave)
    monkeypatch.setattr(wheel_ffmpeg, "missing", without_encoders)
    assert attack.wheel_files == (FFMPEG,)
    assert attack.resources() == {FFMPEG.label: FFMPEG.sha256}
    assert packets_of(attack, wave) == ours


def test_what_lacks_is_said(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    why = AmrWb().unavailable()
    assert why is not None and "imageio-ffmpeg 0.6.0 (BSD-2-Clause; the FFmpeg program" in why
    assert "GPL-3.0" in why
    monkeypatch.setattr(wheel_files, "NATIVE", ("plan9", "mips"))
    for attack in (AmrWb(), Speex(), Lc3(), Codec2()):
        assert "is pinned for plan9 mips only" in str(attack.unavailable())
        with pytest.raises(InputError, match=f"{attack.name} is not available in this build"):
            run(spell(attack))


def test_a_program_that_fails_is_named_by_its_words(tmp_path: Path) -> None:
    graph = ffmpeg.input("pipe:0", format="s16le").output("pipe:1", format="amr")
    broken = tmp_path / "ffmpeg"
    broken.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('cannot encode')\n")
    broken.chmod(0o755)
    with pytest.raises(AttackError, match="FFmpeg says: cannot encode"):
        piped(broken, graph, b"")


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"#!AMR\n", "no AMR-WB file"),
        (b"", "no AMR-WB file"),
        (b"#!AMR-WB\n" + bytes([9 << 3 | 4]) + bytes(5), "no AMR-WB frame of speech at byte 9"),
        (b"#!AMR-WB\n" + bytes([0x04]) + bytes(16), "no AMR-WB frame of speech at byte 9"),
    ],
)
def test_a_damaged_amr_wb_file_is_refused(stream: bytes, message: str) -> None:
    with pytest.raises(AttackError, match=message):
        amr_wb_frames(stream)
