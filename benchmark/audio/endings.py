"""The one list of audio file name endings, by container."""

from __future__ import annotations

from itertools import chain
from pathlib import PurePath

# By containers as FFmpeg names them; libsndfile names most of them so too, in capitals.
_FFMPEG_ENDINGS = {
    "aac": (".aac",),
    "ac3": (".ac3",),
    "eac3": (".eac3",),
    "aiff": (".aiff", ".aif", ".aifc"),
    "amr": (".amr", ".awb"),
    "amrnb": (".amr",),
    "amrwb": (".amr", ".awb"),
    "ape": (".ape",),
    "asf": (".wma", ".asf", ".wmv"),
    "au": (".au", ".snd"),
    "avi": (".avi",),
    "caf": (".caf",),
    "flac": (".flac",),
    "flv": (".flv",),
    "loas": (".aac", ".latm"),
    "matroska": (".mka", ".mkv", ".webm"),
    "mov": (".m4a", ".mp4", ".m4b", ".mov", ".3gp", ".3g2", ".m4v"),
    "mp3": (".mp3", ".mp2"),
    "mpeg": (".mpg", ".mpeg"),
    "mpegts": (".ts",),
    "nistsphere": (".sph", ".wav", ".nist"),
    "ogg": (".ogg", ".oga", ".opus", ".spx"),
    "tta": (".tta",),
    "voc": (".voc",),
    "w64": (".w64",),
    "wav": (".wav", ".rf64"),
    "wv": (".wv",),
}
_SNDFILE_ENDINGS = {
    "WAV": (".wav",),
    "WAVEX": (".wav",),
    "RF64": (".wav", ".rf64"),
    "NIST": (".sph", ".wav", ".nist"),
    "SVX": (".8svx", ".iff"),
}
FFMPEG_CONTAINERS = tuple(_FFMPEG_ENDINGS)
# Audio, and video whose sound track is read.
AUDIO_ENDINGS = frozenset(
    chain.from_iterable((*_FFMPEG_ENDINGS.values(), *_SNDFILE_ENDINGS.values()))
)


def is_audio(path: PurePath) -> bool:
    """Return True for a file name of audio, or of video with sound, that is not hidden.

    Some systems leave a hidden file next to every audio file.
    """
    return path.suffix.lower() in AUDIO_ENDINGS and not path.name.startswith(".")


def fits(path: PurePath, container: str) -> bool:
    """Return True if files of `container` usually have the ending of `path`."""
    usual = _SNDFILE_ENDINGS.get(container) or _FFMPEG_ENDINGS.get(container.lower())
    return usual is None or path.suffix.lower() in usual
