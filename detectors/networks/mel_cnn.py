"""A small convolutional network on log-mel spectrograms."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import LogMel, TensorDetector, detector
from detectors.layers.common import CropAndFlip, PerUtteranceNorm, conv_block


@detector("mel-cnn")
class MelCnn(CropAndFlip, TensorDetector):
    """Three batch-normalised convolution blocks (32, 64, 128); global mean and max pooling."""

    summary = "log-mel CNN: 3 convolution blocks (32, 64, 128), global average and max pooling"
    citation = ""
    input = LogMel()
    recipe = recipe_files.settings("mel-cnn")

    def build(self) -> nn.Module:
        return Network()


class Network(nn.Module):
    """Network that maps log-mel spectrograms (B, 1, mels, frames) to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 32, 64, 128)
        blocks: list[nn.Module] = [PerUtteranceNorm()]
        for before, after in pairwise(widths):
            blocks += conv_block(before, after)
        self.features = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(2 * widths[-1], 1)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        maps = self.features(batch)
        pooled = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        return self.head(self.dropout(pooled)).squeeze(1)
