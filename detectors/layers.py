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


def crop_and_flip(
    batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator, width: int = 128
) -> torch.Tensor:
    """A random stretch of time of each spectrogram, reversed in time half the time.

    Shape (B, 1, height, frames) -> (B, 1, height, min(frames, width)); items with one number in
    `pairs` (B,) get the same stretch.
    """
    frames, most = batch.shape[-1], int(pairs.max()) + 1
    width = min(frames, width)
    starts = torch.randint(frames - width + 1, (most,), generator=generator)[pairs].tolist()
    flips = torch.randint(2, (most,), generator=generator)[pairs].tolist()
    cropped = [item[..., start : start + width] for item, start in zip(batch, starts, strict=True)]
    return torch.stack(
        [item.flip(2) if flip else item for item, flip in zip(cropped, flips, strict=True)]
    )
