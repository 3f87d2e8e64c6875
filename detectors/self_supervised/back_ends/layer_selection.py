"""Sensitive layer selection (SLS): a weight for each layer of the encoder, from its own output.

Zhang, Wen, Hu: "Audio deepfake detection with self-supervised XLS-R and SLS classifier", ACM
Multimedia 2024.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

FRAMES = 67  # pooled frames of 64,600 samples, for which the classifier is made
HIDDEN = 1024
POOL = 3  # frames and features that become one


class LayerSelection(nn.Module):
    """A weighted sum of all layers, pooling, and two linear layers over all frames.

    The weight of a layer is a sigmoid of its mean over time; the weights do not add up to one.

    frames : pooled frames that the classifier takes; the input has 3 to 3.99 times as many
    """

    def __init__(self, width: int, frames: int = FRAMES) -> None:
        super().__init__()
        self.first_bn = nn.BatchNorm2d(1)
        self.fc0 = nn.Linear(width, 1)
        self.fc1 = nn.Linear(frames * (width // POOL), HIDDEN)
        self.fc3 = nn.Linear(HIDDEN, 2)

    def forward(self, layers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return log-probabilities (B, 2) of spoof and bona fide, of layers (B, frames, width).

        The authors apply SELU to the two outputs before the softmax.
        """
        stacked = torch.stack([*layers], dim=1)
        shares = torch.sigmoid(self.fc0(stacked.mean(dim=2)))
        mixed = (stacked * shares.unsqueeze(2)).sum(dim=1)
        picture = functional.selu(self.first_bn(mixed.unsqueeze(1)))
        flat = functional.max_pool2d(picture, POOL).flatten(1)
        outputs = self.fc3(functional.selu(self.fc1(flat)))
        return functional.selu(outputs).log_softmax(dim=1)
