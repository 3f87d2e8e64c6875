"""The one list of audio file name endings, by container."""

from __future__ import annotations

from pathlib import PurePath

# Containers as libsndfile (capitals) and FFmpeg (small letters) name them.
CONTAINER_ENDINGS = {
    "WAV": (".wav",),
    "WAVEX": (".wav",),
    "RF64": (".wav", ".rf64"),
    "W64": (".w64",),
    "FLAC": (".flac",),
    "OGG": (".ogg", ".oga", ".opus", ".spx"),
    "MP3": (".mp3", ".mp2"),
    "AIFF": (".aiff", ".aif", ".aifc"),
    "AU": (".au", ".snd"),
    "CAF": (".caf",),
    "NIST": (".sph", ".wav", ".nist"),
    "SVX": (".8svx", ".iff"),
    "VOC": (".voc",),
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
FFMPEG_CONTAINERS = tuple(name for name in CONTAINER_ENDINGS if name.islower())
# Audio, and video whose sound track is read.
AUDIO_ENDINGS = frozenset(ending for known in CONTAINER_ENDINGS.values() for ending in known)


def is_audio(path: PurePath) -> bool:
    """Return True for a file name of audio, or of video with sound, that is not hidden.

    Some systems leave a hidden file next to every audio file.
    """
    return path.suffix.lower() in AUDIO_ENDINGS and not path.name.startswith(".")


def fits(path: PurePath, container: str) -> bool:
    """Return True if files of `container` usually have the ending of `path`."""
    return path.suffix.lower() in CONTAINER_ENDINGS.get(container, (path.suffix.lower(),))
