"""A plain convolutional network with a dense head on spectrogram images."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from detectors.contract.base import Image, Recipe, TensorDetector, detector
from detectors.layers.common import RollAndFlip


@detector("image-cnn")
class ImageCnn(RollAndFlip, TensorDetector):
    """Three convolution blocks (32, 64, 128) and a dense head, as in many tutorials."""

    summary = "CNN on 224 x 224 magma images: 3 convolution blocks (32, 64, 128), dense head"
    citation = ""
    input = Image()
    recipe = Recipe(epochs=12, batch_size=12, learning_rate=1e-3, weight_decay=1e-4, patience=5)

    def build(self) -> nn.Module:
        return Network(*Image().size)


class Network(nn.Module):
    """Network that maps images (B, 3, height, width) with values in [0, 1] to scores (B,)."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        widths = (3, 32, 64, 128)
        blocks: list[nn.Module] = []
        for before, after in pairwise(widths):
            blocks += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
        self.features = nn.Sequential(*blocks)
        halvings = 2 ** (len(widths) - 1)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(widths[-1] * (height // halvings) * (width // halvings), 128),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(128, 1),
        )

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(2 * batch - 1)).squeeze(1)
