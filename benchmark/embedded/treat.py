"""The treatment that every utterance gets, human or not, and its way into a file.

16 kHz, no DC, active speech level -26 dB re full scale: nothing else. A stronger treatment
(band limit, noise floor) would hide what the benchmark wants to see attacks hide.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmark.audio import SAMPLE_RATE, Wave
from benchmark.level import active_level

LEVEL_DB = -26.0
FULL_SCALE = 32768


def treat(wave: Wave) -> Wave:
    """`wave` (T,) at 16 kHz without DC and at -26 dB active level; float32 (T,).

    Raises ValueError for silence, which has no level.
    """
    centred = wave.astype(np.float64) - float(np.mean(wave, dtype=np.float64))
    level = active_level(centred, SAMPLE_RATE)
    if level == 0.0:
        raise ValueError("silence cannot be brought to a level")
    return (centred * (10 ** (LEVEL_DB / 20) / level)).astype(np.float32)


def to_pcm(wave: Wave) -> tuple[npt.NDArray[np.int16], int]:
    """16-bit samples (T,) of a float wave, and how many of them had to be clipped."""
    scaled = np.round(wave.astype(np.float64) * FULL_SCALE)
    clipped = int(np.count_nonzero((scaled > FULL_SCALE - 1) | (scaled < -FULL_SCALE)))
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16), clipped


def write_flac(path: Path, samples: npt.NDArray[np.int16]) -> None:
    """Write 16-bit mono FLAC at 16 kHz under a temporary name, then move it into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    soundfile.write(temporary, samples, SAMPLE_RATE, subtype="PCM_16", format="FLAC")
    temporary.replace(path)
