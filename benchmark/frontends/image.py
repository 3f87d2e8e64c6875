"""Spectrograms as pictures: the same rendering for detectors and PNG files."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from benchmark.frontends.specs import Image
from benchmark.frontends.spectrogram import constant, mel_power, resized

LEVELS = 256


def picture(spec: Image, waves: torch.Tensor) -> torch.Tensor:
    """Render (B, samples) as pictures, uint8 (B, 3, height, width), low frequencies at the bottom.

    The mel power in dB relative to each picture's own maximum is limited to `range_db` below it,
    resized (bilinear, antialiased), and then coloured with magma, from black to pale yellow.
    Digital silence is black.
    """
    mel = mel_power(spec, waves)
    loudest = mel.amax(dim=(1, 2), keepdim=True)
    relative = torch.where(loudest > 0, mel / loudest.clamp(min=torch.finfo(mel.dtype).tiny), 0)
    decibel = 10 * torch.log10(relative.clamp(min=10 ** (-spec.range_db / 10)))
    height = (1 + decibel / spec.range_db).flip(1).unsqueeze(1)
    plane = resized(height, spec.size).squeeze(1)
    levels = (plane.clamp(0, 1) * (LEVELS - 1)).round().long()
    return constant(_magma, waves.device)[levels].permute(0, 3, 1, 2)


def coloured(spec: Image, waves: torch.Tensor) -> torch.Tensor:
    """Return `picture` as a detector's input: float32 from 0 to 1, (B, 3, height, width)."""
    return picture(spec, waves).float() / (LEVELS - 1)


@lru_cache(maxsize=1)
def _magma() -> torch.Tensor:
    """Return Matplotlib's colour map magma, uint8 (256, 3)."""
    from matplotlib import colormaps

    colours = colormaps["magma"](np.arange(LEVELS), bytes=True)
    return torch.from_numpy(np.ascontiguousarray(colours[:, :3]))
