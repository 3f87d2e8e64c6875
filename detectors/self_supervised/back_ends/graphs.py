"""The AASIST back end on the features of a speech encoder.

Tak, Todisco, Wang, Jung, Yamagishi, Evans: "Automatic speaker verification spoofing and deepfake
detection using wav2vec 2.0 and data augmentation", Odyssey 2022.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from detectors.layers.sinc_encoder import ResidualBlock
from detectors.networks.aasist import AasistSize, BackEnd

PROJECTED = 128  # features of a frame after the projection
SIZE = AasistSize(64, 0.5, 0.5, 0.5)
POOL = 3  # features and frames that become one


class AttentiveGraphs(BackEnd):
    """Projection to 128 features, residual blocks, attentive pooling and AASIST's graph layers.

    The spectral nodes are means over time, and the temporal ones means over frequency, each with
    the weights of a softmax over the axis that is averaged.
    """

    def __init__(self, width: int) -> None:
        super().__init__(SIZE, PROJECTED // POOL)
        self.LL = nn.Linear(width, PROJECTED)
        self.first_bn = nn.BatchNorm2d(1)
        self.first_bn1 = nn.BatchNorm2d(SIZE.width)
        channels = [1, 32, 32, *[SIZE.width] * 4]
        blocks = [
            ResidualBlock(i, o, first=place == 0, projected=i != o, shorten=False)
            for place, (i, o) in enumerate(pairwise(channels))
        ]
        self.encoder = nn.Sequential(*map(nn.Sequential, blocks))
        self.attention = nn.Sequential(
            nn.Conv2d(SIZE.width, PROJECTED, 1),
            nn.SELU(),
            nn.BatchNorm2d(PROJECTED),
            nn.Conv2d(PROJECTED, SIZE.width, 1),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2), spoof and bona fide, of features (B, frames, width)."""
        picture = functional.max_pool2d(self.LL(features).transpose(1, 2).unsqueeze(1), POOL)
        maps = self.encoder(functional.selu(self.first_bn(picture)))
        maps = functional.selu(self.first_bn1(maps))
        weights = self.attention(maps)
        spectral = (maps * weights.softmax(dim=3)).sum(dim=3)
        temporal = (maps * weights.softmax(dim=2)).sum(dim=2)
        return self.read_nodes(spectral.transpose(1, 2), temporal.transpose(1, 2))
