"""The mean of all frames and one linear layer (AntiDeepfake).

Ge, Wang, Liu, Yamagishi: "Post-training for deepfake speech detection", 2025.
"""

from __future__ import annotations

import torch
from torch import nn


class MeanPooling(nn.Module):
    """A linear layer on the mean over time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj_fc = nn.Linear(width, 2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2), spoof and bona fide, of features (B, frames, width)."""
        logits: torch.Tensor = self.proj_fc(features.mean(dim=1))
        return logits
