"""Nested Res2Net with learnt sums (Nes2Net-X).

Liu, Truong, Das, Lee, Li: "Nes2Net: a lightweight nested architecture for foundation model driven
speech anti-spoofing", IEEE Transactions on Information Forensics and Security, 2025.
"""

from __future__ import annotations

import torch
from torch import nn

SPLITS = 8  # groups of features, outside and inside
DILATION = 2


class NestedRes2Net(nn.Module):
    """A Res2Net whose branches are Res2Nets, mean over time, and a linear layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.Nested_Res2Net_TDNN = _Outer(width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2), spoof and bona fide, of features (B, frames, width)."""
        logits: torch.Tensor = self.Nested_Res2Net_TDNN(features.transpose(1, 2))
        return logits


class _Outer(nn.Module):
    """Each group of features is added to the last one's output; the eighth passes unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        group = width // SPLITS
        self.Build_in_Res2Nets = nn.ModuleList(_Inner(group) for _ in range(SPLITS - 1))
        self.bns = nn.ModuleList(nn.BatchNorm1d(group) for _ in range(SPLITS - 1))
        self.bn = nn.BatchNorm1d(width)
        self.fc = nn.Linear(width, 2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        *groups, untouched = features.chunk(SPLITS, dim=1)
        done: list[torch.Tensor] = []
        for group, inner, norm in zip(groups, self.Build_in_Res2Nets, self.bns, strict=True):
            summed = group + done[-1] if done else group
            done.append(norm(inner(summed).relu()))
        joined = self.bn(torch.cat([*done, untouched], dim=1)).relu()
        logits: torch.Tensor = self.fc(joined.mean(dim=2))
        return logits


class _Inner(nn.Module):
    """A bottleneck whose steps keep all earlier outputs on a growing last axis."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        group = channels // SPLITS
        steps = range(SPLITS - 1)
        self.conv1, self.bn1 = nn.Conv1d(channels, channels, 1), nn.BatchNorm1d(channels)
        self.convs = nn.ModuleList(
            nn.Conv2d(group, group, (3, 1), dilation=(DILATION, 1), padding=(DILATION, 0))
            for _ in steps
        )
        self.bns = nn.ModuleList(nn.BatchNorm2d(group) for _ in steps)
        self.weighted_sum = nn.ParameterList(
            nn.Parameter(torch.full((1, 1, 1, step + 2), 1 / (step + 2))) for step in steps
        )
        self.conv3, self.bn3 = nn.Conv1d(channels, channels, 1), nn.BatchNorm1d(channels)
        self.se = _Excitation(channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        wide = self.bn1(self.conv1(features).relu()).unsqueeze(3)
        *groups, kept = wide.chunk(SPLITS, dim=1)
        untouched, done = kept, []
        for group, conv, norm, shares in zip(
            groups, self.convs, self.bns, self.weighted_sum, strict=True
        ):
            kept = norm(conv(torch.cat([kept, group], dim=3)).relu())
            done.append((kept * shares).sum(dim=3))
        joined = torch.cat([*done, untouched.squeeze(3)], dim=1)
        excited: torch.Tensor = self.se(self.bn3(self.conv3(joined).relu()))
        return excited + features


class _Excitation(nn.Module):
    """Squeeze and excitation (Hu et al. 2018): each channel times a gate from all means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.se = nn.Sequential(
            nn.AdaptiveAvgPool1d(1),
            nn.Conv1d(channels, channels, 1),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        gated: torch.Tensor = channels * self.se(channels)
        return gated
