"""The audio reader: every format, sample rate and bit depth gives the same utterance."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
import soxr

from attacks.contract.launder import lag
from benchmark.audio import reader
from benchmark.audio.audio_error import AudioError
from benchmark.core.errors import InputError
from tests.support import builders

RATE = reader.SAMPLE_RATE


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    size = min(a.size, b.size)
    return float(np.corrcoef(a[:size], b[:size])[0, 1])


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000, 192000])
def test_any_rate_comes_out_at_16_khz(tmp_path: Path, rate: int) -> None:
    wave = builders.voice(3, 1.0)
    soundfile.write(tmp_path / "a.wav", soxr.resample(wave, RATE, rate), rate, subtype="FLOAT")
    read = reader.read(tmp_path / "a.wav")
    assert abs(read.size - RATE) <= 1
    reference = wave if rate >= RATE else soxr.resample(soxr.resample(wave, RATE, rate), rate, RATE)
    assert lag(reference, read) == 0
    assert similarity(read, reference) > 0.99


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_any_depth(tmp_path: Path, subtype: str) -> None:
    wave = builders.voice(3, 0.5)
    soundfile.write(tmp_path / "a.wav", wave, RATE, subtype=subtype)
    np.testing.assert_allclose(
        reader.read(tmp_path / "a.wav"), wave, atol=0.01 if subtype == "PCM_U8" else 1e-4
    )


@pytest.mark.parametrize("channels", [1, 2, 5, 8])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    waves = np.stack([builders.voice(n, 0.3) for n in range(channels)], axis=1)
    soundfile.write(tmp_path / "a.wav", waves, RATE, subtype="FLOAT")
    np.testing.assert_allclose(reader.read(tmp_path / "a.wav"), waves.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("ending", "options", "decoder"),
    [
        ("flac", [], "soundfile"),
        ("mp3", ["-b:a", "128k"], "pyav"),
        ("ogg", ["-c:a", "libvorbis"], "soundfile"),
        ("opus", ["-b:a", "64k"], "soundfile"),
        ("m4a", ["-b:a", "96k"], "pyav"),
        ("webm", ["-c:a", "libopus", "-b:a", "64k"], "pyav"),
        ("mp4", ["-c:a", "aac", "-b:a", "96k"], "pyav"),
        ("aiff", [], "soundfile"),
    ],
)
def test_formats_that_another_program_wrote(
    tmp_path: Path, ending: str, options: list[str], decoder: str
) -> None:
    stereo = np.stack([builders.voice(5, 1.5), builders.voice(6, 1.5)], axis=1)
    soundfile.write(tmp_path / "a.wav", soxr.resample(stereo, RATE, 48000), 48000)
    out = tmp_path / f"a.{ending}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "a.wav")]
    subprocess.run([*command, *options, str(out)], check=True)
    decoded = reader.record(out)
    assert decoded.decoder == decoder
    assert decoded.wave.dtype == np.float32
    mono = stereo.mean(axis=1)
    shift = lag(mono, decoded.wave)  # a container may include the delay of its encoder
    assert 0 <= shift < 2500
    assert similarity(decoded.wave[shift:], mono) > 0.95


def test_the_sound_track_of_a_video(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", builders.voice(5, 1.0), RATE)
    out = tmp_path / "a.mp4"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "a.wav")]
    picture = ["-f", "lavfi", "-i", "color=s=64x64:d=1", "-c:a", "aac", "-shortest"]
    subprocess.run([*ffmpeg, *picture, str(out)], check=True)
    assert abs(reader.read(out).size - RATE) < 2500
    subprocess.run([ffmpeg[0], "-v", "error", *picture[:4], str(tmp_path / "mute.mp4")], check=True)
    with pytest.raises(AudioError, match=r"mute\.mp4: holds no sound track"):
        reader.read(tmp_path / "mute.mp4")


def test_an_error_names_the_file_and_the_cause(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "text.wav").write_text("no audio at all\n" * 50)
    (tmp_path / "noise.mp3").write_bytes(rng.bytes(20_000))
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.float32), RATE)
    soundfile.write(tmp_path / "nan.wav", np.full(99, np.nan, np.float32), RATE, subtype="FLOAT")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    for name, cause in {
        "text.wav": "cannot be decoded",
        "noise.mp3": "cannot be decoded",
        "empty.wav": "is empty",
        "none.wav": "holds no samples",
        "nan.wav": "holds NaN or infinite samples",
        "folder.wav": "no such file",
        "loop.wav": "no such file",
        "gone.wav": "no such file",
    }.items():
        with pytest.raises(AudioError, match=rf"{name}: {cause}"):
            reader.read(tmp_path / name)


def test_all_files_are_read_or_the_first_bad_one_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(good, builders.voice(3, 0.5), RATE)
    first, second = reader.read_all([good, good], "cannot start")
    assert first.tobytes() == second.tobytes() == reader.read(good).tobytes()
    with pytest.raises(InputError, match=r"^cannot start: .*b\.wav: no such file$"):
        reader.read_all([good, bad], "cannot start")
