"""A convolutional network followed by a bidirectional LSTM over time."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import LogMel, TensorDetector, detector
from detectors.layers.common import CropAndFlip, PerUtteranceNorm, conv_block


@detector("cnn-bilstm")
class CnnBiLstm(CropAndFlip, TensorDetector):
    """Three convolution blocks, which pool frequency more than time, and a BiLSTM, averaged."""

    summary = "log-mel CNN (16, 32, 64) and a bidirectional LSTM over time, averaged"
    citation = ""
    input = LogMel()
    recipe = recipe_files.settings("cnn-bilstm")

    def build(self) -> nn.Module:
        return Network(LogMel().mels)


class Network(nn.Module):
    """Network that maps log-mel spectrograms (B, 1, mels, frames) to scores (B,)."""

    def __init__(self, mels: int) -> None:
        super().__init__()
        widths, pools = (1, 16, 32, 64), ((2, 2), (4, 2), (4, 1))
        blocks = [
            nn.Sequential(*conv_block(*pair, pool))
            for pair, pool in zip(pairwise(widths), pools, strict=True)
        ]
        self.features = nn.Sequential(PerUtteranceNorm(), *blocks)
        self.recurrent = nn.LSTM(64 * mels // 32, 64, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(128, 1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        steps = self.features(batch).flatten(1, 2).transpose(1, 2)  # (B, time, channels x bands)
        return self.head(self.recurrent(steps)[0].mean(dim=1)).squeeze(1)
