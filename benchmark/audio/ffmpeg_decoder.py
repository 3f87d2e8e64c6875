"""Decoding by FFmpeg (PyAV): MPEG audio, and what libsndfile does not read.

FFmpeg gets an open file and no name, so that it judges by content and opens nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.audio import content_kind, libav
from benchmark.audio.audio_error import AudioError
from benchmark.audio.decoding import DecodedFile, Header, MonoMix, require_bounds
from benchmark.audio.endings import FFMPEG_CONTAINERS
from benchmark.core.errors import one_line

NAME = "pyav"
# Of other containers FFmpeg estimates a length that the file does not state.
_STATING = ("aiff", "asf", "au", "caf", "flac", "matroska", "mov", "tta", "w64", "wav", "wv")
_LEAPS_S = {"flac": 0.001, "ogg": 0.1}  # FLAC states the place of each frame
_BARE = ("mp3", "aac")  # streams of frames without a container
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # between the frames of joined MP3 files
_GAPLESS = "mov"  # states the length without the padding of the codec, which FFmpeg decodes
_MOST_PADDING_S = 0.15  # two frames of HE-AAC at 32 kHz


class NotRecognised(AudioError):
    """Error for a file in which FFmpeg recognises no sound track."""


def header(path: Path, kind: str) -> Header:
    """Return what the file says of itself; raise `AudioError` if FFmpeg finds no sound track."""
    with _opened(path, kind) as (container, stream):
        return _header(path, kind, container, stream)


def packet_seconds(path: Path, kind: str) -> float:
    """Return the length that the packets of the sound track state, without decoding them."""
    with _opened(path, kind) as (container, stream):
        ticks = sum(packet.duration or 0 for packet in container.demux(stream))
        return float(ticks * stream.time_base)


def decode(path: Path, kind: str, channel: int | None = None) -> DecodedFile:
    """Decode the first sound track packet by packet; its rate and channels may change midway.

    The channels are averaged, or one `channel` is taken.

    Where packets can no longer be decoded up to the end, the file is truncated. Elsewhere such a
    packet is an error, because the utterance would be shortened; bare streams of MPEG audio and AAC
    are known to hold other data between their frames, so there it is counted. Raises `AudioError`
    that names the file and the cause.
    """
    with _opened(path, kind) as (container, stream):
        stated = _header(path, kind, container, stream)
        bare = stated.container in _BARE
        mix, planes = MonoMix(path, channel), _Planes()
        clock = _Clock(_LEAPS_S.get(stated.container, float("inf")))
        failed = damaged = used = 0
        cause = ""
        for step in _steps(container, stream, bare):
            used += step.size
            if step.cause:
                failed, cause = failed + 1, step.cause
            elif step.frames and not step.flushed:
                if clock.leaps(step.frames[0], mix.seconds):
                    failed, cause = failed + 1, "frames are missing"
                damaged, failed = damaged + failed, 0
            if damaged and not bare:
                raise AudioError(f"{path}: is damaged ({cause})")
            for frame in (*step.frames, *([None] if step.flushed else [])):
                for samples, rate in planes.of(frame):
                    mix.add(samples, rate, axis=0)
        if stated.container == "ogg" and _stream_seconds(stream) - mix.seconds > _LEAPS_S["ogg"]:
            raise AudioError(f"{path}: is damaged (frames are missing at the end)")
        if stated.container == "aac" and not failed:  # its demuxer passes over what is no frame
            damaged += content_kind.sound_bytes(path) > used
    pieces = mix.pieces()
    if not pieces:
        why = f"cannot be decoded ({cause})" if cause else "holds no samples"
        raise AudioError(f"{path}: {why}")
    whole = DecodedFile(stated, NAME, pieces, mix.peak, mix.cancelled, failed > 0, damaged)
    return _without_padding(whole)


@dataclass(frozen=True)
class _Step:
    """The frames of one packet of `size` bytes, or why it cannot be decoded.

    flushed : whether the packets are at their end
    """

    frames: tuple[Any, ...] = ()
    cause: str = ""
    flushed: bool = False
    size: int = 0


def _steps(container: Any, stream: Any, bare: bool) -> Iterator[_Step]:
    errors = libav.module().error.FFmpegError
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except errors as error:  # the file ends inside an element of its container
            yield _Step(cause=_reason(error))
            yield _Step(_flushed(stream), flushed=True)
            return
        flushed = packet.size == 0
        try:
            yield _Step(tuple(packet.decode()), flushed=flushed, size=packet.size)
        except errors as error:
            if not (bare and bytes(packet).startswith(_TAGS)):
                yield _Step(cause=_reason(error), flushed=flushed)


def _flushed(stream: Any) -> tuple[Any, ...]:
    """Return the frames that the codec still holds."""
    try:
        return tuple(stream.codec_context.decode(None))
    except libav.module().error.FFmpegError:
        return ()


@dataclass
class _Clock:
    """Comparison of time stamps with what was decoded, where bad frames are dropped silently.

    leap : seconds that a time stamp may be ahead; streams joined to a chain begin anew
    """

    leap: float
    _ahead: float | None = None

    def leaps(self, frame: Any, seconds: float) -> bool:
        """Return whether frames are missing between `seconds` of sound and this frame."""
        if frame.pts is None:
            return False
        ahead = float(frame.pts * frame.time_base) - seconds
        before, self._ahead = self._ahead, ahead
        return before is not None and ahead - before > self.leap


class _Planes:
    """Conversion of frames to float32 (channels, T), whatever they hold and when it changes."""

    def __init__(self) -> None:
        self._layout: tuple[Any, ...] = ()
        self._convert: Any = None

    def of(self, frame: Any) -> Iterator[tuple[npt.NDArray[np.float32], int]]:
        """Yield the samples of a frame with their rate, and what is left at a change or the end."""
        layout = (
            ()
            if frame is None
            else (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
        )
        if layout != self._layout:
            if self._convert is not None:
                yield from self._resampled(None)
            self._convert = libav.module().AudioResampler(format="fltp") if layout else None
            self._layout = layout
        if frame is not None:
            yield from self._resampled(frame)

    def _resampled(self, frame: Any) -> Iterator[tuple[npt.NDArray[np.float32], int]]:
        for piece in self._convert.resample(frame):
            yield piece.to_ndarray(), piece.sample_rate


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[tuple[Any, Any]]:
    """Open a file and its first sound track; FFmpeg's errors become `AudioError`."""
    av = libav.module()
    checks = "explode" if kind == content_kind.MPEG else "crccheck+explode"
    options = {"format_whitelist": ",".join(FFMPEG_CONTAINERS), "err_detect": checks}
    try:
        with (
            path.open("rb") as file,
            av.open(
                file, format="mp3" if kind == content_kind.MPEG else None, options=options
            ) as container,
        ):
            if not container.streams.audio:
                raise AudioError(f"{path}: holds no sound track")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise AudioError(f"{path}: its sound track has an unknown codec")
            if kind != content_kind.MPEG:
                stream.codec_context.options = {"err_detect": checks}
            yield container, stream
    except av.error.FFmpegError as error:
        raise NotRecognised(f"{path}: cannot be decoded ({_reason(error)})") from error


