"""Pieces that several networks share."""

from __future__ import annotations

from typing import ClassVar

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
    batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator, width: int
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


class CropAndFlip:
    """Mixed into a detector on spectrograms: it is trained on `crop_and_flip` of its batches."""

    crop: ClassVar[int] = 128  # frames

    def augment(
        self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """A random stretch of `crop` frames, reversed in time half the time."""
        return crop_and_flip(batch, pairs, generator, self.crop)


def roll_and_flip(
    batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """A random circular shift in time of each picture, reversed in time half the time.

    Shape (B, ..., frames), kept; items with one number in `pairs` (B,) get the same draws.
    """
    frames, most = batch.shape[-1], int(pairs.max()) + 1
    shifts = torch.randint(frames, (most,), generator=generator)[pairs].tolist()
    flips = torch.randint(2, (most,), generator=generator)[pairs].tolist()
    rolled = [item.roll(shift, -1) for item, shift in zip(batch, shifts, strict=True)]
    return torch.stack(
        [item.flip(-1) if flip else item for item, flip in zip(rolled, flips, strict=True)]
    )


class RollAndFlip:
    """Mixed into a detector on pictures: it is trained on `roll_and_flip` of its batches."""

    def augment(
        self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """A random circular shift in time, reversed in time half the time."""
        return roll_and_flip(batch, pairs, generator)


def conv_block(before: int, after: int, pool: tuple[int, int] = (2, 2)) -> list[nn.Module]:
    """Convolution 3 x 3, batch norm, ReLU, and maxima over `pool` bins x frames."""
    return [
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(pool),
    ]


class AttentivePooling(nn.Module):
    """Attentive statistics pooling (Okabe et al. 2018): (B, C, frames) to (B, 2C).

    Mean and standard deviation over the frames, weighted by a softmax over the frames of a small
    network's opinion of each.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.opinion = nn.Sequential(
            nn.Conv1d(channels, hidden, 1), nn.Tanh(), nn.Conv1d(hidden, 1, 1)
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        weights = self.opinion(frames).softmax(dim=2)
        mean = (weights * frames).sum(dim=2)
        variance = (weights * (frames - mean.unsqueeze(2)).square()).sum(dim=2)
        return torch.cat([mean, (variance + 1e-6).sqrt()], dim=1)
