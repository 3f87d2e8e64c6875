"""Cepstral coefficients, with their first and second differences over time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.fft import dct

from benchmark.frontends.specs import Lfcc, Mfcc
from benchmark.frontends.spectrogram import constant, hertz, keep, mel_power, power

SMALLEST_MEL = 1e-10


def lfcc(spec: Lfcc, waves: torch.Tensor) -> torch.Tensor:
    """Compute LFCC of (B, T), float32 (B, 1, 3 * coefficients, frames).

    Uses centred, zero-padded frames and a periodic Hamming window, as in the baselines of
    ASVspoof 2021. The energy is the sum of the one-sided power spectrum divided by `n_fft`, not a
    mean of the filters.
    """
    emphasised = torch.cat([waves[:, :1], waves[:, 1:] - spec.preemphasis * waves[:, :-1]], dim=1)
    whole = power(emphasised, spec.n_fft, spec.window, spec.hop, torch.hamming_window)
    kept = keep(spec.keep, whole, hertz(spec.n_fft, spec.waveform.sample_rate))
    smallest = torch.finfo(torch.float32).eps
    filters = constant(_linear_filters, waves.device, spec.coefficients, spec.n_fft)
    cosines = constant(_cosines, waves.device, spec.coefficients, spec.coefficients)
    cepstrum = cosines @ torch.log10(filters @ kept + smallest)
    cepstrum[:, 0] = torch.log10(kept.sum(dim=1) / spec.n_fft + smallest)
    return _with_differences(cepstrum)


def mfcc(spec: Mfcc, waves: torch.Tensor) -> torch.Tensor:
    """Compute MFCC of (B, T), float32 (B, 1, 3 * coefficients, frames).

    The coefficients equal those of `librosa.feature.mfcc` (mel power floored at 1e-10).
    """
    mel = mel_power(spec, waves)
    decibel = 10 * torch.log10(mel.clamp(min=SMALLEST_MEL))
    cut = torch.maximum(decibel, decibel.amax(dim=(1, 2), keepdim=True) - spec.range_db)
    cosines = constant(_cosines, waves.device, spec.coefficients, spec.mels)
    return _with_differences(cosines @ cut)


def _with_differences(cepstrum: torch.Tensor) -> torch.Tensor:
    """Append first and second differences: (B, N, frames) to (B, 1, 3 * N, frames)."""
    first = _difference(cepstrum)
    return torch.cat([cepstrum, first, _difference(first)], dim=1).unsqueeze(1)


def _difference(frames: torch.Tensor) -> torch.Tensor:
    """Return the next frame minus the previous one, (B, N, frames); edge frames are repeated."""
    padded = torch.nn.functional.pad(frames, (1, 1), mode="replicate")
    return padded[..., 2:] - padded[..., :-2]


@lru_cache(maxsize=8)
def _linear_filters(count: int, n_fft: int) -> torch.Tensor:
    """Return triangles of equal width from 0 Hz to half the sample rate, float32 (count, bins)."""
    edges = np.linspace(0, n_fft // 2, count + 2)[:, None]
    bins = np.arange(n_fft // 2 + 1)
    slopes = (bins - edges[:-1]) / np.diff(edges, axis=0)
    filters = np.clip(np.minimum(slopes[:-1], 1 - slopes[1:]), 0, None)
    return torch.from_numpy(filters.astype(np.float32))


@lru_cache(maxsize=8)
def _cosines(count: int, bands: int) -> torch.Tensor:
    """Return the first `count` rows of the orthonormal DCT-II, float32 (count, bands)."""
    return torch.from_numpy(dct(np.eye(bands), axis=0, norm="ortho")[:count].astype(np.float32))
