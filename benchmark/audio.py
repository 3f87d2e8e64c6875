"""The one reader of audio: decode, mix to mono, resample to 16 kHz, float32."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

SAMPLE_RATE = 16000

Wave = npt.NDArray[np.float32]


class AudioError(RuntimeError):
    """A file that cannot be used as audio; the message names the file and the cause."""


def read(path: Path) -> Wave:
    """The utterance in `path`: float32 (T,) at 16 kHz, mono (mean of the channels), T >= 1.

    Raises `AudioError` where the file is missing, undecodable, empty or not finite.
    """
    if not Path(path).is_file():
        raise AudioError(f"{path}: no such file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: cannot be decoded ({error})") from error
    wave = resample(samples.mean(axis=1, dtype=np.float32), rate)
    if wave.size == 0:
        raise AudioError(f"{path}: holds no samples")
    if not np.isfinite(wave).all():
        raise AudioError(f"{path}: holds NaN or infinite samples")
    return wave


def resample(wave: Wave, rate: int, to: int = SAMPLE_RATE) -> Wave:
    """`wave` (T,) at `rate` Hz brought to `to` Hz with soxr HQ; untouched where they are equal."""
    if rate == to:
        return np.ascontiguousarray(wave, dtype=np.float32)
    return np.asarray(soxr.resample(wave, rate, to, quality="HQ"), dtype=np.float32)


def audio_digest(waves: Iterable[tuple[str, Wave]]) -> str:
    """SHA-256 (hex) over the ids and decoded float32 samples, in the order given."""
    digest = hashlib.sha256()
    for utterance_id, wave in waves:
        digest.update(utterance_id.encode() + b"\0")
        digest.update(np.ascontiguousarray(wave, dtype="<f4").tobytes())
    return digest.hexdigest()
