"""The audio reader of the project: decode, mix to mono, resample to 16 kHz, float32."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr

from benchmark.audio import content_kind, discovery, ffmpeg_decoder, sndfile_decoder
from benchmark.audio.audio_error import AudioError
from benchmark.audio.decoding import DecodedFile, Header, Wave
from benchmark.audio.input_facts import LENGTH_TOLERANCE_S, InputFacts, facts_of
from benchmark.core.errors import InputError, one_line

SAMPLE_RATE = 16000
VERSION = 2  # raised when the same file gives other samples; 1: MPEG audio read by libsndfile
READ_ALIKE = (".wav", ".flac", ".aif", ".aiff")  # by all versions, if they read the file at all
# libsndfile stops at a wrong total (FLAC) and at the end of the first of several streams (Ogg)
_MAY_STOP_EARLY = ("FLAC", "OGG")


@dataclass(frozen=True)
class DecodedAudio:
    """A decoded file: float32 (T,) at 16 kHz, mono.

    decoder : `soundfile` or `pyav`
    facts   : what the file states, and what is odd about it
    """

    wave: Wave
    decoder: str
    facts: InputFacts


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


def record(path: Path, channel: int | None = None) -> DecodedAudio:
    """Read `path` as `read` does; name its decoder and its facts.

    channel : the one channel to read instead of the mean (the last one if there are fewer)

    FFmpeg decodes MPEG audio and all that libsndfile refuses. Where libsndfile may stop early, the
    length that the packets state decides. Whatever a decoder raises becomes `AudioError`.
    """
    path = Path(path)
    with _naming(path):
        file = _decoded(path, content_kind.kind_of(path), channel)
        wave = _joined(file)
    if wave.size == 0:
        raise AudioError(f"{path}: holds no samples")
    if not np.isfinite(wave).all():
        raise AudioError(f"{path}: holds NaN or infinite samples")
    return DecodedAudio(wave, file.decoder, facts_of(file, wave, SAMPLE_RATE))


def header(path: Path) -> tuple[Header, str]:
    """Return what a file says of its sound track, and the decoder that would read it.

    Raises `AudioError` if it holds none.
    """
    path = Path(path)
    with _naming(path):
        kind = content_kind.kind_of(path)
        if kind != content_kind.MPEG:
            try:
                return sndfile_decoder.header(path), sndfile_decoder.NAME
            except sndfile_decoder.MpegAudio:
                kind = content_kind.MPEG
            except sndfile_decoder.Refusal:
                pass
        return ffmpeg_decoder.header(path, kind), ffmpeg_decoder.NAME


def digest(paths: Sequence[Path], by_ffmpeg: bool) -> str:
    """Return the SHA-256 (hex) of the samples' sources: `discovery.digest` of the files.

    Of files that FFmpeg decodes, the version of this reader is a part of it.
    """
    content = discovery.digest(paths)
    if not by_ffmpeg:
        return content
    return hashlib.sha256(f"{content} reader {VERSION}".encode()).hexdigest()


def resample(wave: Wave, rate: int, to: int = SAMPLE_RATE) -> Wave:
    """Resample `wave` (T,) from `rate` Hz to `to` Hz with soxr HQ; equal rates change nothing."""
    if rate == to:
        return np.ascontiguousarray(wave, dtype=np.float32)
    return np.asarray(soxr.resample(wave, rate, to, quality="HQ"), dtype=np.float32)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn whatever is raised into `AudioError`: nothing that one file holds may end a run.

    A device or a pipe is refused before it is opened, because it may never end.
    """
    with suppress(OSError, ValueError):  # there is no such file: the decoder says so
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise AudioError(f"{path}: is a device or a pipe, not a file")
    try:
        yield
    except (AudioError, InputError):
        raise
    except Exception as error:
        raise AudioError(f"{path}: cannot be decoded ({_reason(error)})") from error


def _decoded(path: Path, kind: str, channel: int | None) -> DecodedFile:
    if kind == content_kind.MPEG:
        return ffmpeg_decoder.decode(path, kind, channel)
    try:
        file = sndfile_decoder.decode(path, channel)
    except sndfile_decoder.MpegAudio:
        return ffmpeg_decoder.decode(path, content_kind.MPEG, channel)
    except sndfile_decoder.Refusal as refusal:
        try:
            return ffmpeg_decoder.decode(path, kind, channel)
        except ffmpeg_decoder.NotRecognised as error:
            raise AudioError(f"{error}; libsndfile: {refusal}") from error
    if file.header.container in _MAY_STOP_EARLY:
        try:
            stated = ffmpeg_decoder.packet_seconds(path, kind)
        except AudioError as error:
            raise AudioError(
                f"{path}: cannot be read whole: libsndfile reads {file.seconds:.2f} s of it, FFmpeg"
                f" refuses it ({str(error).removeprefix(f'{path}: ')})"
            ) from error
        lengths = (stated, file.header.declared_s or stated)
        if any(abs(length - file.seconds) > LENGTH_TOLERANCE_S for length in lengths):
            file = ffmpeg_decoder.decode(path, kind, channel)
        if file.header.container.upper() == "OGG" and content_kind.ends_early(path):
            return replace(file, truncated=True)
    return file


def _joined(file: DecodedFile) -> Wave:
    """Return the pieces at 16 kHz, one after the other."""
    pieces = [resample(wave, rate) for wave, rate in file.pieces]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it does not fit into the memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(error) or type(error).__name__
