"""Frontends: from waves to the input batch that a detector declares."""

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
    """The input batch of `spec` for 16 kHz waves of any length >= 1, float32 on `device`.

    Where `spec` keeps the waves' own length (`keeps_length`) they must share one.
    """
    return features(spec, waveforms(waveform_of(spec), waves, device))


def waveform_of(spec: Input) -> Waveform | WholeWaveform:
    """The waveform that the input is made from."""
    return spec if isinstance(spec, Waveform | WholeWaveform) else spec.waveform


def features(spec: Input, made: torch.Tensor) -> torch.Tensor:
    """Compute the float32 input `spec` from waves (B, T) of its rate and length."""
    match spec:
        case Waveform() | WholeWaveform():
            return made
        case Spectrogram():
            return spectrogram(spec, made)
        case LogMel():
            return log_mel(spec, made)
        case Mfcc():
            return mfcc(spec, made)
        case Lfcc():
            return lfcc(spec, made)
        case Cqt():
            return cqt(spec, made)
        case Image():
            return coloured(spec, made)


def keeps_length(spec: Input) -> bool:
    """Does the input grow with the wave, so that a batch needs waves of one length?"""
    return isinstance(waveform_of(spec), WholeWaveform)


def waveforms(
    spec: Waveform | WholeWaveform, waves: Sequence[Wave], device: torch.device
) -> torch.Tensor:
    """Waves cut or padded to one length, or all of one length as they are, float32 (B, T)."""
    fixed = [fixed_length(resample(w, SAMPLE_RATE, spec.sample_rate), spec) for w in waves]
    stacked = torch.from_numpy(np.stack(fixed))
    if device.type == "cuda":  # from pinned memory the copy overlaps what the device does
        return stacked.pin_memory().to(device, non_blocking=True)
    return stacked.to(device)


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
