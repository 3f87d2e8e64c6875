"""Pieces that several networks share."""

from __future__ import annotations

import torch
from torch import nn


class PerUtteranceNorm(nn.Module):
    """Zero mean and unit variance over each item, so that a change of level is no cue."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Any shape (B, ...); each item is normalised on its own."""
        dims = tuple(range(1, batch.dim()))
        centred = batch - batch.mean(dim=dims, keepdim=True)
        return centred / (centred.square().mean(dim=dims, keepdim=True) + 1e-5).sqrt()


def mask_bands(
    batch: torch.Tensor, generator: torch.Generator, bands: int = 16, frames: int = 32
) -> torch.Tensor:
    """Replace one random band and one random stretch of time of each spectrogram by its mean.

    Shape (B, 1, height, width); at most `bands` rows and `frames` columns (SpecAugment,
    Park et al., Interspeech 2019), half of the items flipped in time.
    """
    batch = batch.clone()
    height, width = batch.shape[-2:]
    for item in batch:
        fill = float(item.mean())
        for axis, size, most in ((1, height, bands), (2, width, frames)):
            length = int(torch.randint(most + 1, (1,), generator=generator))
            start = int(torch.randint(size - length + 1, (1,), generator=generator))
            item.narrow(axis, start, length).fill_(fill)
        if int(torch.randint(2, (1,), generator=generator)):
            item.copy_(item.flip(2))
    return batch
