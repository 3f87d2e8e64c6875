"""Frontends: computation of the input batch that a detector declares, from waves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from benchmark.audio.reader import SAMPLE_RATE, resample
from benchmark.frontends.cepstra import lfcc, mfcc
from benchmark.frontends.cqt import cqt
from benchmark.frontends.image import coloured, picture
from benchmark.frontends.specs import (
    Cqt,
    Image,
    Input,
    Lfcc,
    LogMel,
    Mfcc,
    Spectrogram,
    Waveform,
    WholeWaveform,
)
from benchmark.frontends.spectrogram import log_mel, spectrogram

__all__ = [
    "batch",
    "features",
    "fixed_length",
    "keeps_length",
    "picture",
    "waveform_of",
    "waveforms",
]

Wave = npt.NDArray[np.float32]


def batch(spec: Input, waves: Sequence[Wave], device: torch.device) -> torch.Tensor:
    """Compute the input batch of `spec` for 16 kHz waves of any length >= 1, float32 on `device`.

    If `spec` keeps the waves' own length (`keeps_length`), all waves must have the same length.
    """
    return features(spec, waveforms(waveform_of(spec), waves, device))


def waveform_of(spec: Input) -> Waveform | WholeWaveform:
    """Return the waveform specification from which the input is computed."""
    return spec if isinstance(spec, Waveform | WholeWaveform) else spec.waveform


def features(spec: Input, waves: torch.Tensor) -> torch.Tensor:
    """Compute the float32 input `spec` from waves (B, T) at its sample rate and length."""
    match spec:
        case Waveform() | WholeWaveform():
            return waves
        case Spectrogram():
            return spectrogram(spec, waves)
        case LogMel():
            return log_mel(spec, waves)
        case Mfcc():
            return mfcc(spec, waves)
        case Lfcc():
            return lfcc(spec, waves)
        case Cqt():
            return cqt(spec, waves)
        case Image():
            return coloured(spec, waves)


def keeps_length(spec: Input) -> bool:
    """Return whether the input grows with the wave, so that a batch needs waves of one length."""
    return isinstance(waveform_of(spec), WholeWaveform)


def waveforms(
    spec: Waveform | WholeWaveform, waves: Sequence[Wave], device: torch.device
) -> torch.Tensor:
    """Resample 16 kHz waves and bring them to the length of `spec`, float32 (B, T) on `device`.

    Waves for a `WholeWaveform` must all have the same length.
    """
    fixed = [fixed_length(resample(w, SAMPLE_RATE, spec.sample_rate), spec) for w in waves]
    stacked = torch.from_numpy(np.stack(fixed))
    if device.type == "cuda":  # a copy from pinned memory overlaps computation on the device
        return stacked.pin_memory().to(device, non_blocking=True)
    return stacked.to(device)


def fixed_length(wave: Wave, spec: Waveform | WholeWaveform) -> Wave:
    """Return the wave in the length of `spec`: cut, or tiled or zero-padded at its end.

    For a `WholeWaveform`, only waves below its shortest length change: they are tiled.
    """
    if isinstance(spec, WholeWaveform):
        short = wave.size < spec.shortest
        return fixed_length(wave, Waveform(spec.shortest, spec.sample_rate)) if short else wave
    if wave.size >= spec.samples:
        return wave[: spec.samples]
    if spec.pad == "tile":
        return np.tile(wave, -(-spec.samples // wave.size))[: spec.samples]
    return np.pad(wave, (0, spec.samples - wave.size))
