"""Multi-head factorised attentive pooling (MHFA) over all layers of an encoder.

Peng, Plchot, Stafylakis, Mosner, Burget, Cernocky: "An attention-based backend allowing efficient
fine-tuning of transformer models for speaker verification", SLT 2022. The toolkit WeDefense uses
it against spoofing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

HEADS = 32
COMPRESSED = 128  # features of keys and values
EMBEDDING = 256


class FactorisedAttention(nn.Module):
    """Two weighted means of the layers, keys and values, pooled over time by 32 heads."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.weights_k = nn.Parameter(torch.ones(layers))
        self.weights_v = nn.Parameter(torch.ones(layers))
        self.cmp_linear_k = nn.Linear(width, COMPRESSED)
        self.cmp_linear_v = nn.Linear(width, COMPRESSED)
        self.att_head = nn.Linear(COMPRESSED, HEADS)
        self.pooling_fc = nn.Linear(HEADS * COMPRESSED, EMBEDDING)
        self.projection = _Projection()

    def forward(self, layers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return logits (B, 2), bona fide and spoof, of all layers, each (B, frames, width)."""
        keys = self.cmp_linear_k(_mixed(layers, self.weights_k))
        values = self.cmp_linear_v(_mixed(layers, self.weights_v))
        shares = self.att_head(keys).softmax(dim=1)
        pooled = shares.transpose(1, 2) @ values
        logits: torch.Tensor = self.projection(self.pooling_fc(pooled.flatten(1)))
        return logits


class _Projection(nn.Module):
    """The classifier on the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.trans = nn.Sequential(nn.BatchNorm1d(EMBEDDING), nn.ReLU(), nn.Linear(EMBEDDING, 2))

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.trans(embedding)
        return logits


def _mixed(layers: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
    """Return the mean of the layers with the softmax of `weights`."""
    mixed = torch.zeros_like(layers[0])
    for layer, share in zip(layers, weights.softmax(dim=0), strict=True):
        mixed += share * layer
    return mixed
