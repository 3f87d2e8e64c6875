"""Heads that turn the features of a self-supervised encoder into a score.

Each maps features (B, frames, size) to scores (B,): the logit of bona fide minus that of spoof.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from detectors.layers.sinc_encoder import ResidualBlock
from detectors.networks.aasist import LARGE, BackEnd

HIDDEN = 128
POOL = 3  # pooling over feature dimensions and frames before the AASIST back end


def head(pooling: str, size: int) -> nn.Module:
    """Return the head for `pooling` (`mean`, `attention` or `aasist`) of `size` features."""
    if pooling == "aasist":
        return Graphs(size)
    return Pooled(size, attention=pooling == "attention")


class Pooled(nn.Module):
    """Pooling over time to one vector, then a network of `size`-128-2 units.

    The vector is the mean over time. With `attention` it is a mean with learnt weights per frame
    (Lin et al., "A structured self-attentive sentence embedding", 2017, with one head).
    """

    def __init__(self, size: int, *, attention: bool) -> None:
        super().__init__()
        self.opinion = (
            nn.Sequential(nn.Linear(size, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1, bias=False))
            if attention
            else None
        )
        self.layers = nn.Sequential(
            nn.Linear(size, HIDDEN), nn.ReLU(), nn.Dropout(0.2), nn.Linear(HIDDEN, 2)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        if self.opinion is None:
            pooled = features.mean(dim=1)
        else:
            pooled = (self.opinion(features).softmax(dim=1) * features).sum(dim=1)
        return _difference(self.layers(pooled))


class Graphs(BackEnd):
    """AASIST's residual encoder and graph layers on 128 projected features per frame.

    After Tak et al., "Automatic speaker verification spoofing and deepfake detection using
    wav2vec 2.0 and data augmentation", Odyssey 2022.
    """

    def __init__(self, size: int) -> None:
        super().__init__(LARGE, HIDDEN // POOL)
        self.project = nn.Linear(size, HIDDEN)
        self.first_bn = nn.BatchNorm2d(1)
        widths = [1, 32, 32, *[LARGE.width] * 4]
        self.encoder = nn.Sequential(
            *(
                ResidualBlock(i, o, first=True, projected=i != o, shorten=False)
                for i, o in pairwise(widths)
            )
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        picture = functional.max_pool2d(self.project(features).transpose(1, 2).unsqueeze(1), POOL)
        return _difference(self.read(self.encoder(functional.selu(self.first_bn(picture)))))


def _difference(logits: torch.Tensor) -> torch.Tensor:
    """Return the log-odds of bona fide (B,) of logits (B, 2): spoof, bona fide."""
    return logits[:, 1] - logits[:, 0]
