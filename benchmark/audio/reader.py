"""The audio reader of the project: decode, mix to mono, resample to 16 kHz, float32."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from benchmark.audio import libav
from benchmark.core.errors import InputError

SAMPLE_RATE = 16000
_UNRECOGNISED = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT

Wave = npt.NDArray[np.float32]


class AudioError(RuntimeError):
    """Error for a file that cannot be used as audio; the message names the file and the cause."""


@dataclass(frozen=True)
class DecodedAudio:
    """A decoded file: float32 (T,), 16 kHz, mono; and its decoder (`soundfile` or `pyav`)."""

    wave: Wave
    decoder: str


def read(path: Path) -> Wave:
    """Read the utterance in `path`: float32 (T,) at 16 kHz, mono (mean of the channels), T >= 1.

    Raises `AudioError` if the file is missing, undecodable, empty or not finite.
    """
    return record(path).wave


def read_all(paths: Iterable[Path], refusal: str) -> list[Wave]:
    """Read every file as `read` does, for callers that need them all.

    Raises `InputError` with `refusal` and the cause at the first file that cannot be read.
    """
    try:
        return [read(path) for path in paths]
    except AudioError as error:
        raise InputError(f"{refusal}: {error}") from error


def record(path: Path) -> DecodedAudio:
    """Read `path` as `read` does and name the decoder.

    libsndfile decodes; FFmpeg decodes the formats that libsndfile does not recognise.
    """
    if not Path(path).is_file():
        raise AudioError(f"{path}: no such file")
    decoder = "soundfile"
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = samples.mean(axis=1, dtype=np.float32)
    except soundfile.LibsndfileError as error:
        if error.code != _UNRECOGNISED or not Path(path).stat().st_size:
            raise AudioError(f"{path}: cannot be decoded ({error})") from error
        decoder = "pyav"
        mono, rate = _decode_by_ffmpeg(path)
    except OSError as error:
        raise AudioError(f"{path}: cannot be decoded ({error})") from error
    if mono.size == 0:
        raise AudioError(f"{path}: holds no samples")
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds NaN or infinite samples")
    wave = resample(mono, rate)
    if wave.size == 0:
        raise AudioError(f"{path}: holds no samples")
    return DecodedAudio(wave, decoder)


def _decode_by_ffmpeg(path: Path) -> tuple[Wave, int]:
    """Return mono samples and sample rate (Hz) of the first audio stream.

    Damaged packets raise `AudioError`: skipping them would silently shorten the utterance.
    """
    av = libav.module()
    try:
        with av.open(str(path), options={"err_detect": "explode"}) as container:
            if not container.streams.audio:
                raise AudioError(f"{path}: holds no sound track")
            stream = container.streams.audio[0]
            stream.codec_context.options = {"err_detect": "explode"}
            planar = av.AudioResampler(format="fltp")
            pieces = [
                piece.to_ndarray().mean(axis=0, dtype=np.float32)
                for frame in (*container.decode(stream), None)
                for piece in planar.resample(frame)
            ]
            rate = stream.codec_context.sample_rate
    except av.error.FFmpegError as error:
        raise AudioError(f"{path}: cannot be decoded ({error})") from error
    return np.concatenate(pieces) if pieces else np.empty(0, np.float32), rate


def resample(wave: Wave, rate: int, to: int = SAMPLE_RATE) -> Wave:
    """Resample `wave` (T,) from `rate` Hz to `to` Hz with soxr HQ; equal rates change nothing."""
    if rate == to:
        return np.ascontiguousarray(wave, dtype=np.float32)
    return np.asarray(soxr.resample(wave, rate, to, quality="HQ"), dtype=np.float32)
