"""A batch-normalised convolutional network with global average pooling."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import LogMel, TensorDetector, detector
from detectors.layers.common import CropAndFlip, PerUtteranceNorm, conv_block


@detector("gap-cnn")
class GapCnn(CropAndFlip, TensorDetector):
    """Four convolution blocks (16, 32, 64, 128) with spatial dropout; global average pooling."""

    summary = "log-mel CNN: 4 batch-normalised blocks with dropout, global average pooling"
    citation = "lin2014network"
    input = LogMel()
    recipe = recipe_files.settings("gap-cnn")

    def build(self) -> nn.Module:
        return Network()


class Network(nn.Module):
    """Network that maps log-mel spectrograms (B, 1, mels, frames) to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 32, 64, 128)
        blocks = [
            nn.Sequential(*conv_block(before, after), nn.Dropout2d(0.1))
            for before, after in pairwise(widths)
        ]
        self.features = nn.Sequential(PerUtteranceNorm(), *blocks)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(widths[-1], 1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(batch).mean(dim=(2, 3))).squeeze(1)
