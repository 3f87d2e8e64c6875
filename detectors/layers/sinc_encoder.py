"""The convolutional encoder of sinc filter outputs, shared by AASIST and RawGAT-ST.

Both treat the filter outputs as an image with one channel, filters x time. Attribute names are the
keys of the published weight files.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from detectors.layers.sinc_filters import SincFilters

FILTERS, TAPS = 70, 129


class SincPicture(nn.Module):
    """Rectified and pooled filter outputs: waves (B, T) to an image (B, 1, 23, (T - 128) // 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = SincFilters(FILTERS, TAPS)

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Return the maxima of the absolute outputs over 3 filters x 3 samples."""
        return functional.max_pool2d(self.filters(waves).abs_().unsqueeze(1), 3)


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut, then max pooling over 3 time steps.

    The papers normalise and activate the input of the first convolution. The authors' code
    discards that result, so the published weights were trained, and give their scores, without it.
    `bn1` is in the weight files and counts among the parameters, but is never used.

    With `projected`, a convolution maps the shortcut to `outside` channels; otherwise the input
    is added as it is, and a single channel is added to all. Without `shorten` there is no pooling.
    """

    def __init__(
        self, inside: int, outside: int, *, first: bool, projected: bool, shorten: bool = True
    ) -> None:
        super().__init__()
        if not first:
            self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, outside, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, (2, 3), padding=(0, 1))
        self.shorten = shorten
        self.projected = projected
        if projected:
            self.conv_downsample = nn.Conv2d(inside, outside, (1, 3), padding=(0, 1))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map (B, inside, F, T) to (B, outside, F, T // 3), or T if not `shorten`."""
        inner = self.conv2(functional.selu(self.bn2(self.conv1(maps)), inplace=True))
        inner += self.conv_downsample(maps) if self.projected else maps
        return functional.max_pool2d(inner, (1, 3)) if self.shorten else inner


def encoder(width: int, *, project_picture: bool) -> nn.Sequential:
    """Return six blocks of 32, 32, then `width` channels: (B, 1, F, T) to (B, width, F, T // 729).

    `project_picture` sets `projected` of the first block.
    """
    widths = [1, 32, 32, width, width, width, width]
    blocks = []
    for place, (inside, outside) in enumerate(pairwise(widths)):
        first = place == 0
        projected = project_picture if first else inside != outside
        block = ResidualBlock(inside, outside, first=first, projected=projected)
        blocks.append(nn.Sequential(block))
    return nn.Sequential(*blocks)
