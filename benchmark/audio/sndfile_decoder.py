"""Decoding by libsndfile: PCM in all its containers, FLAC, and Ogg with Vorbis or Opus."""

from __future__ import annotations

import os
import re
from pathlib import Path

import soundfile

from benchmark.audio.decoding import BLOCK, DecodedFile, Header, MonoMix, require_bounds

NAME = "soundfile"
# Sizes that programs write where they do not know the size, and the first one that no file has.
_UNKNOWN_SIZES = (0, 0x7FFF0000)
_CUT = re.compile(r"^\s*(?:data|SSND|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


class Refusal(Exception):
    """Error for a file that libsndfile does not read, with its reason; FFmpeg may read it."""


class MpegAudio(Refusal):
    """Refusal of MPEG audio without a container, which FFmpeg reads."""


def header(path: Path) -> Header:
    """Return what the file says of itself; raise `Refusal` if libsndfile does not read it."""
    with _opened(path) as file:
        stated = _header(file, _cut(file.extra_info))
    _require_other_than_mpeg(stated)
    return stated


def decode(path: Path, channel: int | None = None) -> DecodedFile:
    """Decode a file block by block: the average of its channels, or one `channel`.

    Raises `Refusal` if libsndfile does not read it, leaves it to FFmpeg (MPEG audio) or finds no
    samples, and `AudioError` if it breaks a bound.
    """
    with _opened(path) as file:
        cut = _cut(file.extra_info)
        stated = _header(file, cut)
        _require_other_than_mpeg(stated)
        require_bounds(path, stated.rate, stated.channels)
        mix = MonoMix(path, channel)
        frames = BLOCK // stated.channels
        got = frames
        while got == frames:
            try:
                block = file.read(frames, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, ValueError) as error:
                raise Refusal(_reason(error)) from error
            got = len(block)
            mix.add(block, stated.rate, axis=1)
    pieces = mix.pieces()
    if not pieces:
        raise Refusal("no samples")
    return DecodedFile(stated, NAME, pieces, mix.peak, mix.cancelled, truncated=cut is not None)


def _opened(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(os.fsencode(path))
    except (soundfile.LibsndfileError, TypeError, ValueError, OSError) as error:
        raise Refusal(_reason(error)) from error


def _require_other_than_mpeg(stated: Header) -> None:
    if stated.encoding.startswith("MPEG"):
        kind = MpegAudio if stated.container == "MP3" else Refusal
        raise kind("MPEG audio is read by FFmpeg")


def _header(file: soundfile.SoundFile, cut: float | None) -> Header:
    seconds = None
    if 0 < file.frames < 1 << 62 and file.samplerate > 0:  # streamed FLAC states neither
        seconds = file.frames / file.samplerate * (cut or 1.0)
    return Header(file.format, file.subtype, file.samplerate, file.channels, seconds)


def _cut(log: str) -> float | None:
    """Return stated over present size of the samples, from libsndfile's log; None if not cut."""
    found = _CUT.search(log)
    if found is None:
        return None
    stated, present = map(int, found.groups())
    unset = stated == _UNKNOWN_SIZES[0] or stated >= _UNKNOWN_SIZES[1]
    return None if unset or stated <= present or not present else stated / present


def _reason(error: Exception) -> str:
    text = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
    return " ".join(str(text).split()).rstrip(".") or type(error).__name__
