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


def crop_flip_mask(
    batch: torch.Tensor, generator: torch.Generator, width: int = 128, bands: int = 16
) -> torch.Tensor:
    """A random stretch of time of each spectrogram, flipped half the time, one band blanked.

    Shape (B, 1, height, frames) -> (B, 1, height, min(frames, width)); the blanked band (at most
    `bands` rows) takes the item's mean (SpecAugment, Park et al., Interspeech 2019).
    """
    height, frames = batch.shape[-2:]
    width = min(frames, width)
    starts = torch.randint(frames - width + 1, (len(batch),), generator=generator).tolist()
    cropped = torch.stack(
        [item[..., start : start + width] for item, start in zip(batch, starts, strict=True)]
    )
    for item in cropped:
        rows = int(torch.randint(bands + 1, (1,), generator=generator))
        start = int(torch.randint(height - rows + 1, (1,), generator=generator))
        item[:, start : start + rows] = item.mean()
        if int(torch.randint(2, (1,), generator=generator)):
            item.copy_(item.flip(2))
    return cropped
