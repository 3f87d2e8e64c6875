"""A convolutional network with attentive statistics pooling over time."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import LogMel, TensorDetector, detector
from detectors.layers.common import AttentivePooling, CropAndFlip, PerUtteranceNorm, conv_block


@detector("attention-cnn")
class AttentionCnn(CropAndFlip, TensorDetector):
    """Four convolution blocks, a mean over bands, and attentive mean and deviation over time."""

    summary = "log-mel CNN (16, 32, 64, 128) with attentive statistics pooling over time"
    citation = "okabe2018attentive"
    input = LogMel()
    recipe = recipe_files.settings("attention-cnn")

    def build(self) -> nn.Module:
        return Network()


class Network(nn.Module):
    """Network that maps log-mel spectrograms (B, 1, mels, frames) to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        widths, pools = (1, 16, 32, 64, 128), ((2, 2), (2, 2), (2, 2), (2, 1))
        blocks = [
            nn.Sequential(*conv_block(*pair, pool))
            for pair, pool in zip(pairwise(widths), pools, strict=True)
        ]
        self.features = nn.Sequential(PerUtteranceNorm(), *blocks)
        self.pooling = AttentivePooling(widths[-1], 64)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * widths[-1], 1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.head(self.pooling(self.features(batch).mean(dim=2))).squeeze(1)
