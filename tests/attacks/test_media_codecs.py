"""MP3, AAC, Opus, Vorbis: payload, alignment, second decoders, losses, generations, range."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.codecs.media_codecs import MP3_KBPS, Aac, Mp3, Opus, Vorbis, ogg_packets
from attacks.codecs.pyav_codec import PacketCoder
from attacks.contract.condition import parse
from attacks.contract.launder import AttackError, lag, launder
from benchmark.audio import libav
from benchmark.audio.reader import resample
from benchmark.core.errors import InputError
from tests.support.attack_support import checks, clip, db, run

av = libav.module()

# ISO/IEC 13818-3, table of bit rates of layer III at the low sampling rates
RATE_INDEX = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


OTHERS = ("aac(kbps=16)", "aac", "opus", "opus(kbps=64)", "vorbis", "vorbis(quality=0)")


def broadband(seconds: float = 2.0) -> np.ndarray:
    """Return noise that falls by 3 dB per octave."""
    white = np.random.default_rng(0).uniform(-1, 1, round(seconds * 16000))
    bins = np.fft.rfft(white)
    wave = np.fft.irfft(bins / np.sqrt(np.arange(bins.size) + 300), white.size)
    return (wave * 0.1 / wave.std()).astype(np.float32)


@pytest.mark.parametrize("kbps", MP3_KBPS)
def test_mp3_packets_carry_their_bit_rate(kbps: int) -> None:
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


@pytest.mark.parametrize("quality", [0.0, 3.0, 4.5, 7.0, 10.0])
def test_vorbis_packets_agree_with_a_second_reader(quality: float) -> None:
    stream = Vorbis(quality)._encode(clip(1.0))
    first, comment, setup, *audio = ogg_packets(stream)
    kinds = [part[:7] for part in (first, comment, setup)]
    assert kinds == [b"\x01vorbis", b"\x03vorbis", b"\x05vorbis"]
    container = av.open(io.BytesIO(stream))  # a second reader of the container
    sizes = [packet.size for packet in container.demux(container.streams.audio[0]) if packet.size]
    assert sizes == [len(packet) for packet in audio]
    facts = run(f"vorbis(quality={quality})", clip(1.0)).steps[0].facts
    assert (facts["payload_bytes"], facts["packets"]) == (sum(sizes), len(sizes))


def test_a_payload_that_is_too_large_is_caught() -> None:
    for attack, factor in ((Vorbis(3.0), 1.4), (Aac(32), 1.3), (Mp3(32), 1.03), (Mp3(32), 0.97)):
        size = factor * attack.payload_rate * 4 / 8
        check = attack.payload_check({"payload_bytes": size, "seconds": 4.0})
        assert check.passed is False, attack


@pytest.mark.parametrize(
    ("attack", "second", "agreement_db"),
    [
        (Mp3(64), "mp3", 65.0),  # in 16-bit integers
        (Aac(32), "aac_fixed", 60.0),
        (Opus(16), "opus", 12.0),  # FFmpeg's own decoder resamples voice with another filter
        (Opus(200), "opus", 60.0),
    ],
)
def test_a_second_decoder_agrees(attack: PacketCoder, second: str, agreement_db: float) -> None:
    packets, header = attack._encode(np.append(clip(2.0), np.zeros(1152, np.float32)))
    rate = attack.decoded_rate or 16000
    kept = np.zeros(len(packets), dtype=np.bool_)
    ours, _ = attack._decode(packets, header, kept)
    context = av.CodecContext.create(second, "r")
    context.sample_rate, context.layout, context.extradata = rate, "mono", header
    frames = [f for packet in packets for f in context.decode(av.Packet(packet))]
    frames += context.decode(None)
    theirs = np.concatenate([f.to_ndarray().ravel() for f in frames])
    scale = 1.0 if theirs.dtype.kind == "f" else float(np.iinfo(theirs.dtype).max) + 1
    theirs = resample((theirs / scale).astype(np.float32), rate)
    assert theirs.size == ours.size
    assert max(db(np.std(ours) / np.std(moved(theirs, by) - ours)) for by in SHIFTS) > agreement_db


SHIFTS = np.arange(-1.0, 1.01, 0.05)


def moved(wave: np.ndarray, by: float) -> np.ndarray:
    """Return `wave` moved ahead by a fraction of a sample."""
    bins = np.fft.rfft(wave)
    return np.fft.irfft(
        bins * np.exp(2j * np.pi * by * np.arange(bins.size) / wave.size), wave.size
    )


def test_mpg123_decodes_the_same_mp3() -> None:
    packets, _ = Mp3(64)._encode(np.append(clip(2.0), np.zeros(1105, np.float32)))
    theirs, rate = soundfile.read(io.BytesIO(b"".join(packets)), dtype="float32")
    ours = run("mp3(kbps=64)").wave
    shift = lag(ours, theirs[: ours.size])
    theirs = theirs[shift : shift + ours.size]
    assert rate == 16000 and db(np.std(ours) / np.std(theirs - ours[: theirs.size])) > 60


def test_ffmpeg_decodes_the_same_vorbis() -> None:
    stream = Vorbis(3.0)._encode(clip(2.0))
    frames = [frame.to_ndarray().ravel() for frame in av.open(io.BytesIO(stream)).decode(audio=0)]
    theirs, ours = np.concatenate(frames)[: clip(2.0).size], run("vorbis(quality=3)").wave
    assert db(np.std(ours) / np.std(theirs - ours)) > 80


@pytest.mark.parametrize("text", ["mp3", "aac", "opus", "vorbis"])
def test_generations_equal_a_chain_of_the_attack(text: str) -> None:
    often = run(f"{text}(passes=3)")
    assert np.array_equal(often.wave, run(f"{text} | {text} | {text}").wave)
    once = run(text).steps[0].facts["seconds"]
    assert often.passed and often.steps[0].facts["seconds"] == pytest.approx(3 * once)
    allowed = 2 if text == "opus" else 0  # each pass of its voice mode leads by 0.4 samples
    assert abs(lag(broadband(), run(f"{text}(passes=3)", broadband()).wave)) <= allowed


@pytest.mark.parametrize(("text", "frame"), [("mp3", 576), ("aac", 1024), ("opus", 320)])
def test_losses_are_those_drawn_and_nest(text: str, frame: int) -> None:
    intact = run(text, broadband()).wave
    touched: list[np.ndarray] = []
    for loss in (0.05, 0.2, 0.5):
        done = run(f"{text}(loss={loss})", broadband())
        facts = done.steps[0].facts
        assert done.passed and facts["packets"] - facts["received"] == facts["lost"] > 0
        assert abs(facts["lost"] / facts["packets"] - loss) < 0.2
        size = intact.size // frame * frame
        error = (done.wave - intact)[:size].reshape(-1, frame)
        touched.append(np.abs(error).max(axis=1) > 1e-4)
    assert all((few <= many).all() for few, many in pairwise(touched))
    assert 0 < touched[0].mean() < touched[2].mean()


def test_before_the_first_loss_nothing_changes_and_libopus_conceals() -> None:
    wave = (0.3 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)).astype(np.float32)
    packets, header = Opus(32)._encode(wave)
    lost = np.zeros(len(packets), dtype=np.bool_)
    intact, _ = Opus(32)._decode(packets, header, lost)
    lost[20] = True
    decoded, received = Opus(32)._decode(packets, header, lost)
    assert received == len(packets) - 1 and decoded.size == intact.size
    hole = slice(20 * 320 - 104, 21 * 320 - 104)
    assert np.abs(decoded - intact)[: 20 * 320 - 200].max() < 1e-5  # 48 to 16 kHz rings a little
    assert not np.array_equal(decoded[hole], intact[hole])
    assert np.std(decoded[hole]) > 0.5 * np.std(intact[hole])  # a tone goes on, no silence


def test_a_packet_lost_beyond_the_draw_is_caught() -> None:
    attack = Opus(32, 1, 0.1)
    wave, facts, evidence = attack(clip(2.0), 16000, np.random.default_rng(0))
    more = {**facts, "received": facts["received"] - 1}
    found = attack.examine(clip(2.0), wave, 16000, more, evidence)
    assert [check.quantity for check in found if check.passed is False] == ["packets lost"]


@pytest.mark.parametrize("text", ["mp3(kbps=8)", "mp3", "mp3(kbps=160)", *OTHERS])
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
    for name, ladder in (("mp3", (8, 32, 64, 128)), ("aac", (16, 32, 64)), ("opus", (6, 16, 64))):
        left = [checks(run(f"{name}(kbps={kbps})", wave))["residual"] for kbps in ladder]
        assert left == sorted(left, reverse=True), name


@pytest.mark.parametrize("text", ["mp3", "aac(kbps=64)", "opus(kbps=64)", "vorbis"])
def test_beyond_full_scale_is_attenuated_undone_and_counted(text: str) -> None:
    wave = broadband()
    loud = wave * np.float32(2.5 / np.abs(wave).max())
    done = run(text, loud)
    assert done.steps[0].facts["gain"] == pytest.approx(1 / 2.5, rel=1e-6)
    assert "gain" not in run(text, wave).steps[0].facts
    assert done.passed and np.abs(done.wave).max() > 1.5
    assert np.corrcoef(done.wave, loud)[0, 1] > 0.7


@pytest.mark.parametrize("text", ["mp3", "aac", "opus(loss=0.2)", "vorbis"])
def test_threads_do_not_change_a_sample(text: str) -> None:
    waves = [clip(0.5, seed) for seed in range(6)]
    alone = [run(text, wave).wave for wave in waves]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda wave: run(text, wave).wave, waves))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3000), st.sampled_from(["mp3(kbps=8)", "mp3(kbps=160)", *OTHERS]))
def test_any_length_comes_back(size: int, text: str) -> None:
    wave = clip(0.3)[:size]
    assert run(text, wave).wave.shape == wave.shape


def test_another_sample_rate_is_refused() -> None:
    with pytest.raises(AttackError, match=r"mp3\(kbps=64.*\): needs 16000 Hz, not 8000"):
        launder(parse("mp3"), clip(), 8000, "u", 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mp3(kbps=320)", "where MP3 ends at 160 kbit/s"),
        ("aac(kbps=128)", "where AAC ends at 96 kbit/s"),
        ("opus(kbps=510)", r"out of range \(from 6 to 256 kbit/s\)"),
        ("mp3(loss=0.6)", "out of range"),
        ("aac(passes=0)", "out of range"),
        ("vorbis(quality=-1)", "out of range"),
    ],
)
def test_a_setting_that_the_format_lacks_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)
