"""The constant-Q transform with precomputed kernels, one convolution per octave."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from benchmark.frontends.specs import Cqt
from benchmark.frontends.spectrogram import constant, keep


def cqt(spec: Cqt, waves: torch.Tensor) -> torch.Tensor:
    """Compute log constant-Q power of (B, samples), float32 (B, 1, bins, frames), low to high.

    Frame t is centred on sample t * hop of the zero-padded wave. The kernels are Hann wavelets,
    scaled as in `librosa.cqt`. All of them run at the full sample rate: librosa halves the rate
    for each lower octave, and its resampling removes part of each octave's highest bins.
    """
    octaves = []
    for octave in range(len(_kernels(spec))):
        kernel = constant(_kernel, waves.device, spec, octave)
        size = kernel.shape[2]
        padded = torch.nn.functional.pad(waves, (size // 2, size - size // 2))
        parts = torch.nn.functional.conv1d(padded.unsqueeze(1), kernel, stride=spec.hop)
        octaves.append(parts.unflatten(1, (2, -1)).square().sum(dim=1))
    kept = keep(spec.keep, torch.cat(octaves, dim=1), centres(spec))
    return torch.log(torch.clamp(kept, min=spec.floor)).unsqueeze(1)


def centres(spec: Cqt) -> torch.Tensor:
    """Return the centre frequencies in Hz, ascending, (bins,)."""
    return spec.fmin * 2 ** (torch.arange(spec.bins) / spec.bins_per_octave)


def _kernel(spec: Cqt, octave: int) -> torch.Tensor:
    return _kernels(spec)[octave]


@lru_cache(maxsize=8)
def _kernels(spec: Cqt) -> tuple[torch.Tensor, ...]:
    """Return float32 (2 * bins, 1, samples) per octave, from the lowest; real parts first."""
    from librosa.filters import wavelet  # takes seconds, and few commands need it

    step = 2 ** (2 / spec.bins_per_octave)
    # 1 / Q: a filter extends from one bin below its centre to one above
    bandwidth = (step - 1) / (step + 1)
    kernels = []
    for hertz in centres(spec).double().split(spec.bins_per_octave):
        filters, lengths = wavelet(
            freqs=hertz.numpy(),
            sr=spec.waveform.sample_rate,
            alpha=np.full(len(hertz), bandwidth),
            gamma=0,
            pad_fft=False,
        )
        scaled = filters * np.sqrt(lengths)[:, None]
        parts = np.concatenate([scaled.real, scaled.imag])[:, None].astype(np.float32)
        kernels.append(torch.from_numpy(parts))
    return tuple(kernels)
