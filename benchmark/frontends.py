"""Frontends: from waves to the input batch that a detector declares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from librosa.filters import mel as mel_filters
from torchvision.transforms.v2 import functional as image

from benchmark.audio import SAMPLE_RATE, resample
from detectors.base import Input, LogMel, Waveform

Wave = npt.NDArray[np.float32]


def batch(spec: Input, waves: Sequence[Wave], device: torch.device) -> torch.Tensor:
    """The input batch of `spec` for 16 kHz waves of any length >= 1, float32 on `device`."""
    if isinstance(spec, Waveform):
        return waveforms(spec, waves, device)
    return log_mel(spec, waveforms(spec.waveform, waves, device))


def waveforms(spec: Waveform, waves: Sequence[Wave], device: torch.device) -> torch.Tensor:
    """Waves cut or padded to one length, float32 (B, samples)."""
    fixed = [fixed_length(resample(w, SAMPLE_RATE, spec.sample_rate), spec) for w in waves]
    return torch.from_numpy(np.stack(fixed)).to(device)


def fixed_length(wave: Wave, spec: Waveform) -> Wave:
    """The first `spec.samples` samples of `wave`; a shorter one is tiled or zero-padded."""
    if wave.size >= spec.samples:
        return wave[: spec.samples]
    if spec.pad == "tile":
        return np.tile(wave, -(-spec.samples // wave.size))[: spec.samples]
    return np.pad(wave, (0, spec.samples - wave.size))


def log_mel(spec: LogMel, waves: torch.Tensor) -> torch.Tensor:
    """Log-mel spectrograms of (B, samples), float32 (B, 1, mels, frames) or (B, 1, *image).

    Centred, zero-padded frames, periodic Hann window, power spectrum, Slaney mel filters
    with area normalisation: equal to `librosa.feature.melspectrogram` (power 2), then
    ``ln(max(mel, floor))``.
    """
    window = torch.hann_window(spec.window, device=waves.device)
    spectrum = torch.stft(
        waves, spec.n_fft, spec.hop, spec.window, window, pad_mode="constant", return_complex=True
    )
    power = spectrum.real.square() + spectrum.imag.square()
    mel = torch.matmul(_mel_filters(spec).to(waves.device), power)
    logged = torch.log(torch.clamp(mel, min=spec.floor)).unsqueeze(1)
    if spec.image is None:
        return logged
    return image.resize(logged, list(spec.image), antialias=True)


@lru_cache(maxsize=8)
def _mel_filters(spec: LogMel) -> torch.Tensor:
    rate = spec.waveform.sample_rate
    filters = mel_filters(
        sr=rate, n_fft=spec.n_fft, n_mels=spec.mels, fmin=spec.fmin, fmax=spec.fmax
    )
    return torch.from_numpy(filters.astype(np.float32))
