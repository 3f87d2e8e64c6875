"""A convolutional network with a two-class softmax on linear spectrograms."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import Spectrogram, TensorDetector, detector
from detectors.layers.common import CropAndFlip, PerUtteranceNorm, conv_block


@detector("softmax-cnn")
class SoftmaxCnn(CropAndFlip, TensorDetector):
    """Three convolution blocks and two logits, spoof and bona fide.

    The score is bona fide minus spoof, so its logistic loss equals the softmax cross-entropy.
    """

    summary = "linear-spectrogram CNN with a two-way softmax; score = difference of the logits"
    citation = ""
    input = Spectrogram()
    recipe = recipe_files.settings("softmax-cnn")

    def build(self) -> nn.Module:
        return Network()


class Network(nn.Module):
    """Network that maps log-spectrograms (B, 1, bins, frames) to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 32, 64)
        blocks = [nn.Sequential(*conv_block(*pair)) for pair in pairwise(widths)]
        self.features = nn.Sequential(PerUtteranceNorm(), *blocks)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * widths[-1], 2))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        maps = self.features(batch)
        spoof, bonafide = self.head(
            torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        ).unbind(1)
        return bonafide - spoof
