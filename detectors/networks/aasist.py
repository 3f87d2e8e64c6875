"""AASIST: spectral and temporal graph attention on the raw waveform.

Jung, Heo, Tak, Shim, Chung, Lee, Yu, Evans: "AASIST: Audio Anti-Spoofing using Integrated
Spectro-Temporal Graph Attention Networks", ICASSP 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from detectors.contract.base import TensorDetector, Waveform, detector
from detectors.contract.training_corpora import ASVSPOOF5, ASVSPOOF2019_LA
from detectors.layers.graph_attention import GraphAttention, GraphPool, StackedGraphAttention
from detectors.layers.sinc_encoder import SincPicture, encoder

BANDS = 23  # spectral nodes after the encoder
INNER = 32  # features of a node after the stacked layers
COOL, HOT = 2.0, 100.0  # temperatures of the plain and the stacked attention layers


@dataclass(frozen=True)
class AasistSize:
    """Number of encoder channels, and fractions of nodes that the three graph poolings keep."""

    width: int
    keep_spectral: float
    keep_temporal: float
    keep_stacked: float


LARGE = AasistSize(64, 0.5, 0.7, 0.5)
LIGHT = AasistSize(24, 0.4, 0.5, 0.7)


@detector("aasist")
class Aasist(TensorDetector):
    """AASIST with weights from a file (`--weights aasist=FILE`) or from training."""

    summary = "AASIST: sinc filters, residual encoder, stacked spectral and temporal graphs"
    citation = "jung2022aasist"
    input = Waveform(samples=64600)
    size = LARGE
    pretrained = True
    cpu_batch = 1

    def build(self) -> nn.Module:
        return Network(self.size)


@detector("aasist-l")
class AasistLight(Aasist):
    """AASIST-L, the light version, with weights from a file or from training."""

    summary = "AASIST-L: AASIST with 24 instead of 64 channels"
    size = LIGHT


@detector("aasist-2019la")
class Aasist2019La(Aasist):
    """AASIST as its authors trained it on ASVspoof 2019 LA."""

    summary = "AASIST as its authors trained it on ASVspoof 2019 LA"
    trained_on = ASVSPOOF2019_LA


@detector("aasist-l-2019la")
class AasistLight2019La(AasistLight):
    """AASIST-L as its authors trained it on ASVspoof 2019 LA."""

    summary = "AASIST-L as its authors trained it on ASVspoof 2019 LA"
    trained_on = ASVSPOOF2019_LA


@detector("aasist-asvspoof5")
class AasistAsvspoof5(Aasist):
    """AASIST as the organisers of ASVspoof 5 trained it on that challenge's data."""

    summary = "AASIST as the organisers of ASVspoof 5 trained it on that challenge's data"
    citation = "jung2022aasist wang2024asvspoof5"
    trained_on = ASVSPOOF5


class BackEnd(nn.Module):
    """Graph layers that map features (B, width, bands, T) to logits (B, 2): spoof, bona fide.

    Attribute names are the keys of the published weight files.
    """

    def __init__(self, size: AasistSize, bands: int) -> None:
        super().__init__()
        width = size.width
        self.pos_S = nn.Parameter(torch.randn(1, bands, width))
        self.GAT_layer_S = GraphAttention(width, width, COOL)
        self.GAT_layer_T = GraphAttention(width, width, COOL)
        self.pool_S = GraphPool(width, size.keep_spectral)
        self.pool_T = GraphPool(width, size.keep_temporal)
        self.master1 = nn.Parameter(torch.randn(1, 1, width))
        self.HtrgGAT_layer_ST11 = StackedGraphAttention(width, INNER, HOT)
        self.pool_hS1 = GraphPool(INNER, size.keep_stacked)
        self.pool_hT1 = GraphPool(INNER, size.keep_stacked)
        self.HtrgGAT_layer_ST12 = StackedGraphAttention(INNER, INNER, HOT)
        self.master2 = nn.Parameter(torch.randn(1, 1, width))
        self.HtrgGAT_layer_ST21 = StackedGraphAttention(width, INNER, HOT)
        self.pool_hS2 = GraphPool(INNER, size.keep_stacked)
        self.pool_hT2 = GraphPool(INNER, size.keep_stacked)
        self.HtrgGAT_layer_ST22 = StackedGraphAttention(INNER, INNER, HOT)
        self.branch_drop = nn.Dropout(0.2)
        self.drop = nn.Dropout(0.5)
        self.out_layer = nn.Linear(5 * INNER, 2)

    def read(self, maps: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2), spoof and bona fide, of feature maps (B, width, bands, T)."""
        maps = maps.abs()
        return self.read_nodes(maps.amax(dim=3).transpose(1, 2), maps.amax(dim=2).transpose(1, 2))

    def read_nodes(self, spectral: torch.Tensor, temporal: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2), spoof and bona fide, of nodes (B, bands, width), (B, T, width)."""
        spectral = self.pool_S(self.GAT_layer_S(spectral + self.pos_S))
        temporal = self.pool_T(self.GAT_layer_T(temporal))
        one = self._branch(
            (temporal, spectral, self.master1),
            (self.HtrgGAT_layer_ST11, self.HtrgGAT_layer_ST12),
            (self.pool_hT1, self.pool_hS1),
        )
        two = self._branch(
            (temporal, spectral, self.master2),
            (self.HtrgGAT_layer_ST21, self.HtrgGAT_layer_ST22),
            (self.pool_hT2, self.pool_hS2),
        )
        pairs = zip(one, two, strict=True)
        temporal, spectral, listener = (torch.maximum(a, b) for a, b in pairs)
        features = torch.cat(
            [
                temporal.abs().amax(dim=1),
                temporal.mean(dim=1),
                spectral.abs().amax(dim=1),
                spectral.mean(dim=1),
                listener.squeeze(1),
            ],
            dim=1,
        )
        logits: torch.Tensor = self.out_layer(self.drop(features))
        return logits

    def _branch(
        self,
        graph: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        layers: tuple[nn.Module, nn.Module],
        pools: tuple[nn.Module, nn.Module],
    ) -> list[torch.Tensor]:
        """Return temporal nodes, spectral nodes and stack node of one of the two branches."""
        temporal, spectral, listener = layers[0](*graph)
        kept = (pools[0](temporal), pools[1](spectral), listener)
        return [
            self.branch_drop(before + change)
            for before, change in zip(kept, layers[1](*kept), strict=True)
        ]


class Network(BackEnd):
    """Network that maps waveforms (B, 64600) to scores (B,): the logit of bona fide."""

    def __init__(self, size: AasistSize) -> None:
        super().__init__(size, BANDS)
        self.picture = SincPicture()
        self.first_bn = nn.BatchNorm2d(1)
        self.encoder = encoder(size.width, project_picture=True)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        return self.logits(batch)[:, 1]

    def logits(self, batch: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2): spoof, bona fide."""
        return self.read(self.encoder(functional.selu(self.first_bn(self.picture(batch)))))
