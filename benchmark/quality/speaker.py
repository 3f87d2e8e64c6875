"""Similarity of voices: cosine of embeddings of the GE2E speaker encoder.

Wan, Wang, Papir and Lopez Moreno 2018, "Generalized end-to-end loss for speaker verification". The
weights come out of the wheel Resemblyzer (Apache-2.0, Corentin Jemine) and are loaded as tensors
only. An embedding is biometric: none leaves this process.
"""

from __future__ import annotations

from functools import lru_cache

import librosa
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.quality.intelligibility import NotMeasurable, Wave

MODEL = WheelFile(
    Wheel(
        "Resemblyzer",
        "0.1.4",
        "Resemblyzer-0.1.4-py3-none-any.whl",
        "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
        "Apache-2.0",
        "Corentin Jemine, Resemble AI (GE2E after Li Wan et al.)",
        "the speaker encoder GE2E",
    ),
    "resemblyzer/pretrained.pt",
    "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
)
VERSION = f"{MODEL.label} {MODEL.sha256[:16]} 1"
WINDOW, HOP, BANDS = 400, 160, 40  # 25 ms every 10 ms
FRAMES = 160  # of a partial utterance, 1.6 s
RATE_HZ = 1.3  # partial utterances per second
COVERAGE = 0.75  # least share of the last partial utterance that is speech and no padding
LEVEL_DBFS = -30.0  # quieter recordings are amplified to it
LEAST_S = 0.8  # half a partial utterance
SILENT_RMS = 1e-5


class Encoder(nn.Module):
    """Three LSTM layers, a linear layer, rectified and of unit length: (B, T, 40) to (B, 256)."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        """Return the embedding of each partial utterance, of unit length."""
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)


def lacking() -> str | None:
    """Return why voices cannot be compared here, as a phrase; None if they can."""
    return wheel_files.lacking([MODEL])


def embedding(wave: Wave) -> npt.NDArray[np.float32]:
    """Return the embedding of `wave` (T,), 16 kHz: float32 (256,), of unit length, not negative.

    Raises `NotMeasurable` if it is silent or shorter than `LEAST_S`.
    """
    if wave.size < LEAST_S * SAMPLE_RATE:
        raise NotMeasurable(f"shorter than {LEAST_S:g} s")
    rms = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    if rms < SILENT_RMS:
        raise NotMeasurable("silent")
    gain = max(1.0, 10 ** (LEVEL_DBFS / 20) / rms)
    starts = partials(wave.size)
    padding = max(0, (starts[-1] + FRAMES) * HOP - wave.size)
    audio = np.pad(wave * np.float32(gain), (0, padding))
    mel = librosa.feature.melspectrogram(
        y=audio, sr=SAMPLE_RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS
    ).astype(np.float32)
    batch = np.stack([mel[:, start : start + FRAMES].T for start in starts])
    with torch.inference_mode():
        mean = _encoder()(torch.from_numpy(batch)).numpy().mean(axis=0)
    return mean / np.linalg.norm(mean)


def partials(samples: int) -> list[int]:
    """Return the first frame of each partial utterance of a recording of so many samples.

    >>> partials(16000), partials(48000)
    ([0], [0, 77])
    """
    step = round(SAMPLE_RATE / RATE_HZ / HOP)
    frames = -(-(samples + 1) // HOP)
    starts = [*range(0, max(1, frames - FRAMES + step + 1), step)]
    if len(starts) > 1 and (samples - starts[-1] * HOP) / (FRAMES * HOP) < COVERAGE:
        starts.pop()
    return starts


def similarity(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Return the cosine of two embeddings, 0 to 1; higher is more alike."""
    return float(np.clip(np.dot(one.astype(float), other.astype(float)), 0, 1))


@lru_cache(maxsize=1)
def _encoder() -> Encoder:
    stored = torch.load(wheel_files.opened(MODEL), map_location="cpu", weights_only=True)
    state = stored["model_state"]
    model = Encoder()
    own = model.state_dict()
    model.load_state_dict({name: state[name] for name in own})  # the rest is of its training
    return model.eval()
