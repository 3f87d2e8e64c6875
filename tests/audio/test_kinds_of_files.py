"""Files as recorders, downloaders and editors leave them: read whole, or named with the cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from attacks.contract.launder import lag
from benchmark.audio import decoding, reader
from benchmark.audio.audio_error import AudioError
from tests.support import builders, media

RATE = reader.SAMPLE_RATE
FRAME_S = 0.1  # two frames of the longest codec

# file name -> options of FFmpeg
CODED = {
    "cbr.mp3": "-b:a 64k",
    "vbr.mp3": "-q:a 5",
    "no_xing.mp3": "-q:a 5 -write_xing 0",
    "layer2.mp2": "-c:a mp2",
    "mp3_in.wav": "-c:a libmp3lame",
    "mp3_in.mp4": "-c:a libmp3lame",
    "aac.m4a": "-c:a aac",
    "aac.mp4": "-c:a aac",
    "aac.aac": "-c:a aac",
    "aac.mka": "-c:a aac",
    "aac.mkv": "-c:a aac",
    "alac.m4a": "-c:a alac",
    "opus.webm": "-c:a libopus",
    "opus.ogg": "-c:a libopus",
    "opus.opus": "-c:a libopus",
    "vorbis.ogg": "-c:a libvorbis",
    "flac.flac": "-c:a flac",
    "flac_in.oga": "-c:a flac -f ogg",
    "wma.wma": "-c:a wmav2",
    "amr.3gp": "-c:a libopencore_amrnb -ar 8000 -ac 1",
    "amr.amr": "-c:a libopencore_amrnb -ar 8000 -ac 1",
    "g722.wav": "-c:a g722 -ar 16000 -ac 1",
    "g726.wav": "-c:a g726 -ar 8000 -ac 1",
    "mulaw.wav": "-c:a pcm_mulaw",
    "adpcm.wav": "-c:a adpcm_ms",
    "float.wav": "-c:a pcm_f32le",
    "pcm.caf": "-c:a pcm_s16be",
    "pcm.w64": "-c:a pcm_s16le",
    "pcm.au": "-c:a pcm_s16be",
    "pcm.aiff": "-c:a pcm_s16be",
    "wavpack.wv": "-c:a wavpack",
    "tta.tta": "-c:a tta",
    "ac3.ac3": "-c:a ac3",
    "aac.ts": "-c:a aac",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """Return a folder with a file of each kind, and the samples that went in."""
    folder = tmp_path_factory.mktemp("kinds")
    source, wave = media.source(folder)
    source.rename(folder / "source.wav")
    for name, options in CODED.items():
        media.encode(folder / "source.wav", folder / name, *options.split())
    return folder, wave


@pytest.mark.parametrize("name", CODED)
def test_a_coded_file_is_read_whole(made: tuple[Path, np.ndarray], name: str) -> None:
    folder, wave = made
    found = reader.record(folder / name)
    assert abs(found.wave.size / RATE - media.frames_by_ffmpeg(folder / name)) < 0.03, name
    assert abs(found.facts.decoded_s - media.SECONDS) < FRAME_S
    assert found.facts.faults == ()
    shift = lag(_envelope(wave), _envelope(found.wave))
    assert abs(shift) < 2500 / HOP  # a codec's delay, where no container declares it
    assert np.corrcoef(*_aligned(_envelope(wave), _envelope(found.wave), shift))[0, 1] > 0.95


HOP = 80  # samples


def _envelope(wave: np.ndarray) -> np.ndarray:
    frames = wave[: wave.size // HOP * HOP].reshape(-1, HOP)
    return np.asarray(np.sqrt(np.square(frames).mean(axis=1)), dtype=np.float32)


def _aligned(one: np.ndarray, other: np.ndarray, shift: int) -> tuple[np.ndarray, np.ndarray]:
    one, other = one[max(0, -shift) :], other[max(0, shift) :]
    size = min(one.size, other.size)
    return one[:size], other[:size]


@pytest.mark.parametrize("name", ["cbr.mp3", "vbr.mp3", "aac.m4a", "aac.mp4", "mp3_in.mp4"])
def test_padding_that_the_container_declares_is_cut_to_the_sample(
    made: tuple[Path, np.ndarray], name: str
) -> None:
    folder, wave = made
    assert reader.read(folder / name).size == wave.size


def _streamed_flac(folder: Path) -> Path:
    return media.streamed(folder / "source.wav", folder / "k.flac", "-f", "flac")


def _streamed_wav(folder: Path) -> Path:
    return media.streamed(folder / "source.wav", folder / "k.wav", "-f", "wav")


def _killed_recorder(folder: Path) -> Path:
    content = (folder / "source.wav").read_bytes()
    (folder / "k.wav").write_bytes(media.with_wav_sizes(content, 0))
    return folder / "k.wav"


def _size_unknown(folder: Path) -> Path:
    content = (folder / "source.wav").read_bytes()
    (folder / "k.wav").write_bytes(media.with_wav_sizes(content, 0xFFFFFFFF))
    return folder / "k.wav"


def _flac_total(frames: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        content = (folder / "flac.flac").read_bytes()
        (folder / "k.flac").write_bytes(media.with_flac_total(content, frames))
        return folder / "k.flac"

    return make


def _joined(*names: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        whole = b"".join((folder / name).read_bytes() for name in names)
        out = folder / f"k{Path(names[0]).suffix}"
        out.write_bytes(whole)
        return out

    return make


def _changed_midway(folder: Path) -> Path:
    other = media.encode(
        folder / "source.wav", folder / "other.aac", "-c:a", "aac", "-ar", "22050", "-ac", "2"
    )
    (folder / "k.aac").write_bytes((folder / "aac.aac").read_bytes() + other.read_bytes())
    return folder / "k.aac"


def _junk_first(folder: Path) -> Path:
    tag = b"ID3\x03\0\0\0\0\x08\0" + bytes(1024)
    content = (folder / "no_xing.mp3").read_bytes()
    (folder / "k.mp3").write_bytes(tag + b"junk" * 80 + content + b"TAG" + bytes(125))
    return folder / "k.mp3"


def _other_ending(folder: Path) -> Path:
    (folder / "k.mp3").write_bytes((folder / "aac.m4a").read_bytes())
    return folder / "k.mp3"


@pytest.mark.parametrize(
    ("make", "times", "faults"),
    [
        (_streamed_flac, 1, ()),
        (_streamed_wav, 1, ()),
        (_killed_recorder, 1, ()),
        (_size_unknown, 1, ()),
        (_flac_total(0), 1, ()),
        (_flac_total(44100 * 7200), 1, ("length",)),
        (_flac_total(44100), 1, ("length",)),
        (_joined("no_xing.mp3", "cbr.mp3"), 2, ()),
        (_joined("cbr.mp3", "cbr.mp3"), 2, ()),
        (_joined("opus.ogg", "opus.ogg"), 2, ()),
        (_joined("vorbis.ogg", "vorbis.ogg"), 2, ()),
        (_changed_midway, 2, ()),
        (_junk_first, 1, ()),
        (_other_ending, 1, ()),
    ],
)
def test_an_odd_file_is_read_whole(
    made: tuple[Path, np.ndarray],
    make: Callable[[Path], Path],
    times: int,
    faults: tuple[str, ...],
) -> None:
    found = reader.record(make(made[0]))
    assert abs(found.wave.size / RATE - times * media.SECONDS) < times * FRAME_S
    assert found.facts.faults == faults


def test_a_chain_of_codecs_is_refused_by_name(made: tuple[Path, np.ndarray]) -> None:
    path = _joined("opus.ogg", "vorbis.ogg")(made[0])
    with pytest.raises(AudioError, match=r"k\.ogg: cannot be read whole: libsndfile reads 3\.03 s"):
        reader.read(path)


@pytest.mark.parametrize(
    "name", ["source.wav", "pcm.au", "pcm.aiff", "flac.flac", "opus.ogg", "vorbis.ogg", "aac.aac",
             "wma.wma", "aac.mka", "cbr.mp3"],
)  # fmt: skip
def test_a_truncated_file_is_read_and_said_to_be_truncated(
    made: tuple[Path, np.ndarray], name: str
) -> None:
    whole = (made[0] / name).read_bytes()
    path = made[0] / f"cut{Path(name).suffix}"
    path.write_bytes(whole[: len(whole) * 6 // 10])
    found = reader.record(path)
    assert 0.2 < found.wave.size / RATE < 0.75 * media.SECONDS
    assert {"truncated", "length"} & set(found.facts.faults)


def test_damage_in_the_middle_is_an_error_but_for_bare_streams(
    made: tuple[Path, np.ndarray],
) -> None:
    for name in ("flac.flac", "aac.m4a", "alac.m4a", "opus.ogg", "vorbis.ogg"):
        content = bytearray((made[0] / name).read_bytes())
        middle = len(content) // 2
        content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
        path = made[0] / f"damaged{Path(name).suffix}"
        path.write_bytes(content)
        with pytest.raises(AudioError, match=rf"{path.name}: is damaged \("):
            reader.read(path)
    for name, size in (("cbr.mp3", 60), ("no_xing.mp3", 900), ("aac.aac", 3000)):
        content = bytearray((made[0] / name).read_bytes())
        middle = len(content) // 2
        content[middle : middle + size] = np.random.default_rng(0).bytes(size)
        path = made[0] / f"damaged{Path(name).suffix}"
        path.write_bytes(content)
        assert "damaged" in reader.record(path).facts.faults


def test_what_is_no_audio_is_told_as_what_it_is(tmp_path: Path) -> None:
    kinds = {
        "a.wav": (b"", r"is empty \(0 bytes\)"),
        "b.wav": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
        "c.flac": (b"../.git/annex/objects/xx", "cannot be decoded"),
        "d.flac": (b"/annex/objects/SHA256E-s1--00.flac\n", "git-annex"),
        "e.mp3": (b"\n <!DOCTYPE html><html>404</html>", "an HTML page: the download failed"),
        "f.m4a": (b"#EXTM3U\n#EXTINF:3,\nother.wav\n", "a playlist"),
        "g.wav": (b"ffconcat version 1.0\nfile a.wav\n", "a playlist"),
        "h.wav": (b'{"error": "not found"}', "a JSON document"),
        "i.wav": (bytes(5000), "nothing but zero bytes"),
        "j.wav": (b"PK\x03\x04" + bytes(99), "a ZIP archive"),
        "k.mp3": (b"%PDF-1.7 ", "a PDF"),
    }
    for name, (content, cause) in kinds.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AudioError, match=rf"{name}: .*{cause}"):
            reader.read(tmp_path / name)


def test_a_list_of_files_is_not_followed(tmp_path: Path, made: tuple[Path, np.ndarray]) -> None:
    (tmp_path / "other.wav").write_bytes((made[0] / "source.wav").read_bytes())
    lists = {
        "a.wav": "# a comment\nffconcat version 1.0\nfile other.wav\n",
        "b.wav": "\n#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:3,\nother.wav\n#EXT-X-ENDLIST\n",
        "c.wav": "[Playlist]\nFile1=other.wav\n",
        "d.mp4": '<?xml version="1.0"?><MPD><BaseURL>other.wav</BaseURL></MPD>',
        "e.wav": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(AudioError, match=rf"{name}: "):
            reader.read(tmp_path / name)


def test_a_name_is_never_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a.wav|b.wav", "http:x.mp3", "file:x.wav", "a%03d.wav", "übe r.wav"):
        soundfile.write(Path("plain.wav"), builders.voice(3, 0.5), RATE)
        Path("plain.wav").rename(name)
        assert reader.read(Path(name)).size == RATE // 2
    named = tmp_path / "caf\udce9.m4a"
    media.encode(Path("übe r.wav"), tmp_path / "x.m4a")
    (tmp_path / "x.m4a").rename(named)
    assert reader.read(named).size == RATE // 2


@pytest.mark.parametrize("rate", [1, 1999, 400_001, 2_000_000_000])
def test_a_rate_out_of_bounds_is_refused_before_memory_is_taken(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", builders.voice(3, 1.0), RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match=rf"states a sample rate of {rate} Hz; 2000 to 400000"):
        reader.read(tmp_path / "a.wav")


def test_channels_out_of_bounds_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((99, 65), np.float32), RATE)
    with pytest.raises(AudioError, match="states 65 channels; 1 to 64 are read"):
        reader.read(tmp_path / "a.wav")


def test_the_longest_duration_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", builders.voice(3, 1.0), RATE)
    monkeypatch.setenv(decoding.VARIABLE, "0.9")
    with pytest.raises(AudioError, match=r"a\.wav: is longer than 0\.9 s \(LAUNDERBENCH_LONGEST_S"):
        reader.read(tmp_path / "a.wav")
    monkeypatch.setenv(decoding.VARIABLE, "1")
    assert reader.read(tmp_path / "a.wav").size == RATE


def test_the_longest_duration_is_exact_over_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(decoding.VARIABLE, "0.3")
    mix, block = decoding.MonoMix(Path("a.wav")), np.zeros((1600, 1), np.float32)
    for _ in range(3):  # 0.1 + 0.1 + 0.1 > 0.3 in floating point
        mix.add(block, RATE, 1)
    assert mix.seconds > 0.3
    with pytest.raises(AudioError, match="is longer than"):
        mix.add(block[:1], RATE, 1)


def test_whatever_a_decoder_raises_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", builders.voice(3, 1.0), RATE)
    for error, said in (
        (MemoryError(), "it does not fit into the memory"),
        (ValueError("negative\ndimensions"), "negative dimensions"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (RuntimeError(), "RuntimeError"),
    ):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(reader, "_decoded", fail)
        with pytest.raises(AudioError, match=rf"a\.wav: cannot be decoded \({said}\)"):
            reader.read(tmp_path / "a.wav")


def test_the_faults_of_samples_are_found(tmp_path: Path) -> None:
    wave = builders.voice(5, 1.0)
    hum = np.full(RATE, 0.25, np.float32)
    kinds: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {
        "sound": (wave, ()),
        "stereo": (np.stack([wave, wave], axis=1), ()),
        "opposite": (np.stack([wave, -0.999 * wave], axis=1), ("phase", "silent")),
        "nearly": (np.stack([wave, -0.9 * wave], axis=1), ("phase",)),
        "integers": (32767 * wave, ("scale",)),
        "hot": (2.5 / np.abs(wave).max() * wave, ()),
        "silent": (1e-5 * wave, ("silent",)),
        "zeros": (0 * wave, ("silent",)),
        "constant": (hum, ("dc",)),
        "offset": (wave + 0.25, ()),
        "blip": (wave[:1599], ("short",)),
        "just": (wave[4000:5600], ()),
    }
    for name, (samples, faults) in kinds.items():
        soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
        assert reader.record(tmp_path / "a.wav").facts.faults == faults, name


CONTAINERS = {  # container -> codecs, and the channels that all of them take
    "wav": (("pcm_s16le", "pcm_u8", "pcm_s24le", "pcm_f32le", "pcm_f64le", "pcm_alaw"), 6),
    "flac": (("flac",), 6),
    "aiff": (("pcm_s16be", "pcm_s24be"), 6),
    "caf": (("pcm_s16be", "pcm_f32le"), 6),
    "au": (("pcm_s16be", "pcm_mulaw"), 6),
    "w64": (("pcm_s16le",), 6),
    "ogg": (("libvorbis", "libopus", "flac"), 2),
    "mp3": (("libmp3lame",), 2),
    "m4a": (("aac", "alac"), 2),
    "mka": (("aac", "libopus", "libvorbis", "flac", "pcm_s16le", "libmp3lame"), 2),
    "webm": (("libopus", "libvorbis"), 2),
    "wma": (("wmav2",), 2),
}
RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_container_codec_rate_and_channels(tmp_path: Path, data: st.DataObject) -> None:
    container = data.draw(st.sampled_from(sorted(CONTAINERS)))
    codecs, most = CONTAINERS[container]
    codec = data.draw(st.sampled_from(codecs))
    rate = data.draw(st.sampled_from(RATES))
    channels = data.draw(st.integers(1, most))
    seconds = data.draw(st.floats(0.12, 2.0))
    source, wave = media.source(tmp_path, rate, channels, seconds)
    out = tmp_path / f"made.{container}"
    try:
        media.encode(source, out, "-c:a", codec)
    except RuntimeError:  # this codec has no such rate
        assume(False)
    found = reader.record(out)
    assert abs(found.wave.size / RATE - media.frames_by_ffmpeg(out)) < 0.05
    assert not {"truncated", "damaged", "phase", "scale"} & set(found.facts.faults)
    assert found.wave.size / RATE > seconds - FRAME_S
    if codec.startswith(("pcm_s16", "pcm_s24", "pcm_f", "flac", "alac")) and rate >= RATE:
        size = min(wave.size, found.wave.size)
        assert np.corrcoef(found.wave[:size], wave[:size])[0, 1] > 0.98
