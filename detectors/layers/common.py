"""Normalisation, augmentation, convolution and pooling shared by several networks."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn


class PerUtteranceNorm(nn.Module):
    """Normalisation of each item to zero mean and unit variance, so that level is not a cue."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Normalise each item of a batch of any shape (B, ...); the shape is kept."""
        dims = tuple(range(1, batch.dim()))
        centred = batch - batch.mean(dim=dims, keepdim=True)
        return centred / (centred.square().mean(dim=dims, keepdim=True) + 1e-5).sqrt()


def crop_and_flip(
    batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator, width: int
) -> torch.Tensor:
    """Crop each spectrogram to a random segment, and reverse it in time with probability 0.5.

    (B, 1, height, frames) -> (B, 1, height, min(frames, width)). Items with the same number in
    `pairs` (B,) get the same draws.
    """
    frames, count = batch.shape[-1], int(pairs.max()) + 1
    width = min(frames, width)
    starts = torch.randint(frames - width + 1, (count,), generator=generator)[pairs].tolist()
    flips = torch.randint(2, (count,), generator=generator)[pairs].tolist()
    cropped = [item[..., start : start + width] for item, start in zip(batch, starts, strict=True)]
    return torch.stack(
        [item.flip(2) if flip else item for item, flip in zip(cropped, flips, strict=True)]
    )


class CropAndFlip:
    """Mixin of detectors on spectrograms: training augmentation with `crop_and_flip`."""

    crop: ClassVar[int] = 128  # frames

    def augment(
        self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Apply `crop_and_flip` with a width of `crop` frames."""
        return crop_and_flip(batch, pairs, generator, self.crop)


def roll_and_flip(
    batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Shift each item circularly in time at random, and reverse it with probability 0.5.

    (B, ..., frames) -> the same shape. Items with the same number in `pairs` (B,) get the same
    draws.
    """
    frames, count = batch.shape[-1], int(pairs.max()) + 1
    shifts = torch.randint(frames, (count,), generator=generator)[pairs].tolist()
    flips = torch.randint(2, (count,), generator=generator)[pairs].tolist()
    rolled = [item.roll(shift, -1) for item, shift in zip(batch, shifts, strict=True)]
    return torch.stack(
        [item.flip(-1) if flip else item for item, flip in zip(rolled, flips, strict=True)]
    )


class RollAndFlip:
    """Mixin of detectors on images: training augmentation with `roll_and_flip`."""

    def augment(
        self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Apply `roll_and_flip`."""
        return roll_and_flip(batch, pairs, generator)


def conv_block(before: int, after: int, pool: tuple[int, int] = (2, 2)) -> list[nn.Module]:
    """Return a 3 x 3 convolution, batch norm, ReLU and max pooling over `pool` (bins, frames)."""
    return [
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(pool),
    ]


class AttentivePooling(nn.Module):
    """Attentive statistics pooling (Okabe et al. 2018): (B, C, frames) to (B, 2C).

    The output is the weighted mean and standard deviation over the frames. The weights are a
    softmax over the frames of a small network's outputs.
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
