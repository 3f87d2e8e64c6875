"""Audio files of every kind, made by the packaged FFmpeg, and what FFmpeg itself reads of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tests.support import builders

SECONDS = 3.03  # no multiple of any codec's frame


def source(
    folder: Path, rate: int = 44100, channels: int = 1, seconds: float = SECONDS
) -> tuple[Path, npt.NDArray[np.float32]]:
    """Write a voice as 16-bit WAV; return its path and its mono samples at 16 kHz."""
    waves = np.stack([builders.voice(7 + n, seconds) for n in range(channels)], axis=1)
    path = folder / f"source_{rate}_{channels}.wav"
    soundfile.write(path, soxr.resample(waves, builders.RATE, rate), rate, subtype="PCM_16")
    return path, waves.mean(axis=1)


def encode(source: Path, out: Path, *options: str) -> Path:
    """Encode a file with FFmpeg's `options`; return `out`."""
    _run(["-y", "-i", str(source), *options, str(out)])
    return out


def streamed(source: Path, out: Path, *options: str) -> Path:
    """Encode through a pipe, so that the header cannot state the length."""
    out.write_bytes(_run(["-i", str(source), *options, "-"]))
    return out


def frames_by_ffmpeg(path: Path) -> float:
    """Return the seconds that the FFmpeg program decodes of a file."""
    sound = _run(["-i", str(path), "-map", "a:0", "-ac", "1", "-ar", "48000", "-f", "f32le", "-"])
    return len(sound) / 4 / 48000


def with_flac_total(content: bytes, frames: int) -> bytes:
    """Return a FLAC file whose header states `frames` samples."""
    word = int.from_bytes(content[18:26]) >> 36 << 36 | frames
    return content[:18] + word.to_bytes(8) + content[26:]


def with_wav_sizes(content: bytes, size: int) -> bytes:
    """Return a WAV file whose header states `size` bytes, for itself and for its samples."""
    place = content.index(b"data") + 4
    field = size.to_bytes(4, "little")
    return content[:4] + field + content[8:place] + field + content[place + 4 :]


def _run(arguments: Sequence[str]) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{json.dumps(command)}: {done.stderr.decode(errors='replace')}")
    return done.stdout
