"""Frontends: from waves to the input batch that a detector declares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from librosa.filters import mel as mel_filters
from scipy.fft import dct
from torchvision.transforms.v2 import functional as image

from benchmark.audio import SAMPLE_RATE, resample
from detectors.base import Input, Lfcc, LogMel, Waveform, WholeWaveform

Wave = npt.NDArray[np.float32]


def batch(spec: Input, waves: Sequence[Wave], device: torch.device) -> torch.Tensor:
    """The input batch of `spec` for 16 kHz waves of any length >= 1, float32 on `device`.

    Where `spec` keeps the waves' own length (`keeps_length`) they must share one.
    """
    if isinstance(spec, Waveform | WholeWaveform):
        return waveforms(spec, waves, device)
    made = waveforms(spec.waveform, waves, device)
    return lfcc(spec, made) if isinstance(spec, Lfcc) else log_mel(spec, made)


def keeps_length(spec: Input) -> bool:
    """Does the input grow with the wave, so that a batch needs waves of one length?"""
    waveform = spec if isinstance(spec, Waveform | WholeWaveform) else spec.waveform
    return isinstance(waveform, WholeWaveform)


def waveforms(
    spec: Waveform | WholeWaveform, waves: Sequence[Wave], device: torch.device
) -> torch.Tensor:
    """Waves cut or padded to one length, or all of one length as they are, float32 (B, T)."""
    fixed = [fixed_length(resample(w, SAMPLE_RATE, spec.sample_rate), spec) for w in waves]
    return torch.from_numpy(np.stack(fixed)).to(device)


def fixed_length(wave: Wave, spec: Waveform | WholeWaveform) -> Wave:
    """The wave as `spec` wants it: its first samples, or tiled or zero-padded if it is short."""
    if isinstance(spec, WholeWaveform):
        short = wave.size < spec.shortest
        return fixed_length(wave, Waveform(spec.shortest, spec.sample_rate)) if short else wave
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


def lfcc(spec: Lfcc, waves: torch.Tensor) -> torch.Tensor:
    """LFCC of (B, T), float32 (B, 1, 3 * coefficients, frames).

    Centred, zero-padded frames under a periodic Hamming window, as in the baselines of
    ASVspoof 2021. The energy is the mean over FFT bins of the power, not of the filters.
    """
    emphasised = torch.cat([waves[:, :1], waves[:, 1:] - spec.preemphasis * waves[:, :-1]], dim=1)
    window = torch.hamming_window(spec.window, device=waves.device)
    spectrum = torch.stft(
        emphasised,
        spec.n_fft,
        spec.hop,
        spec.window,
        window,
        pad_mode="constant",
        return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    filters, cosines = (matrix.to(waves.device) for matrix in _lfcc_matrices(spec))
    smallest = torch.finfo(torch.float32).eps
    cepstrum = cosines @ torch.log10(filters @ power + smallest)
    cepstrum[:, 0] = torch.log10(power.sum(dim=1) / spec.n_fft + smallest)
    change = _difference(cepstrum)
    return torch.cat([cepstrum, change, _difference(change)], dim=1).unsqueeze(1)


def _difference(frames: torch.Tensor) -> torch.Tensor:
    """The next frame less the one before, (B, N, frames); the outer frames count as repeated."""
    padded = torch.nn.functional.pad(frames, (1, 1), mode="replicate")
    return padded[..., 2:] - padded[..., :-2]


@lru_cache(maxsize=8)
def _lfcc_matrices(spec: Lfcc) -> tuple[torch.Tensor, torch.Tensor]:
    """Filters (coefficients, bins) and DCT (coefficients, coefficients), float32."""
    count = spec.coefficients
    edges = np.linspace(0, spec.n_fft // 2, count + 2)[:, None]
    bins = np.arange(spec.n_fft // 2 + 1)
    slopes = (bins - edges[:-1]) / np.diff(edges, axis=0)
    filters = np.clip(np.minimum(slopes[:-1], 1 - slopes[1:]), 0, None)
    cosines = dct(np.eye(count), axis=0, norm="ortho")
    return torch.from_numpy(filters.astype(np.float32)), torch.from_numpy(
        cosines.astype(np.float32)
    )


@lru_cache(maxsize=8)
def _mel_filters(spec: LogMel) -> torch.Tensor:
    rate = spec.waveform.sample_rate
    filters = mel_filters(
        sr=rate, n_fft=spec.n_fft, n_mels=spec.mels, fmin=spec.fmin, fmax=spec.fmax
    )
    return torch.from_numpy(filters.astype(np.float32))
