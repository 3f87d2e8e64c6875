"""Linear and mel spectrograms, and the selection of their bins."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch

from benchmark.frontends.specs import Image, Keep, LogMel, Mfcc, Spectrogram


def power(
    waves: torch.Tensor,
    n_fft: int,
    window: int,
    hop: int,
    shape: Callable[..., torch.Tensor] = torch.hann_window,
) -> torch.Tensor:
    """Compute power spectrograms of (B, T), float32 (B, n_fft // 2 + 1, frames).

    Uses centred, zero-padded frames and a periodic window: the squared magnitude of
    `librosa.stft`. `window` and `hop` are in samples.
    """
    weights = _window(shape, window, waves.device)
    spectrum = torch.stft(
        waves, n_fft, hop, window, weights, pad_mode="constant", return_complex=True
    )
    return spectrum.real.square() + spectrum.imag.square()


@lru_cache(maxsize=64)
def constant(
    make: Callable[..., torch.Tensor], device: torch.device, *arguments: object
) -> torch.Tensor:
    """Return `make(*arguments)` on `device`, where it stays.

    A GPU would have to finish its work for each batch if its filters were copied to it anew.
    """
    return make(*arguments).to(device)


@lru_cache(maxsize=16)
def _window(shape: Callable[..., torch.Tensor], length: int, device: torch.device) -> torch.Tensor:
    """Return the cached window, so that ONNX tracing sees a constant.

    Otherwise the ONNX export would insert its own Hamming window, which is based on the constant
    25/46, while torch's is based on 0.54.
    """
    return shape(length, device=device)


def hertz(n_fft: int, rate: int) -> torch.Tensor:
    """Return the centre frequencies of a spectrum's bins in Hz, (n_fft // 2 + 1,)."""
    return torch.arange(n_fft // 2 + 1) * (rate / n_fft)


def keep(spec: Keep | None, power: torch.Tensor, hertz: torch.Tensor) -> torch.Tensor:
    """Return `power` (B, bins, frames) with zeros in the bins that `spec` does not keep.

    `hertz` (bins,) are the bins' centre frequencies in Hz. The threshold is relative to each
    utterance's own maximum in the kept bands. Without `spec`, `power` is returned unchanged.
    """
    if spec is None:
        return power
    if spec.bands:
        inside = torch.zeros(hertz.shape, dtype=torch.bool)
        for low, high in spec.bands:
            inside |= (hertz >= low) & (hertz < high)
        power = power * inside[:, None].to(power)
    if spec.threshold_db is not None:
        loudest = power.amax(dim=(1, 2), keepdim=True)
        power = power * (power >= loudest * 10 ** (-spec.threshold_db / 10))
    return power


def spectrogram(spec: Spectrogram, waves: torch.Tensor) -> torch.Tensor:
    """Compute log power spectrograms of (B, T), float32 (B, 1, n_fft // 2 + 1, frames)."""
    whole = power(waves, spec.n_fft, spec.window, spec.hop)
    kept = keep(spec.keep, whole, hertz(spec.n_fft, spec.waveform.sample_rate))
    return torch.log(torch.clamp(kept, min=spec.floor)).unsqueeze(1)


def log_mel(spec: LogMel, waves: torch.Tensor) -> torch.Tensor:
    """Compute log-mel spectrograms of (B, T), float32 (B, 1, mels, frames) or (B, 1, *image).

    Equals `librosa.feature.melspectrogram` (power 2), then ``ln(max(mel, floor))``.
    """
    logged = torch.log(torch.clamp(mel_power(spec, waves), min=spec.floor)).unsqueeze(1)
    if spec.image is None:
        return logged
    return resized(logged, spec.image)


def resized(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize (B, C, height, width) to `size` (height, width): bilinear, antialiased."""
    from torchvision.transforms.v2 import functional  # takes seconds, and few commands need it

    return functional.resize(images, list(size), antialias=True)


def mel_power(spec: LogMel | Mfcc | Image, waves: torch.Tensor) -> torch.Tensor:
    """Compute mel power spectrograms of (B, T) with Slaney's filters of unit area.

    Returns float32 (B, mels, frames).
    """
    rate = spec.waveform.sample_rate
    whole = power(waves, spec.n_fft, spec.window, spec.hop)
    shape = rate, spec.n_fft, spec.mels, spec.fmin, spec.fmax
    filters = constant(_mel_filters, waves.device, *shape)
    return filters @ keep(spec.keep, whole, hertz(spec.n_fft, rate))


@lru_cache(maxsize=16)
def _mel_filters(rate: int, n_fft: int, count: int, fmin: float, fmax: float) -> torch.Tensor:
    from librosa.filters import mel  # takes seconds, and few commands need it

    filters = mel(sr=rate, n_fft=n_fft, n_mels=count, fmin=fmin, fmax=fmax)
    return torch.from_numpy(filters.astype(np.float32))