def _header(path: Path, kind: str, container: Any, stream: Any) -> Header:
    codec = stream.codec_context
    if not codec.sample_rate or not codec.channels:
        raise NotRecognised(f"{path}: cannot be decoded (no sound track is recognised)")
    require_bounds(path, codec.sample_rate, codec.channels)
    name = container.format.name.split(",")[0]
    seconds = None
    if name in _STATING or (kind == content_kind.MPEG and content_kind.states_length(path)):
        if stream.duration:
            seconds = _stream_seconds(stream)
        elif container.duration:
            seconds = container.duration / libav.module().time_base
    return Header(name, codec.name, codec.sample_rate, codec.channels, seconds)


def _stream_seconds(stream: Any) -> float:
    return float((stream.duration or 0) * stream.time_base)


def _without_padding(found: DecodedFile) -> DecodedFile:
    """Cut what the codec added at the end, where the container states the length without it."""
    stated = found.header.declared_s
    if found.header.container != _GAPLESS or stated is None or len(found.pieces) > 1:
        return found
    ((wave, rate),) = found.pieces
    excess = wave.size - round(stated * rate)
    if not 0 < excess <= _MOST_PADDING_S * rate:
        return found
    return replace(found, pieces=((wave[:-excess], rate),))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or one_line(error)
