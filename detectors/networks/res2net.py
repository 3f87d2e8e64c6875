"""Res2Net: residual blocks whose channels are split into groups that see ever wider contexts.

Gao, Cheng, Zhao, Zhang, Yang, Torr: "Res2Net: A New Multi-Scale Backbone Architecture", IEEE TPAMI
2021; for spoofing, with squeeze-and-excitation: Li, Li, Weng, Liu, Su, Yu, Meng: "Replay and
Synthetic Speech Detection with Res2Net Architecture", ICASSP 2021. This version has 8 blocks in
place of 16, and a quarter of the channels.
"""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import Cqt, Lfcc, TensorDetector, detector
from detectors.layers.common import CropAndFlip, PerUtteranceNorm

WIDTHS, BLOCKS = (16, 32, 64, 128), 2  # channels of each stage, and blocks in it
SCALE = 4  # groups of channels in a block
SQUEEZE = 8  # reduction of the channels within squeeze-and-excitation


class Res2Net(CropAndFlip, TensorDetector):
    """Base class of the Res2Nets, which differ only in their input."""

    citation = "li2021res2net gao2021res2net"
    recipe = recipe_files.settings("lfcc-res2net")
    crop = 192

    def build(self) -> nn.Module:
        return Network()


@detector("lfcc-res2net")
class LfccRes2Net(Res2Net):
    """A small SE-Res2Net on linear-frequency cepstral coefficients, deltas and delta-deltas."""

    summary = "small Res2Net with squeeze-and-excitation on LFCC"
    input = Lfcc()


@detector("cqt-res2net")
class CqtRes2Net(Res2Net):
    """A small SE-Res2Net on the log constant-Q spectrum."""

    summary = "small Res2Net with squeeze-and-excitation on the constant-Q transform"
    input = Cqt()


class Network(nn.Module):
    """Network that maps spectrograms (B, 1, height, frames) to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            PerUtteranceNorm(),
            nn.Conv2d(1, WIDTHS[0], 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        before = WIDTHS[0]
        for stage, width in enumerate(WIDTHS):
            for number in range(BLOCKS):
                layers.append(Block(before, width, 2 if stage and not number else 1))
                before = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(before, 1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(batch).mean(dim=(2, 3))).squeeze(1)


class Block(nn.Module):
    """Residual block of `SCALE` groups: (B, before, h, w) to (B, after, h / stride, w / stride).

    The first group passes through. Each further one is convolved after the result of the group
    before it is added, so that the last has seen three convolutions. In a block with a stride the
    groups are not added, because the results are smaller than the inputs.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        part = after // SCALE
        self.stride = stride
        self.reduce = _convolution(before, after, 1)
        self.groups = nn.ModuleList(_convolution(part, part, 3, stride) for _ in range(SCALE - 1))
        self.rest = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else nn.Identity()
        self.expand = nn.Sequential(
            nn.Conv2d(after, after, 1, bias=False), nn.BatchNorm2d(after), Excitation(after)
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False),
                nn.Conv2d(before, after, 1, bias=False),
                nn.BatchNorm2d(after),
            )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        first, *others = self.reduce(maps).chunk(SCALE, dim=1)
        found = [self.rest(first)]
        for number, (group, part) in enumerate(zip(self.groups, others, strict=True)):
            added = part + found[-1] if number and self.stride == 1 else part
            found.append(group(added))
        return torch.relu(self.expand(torch.cat(found, dim=1)) + self.shortcut(maps))


class Excitation(nn.Module):
    """Squeeze-and-excitation: each channel (B, C, h, w) is weighted by what all hold on average."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // SQUEEZE, 4)
        self.weights = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps * self.weights(maps.mean(dim=(2, 3)))[..., None, None]


def _convolution(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )
