"""RawNet2 for anti-spoofing: sinc filters, gated residual blocks and a recurrent layer.

Tak, Patino, Todisco, Nautsch, Evans, Larcher: "End-to-end anti-spoofing with RawNet2",
ICASSP 2021. The sizes are those of the ASVspoof 2021 and ASVspoof 5 baselines.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from detectors.contract.base import TensorDetector, Waveform, detector
from detectors.layers.sinc_filters import SincFilters

FILTERS, TAPS = 20, 1025
WIDTHS = (FILTERS, 20, 20, 128, 128, 128, 128)
RECURRENT = 1024
LEAK = 0.3


@detector("rawnet2")
class RawNet2(TensorDetector):
    """RawNet2 with weights from a file (`--weights rawnet2=FILE`) or from training."""

    summary = "RawNet2: 20 sinc filters, 6 gated residual blocks, 3-layer GRU"
    citation = "tak2021rawnet2"
    input = Waveform(samples=64600)
    pretrained = True

    def build(self) -> nn.Module:
        return Network()


class GatedResidualBlock(nn.Module):
    """Two convolutions and a shortcut, then max pooling over 3 time steps."""

    def __init__(self, inside: int, outside: int, first: bool) -> None:
        super().__init__()
        self.first = first
        if not first:
            self.bn1 = nn.BatchNorm1d(inside)
        self.conv1 = nn.Conv1d(inside, outside, 3, padding=1)
        self.bn2 = nn.BatchNorm1d(outside)
        self.conv2 = nn.Conv1d(outside, outside, 3, padding=1)
        self.widens = inside != outside
        if self.widens:
            self.conv_downsample = nn.Conv1d(inside, outside, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map (B, inside, T) to (B, outside, T // 3)."""
        inner = maps if self.first else functional.leaky_relu(self.bn1(maps), LEAK)
        inner = functional.leaky_relu(self.bn2(self.conv1(inner)), LEAK)
        shortcut = self.conv_downsample(maps) if self.widens else maps
        return functional.max_pool1d(self.conv2(inner) + shortcut, 3)


class Network(nn.Module):
    """Network that maps waveforms (B, 64600) to scores (B,): the logit of bona fide.

    After each block a gate, computed from the channel means, scales and shifts every channel.
    Attribute names are the keys of the baselines' weight files.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filters = SincFilters(FILTERS, TAPS)
        self.first_bn = nn.BatchNorm1d(FILTERS)
        self.stages = len(WIDTHS) - 1
        for place in range(self.stages):
            inside, outside = WIDTHS[place : place + 2]
            block = GatedResidualBlock(inside, outside, first=place == 0)
            self.add_module(f"block{place}", nn.Sequential(block))
            gate = nn.Linear(outside, outside)
            self.add_module(f"fc_attention{place}", nn.Sequential(gate))
        self.bn_before_gru = nn.BatchNorm1d(WIDTHS[-1])
        self.gru = nn.GRU(WIDTHS[-1], RECURRENT, num_layers=3, batch_first=True)
        self.fc1_gru = nn.Linear(RECURRENT, RECURRENT)
        self.fc2_gru = nn.Linear(RECURRENT, 2)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        return self.logits(batch)[:, 1]

    def logits(self, batch: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2): spoof, bona fide."""
        maps = functional.max_pool1d(self.filters(batch).abs_(), 3)
        maps = functional.selu(self.first_bn(maps))
        for place in range(self.stages):
            maps = self.get_submodule(f"block{place}")(maps)
            gate = self.get_submodule(f"fc_attention{place}")(maps.mean(dim=2))
            gate = gate.sigmoid().unsqueeze(2)
            maps = maps * gate + gate
        frames = functional.selu(self.bn_before_gru(maps)).transpose(1, 2)
        outputs, _ = self.gru(frames)
        logits: torch.Tensor = self.fc2_gru(self.fc1_gru(outputs[:, -1]))
        return logits
