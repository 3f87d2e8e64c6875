"""RawGAT-ST: the product of a spectral and a temporal graph, on the raw waveform.

Tak, Jung, Patino, Kamble, Todisco, Evans: "End-to-End Spectro-Temporal Graph Attention Networks
for Speaker Verification Anti-Spoofing and Speech Deepfake Detection", ASVspoof workshop 2021.
"""

from __future__ import annotations

import re

import torch
from torch import nn
from torch.nn import functional

from detectors.contract.base import Arrays, TensorDetector, Waveform, detector
from detectors.contract.training_corpora import ASVSPOOF2019_LA
from detectors.layers.graph_attention import GraphAttention, GraphPool
from detectors.layers.sinc_encoder import SincPicture, encoder

BANDS, FRAMES = 23, 29  # nodes after the encoders
KEEP = (0.64, 0.81, 0.64)  # fractions of spectral, temporal and joint nodes
JOINT = 12  # nodes of the joint graph

UNUSED = re.compile(r"encoder[12]\.[1-5]\.0\.conv_1\.")


@detector("rawgat-st-mul")
class RawGatSt(TensorDetector):
    """RawGAT-ST with multiplicative fusion, with weights from a file or from training."""

    summary = "RawGAT-ST: sinc filters, two residual encoders, spectral x temporal graph"
    citation = "tak2021rawgatst"
    input = Waveform(samples=64600)
    pretrained = True
    cpu_batch = 1

    def build(self) -> nn.Module:
        return Network()

    def adopt(self, arrays: Arrays) -> Arrays:
        """Rename the authors' arrays to this network's names.

        In the file every block has a one-channel convolution, but only the first block uses it.
        """
        kept = {key: value for key, value in arrays.items() if not UNUSED.match(key)}
        return {key.replace(".conv_1.", ".conv1."): value for key, value in kept.items()}


@detector("rawgat-st-mul-2019la")
class RawGatSt2019La(RawGatSt):
    """RawGAT-ST as its authors trained it on ASVspoof 2019 LA."""

    summary = "RawGAT-ST as its authors trained it on ASVspoof 2019 LA"
    trained_on = ASVSPOOF2019_LA


class Network(nn.Module):
    """Network that maps waveforms (B, 64600) to scores (B,): the logit of bona fide.

    The paper has one encoder; the published weights have one for each graph. Attribute names are
    the keys of the published weight file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.picture = SincPicture()
        self.first_bn = nn.BatchNorm2d(1)
        self.encoder1 = encoder(64, project_picture=False)
        self.encoder2 = encoder(64, project_picture=False)
        self.GAT_layer1 = GraphAttention(64, 32)
        self.GAT_layer2 = GraphAttention(64, 32)
        self.GAT_layer3 = GraphAttention(32, 16)
        self.pool1 = GraphPool(32, KEEP[0], least=2)
        self.pool2 = GraphPool(32, KEEP[1], least=2)
        self.pool3 = GraphPool(16, KEEP[2], least=2)
        self.proj1 = nn.Linear(int(KEEP[0] * BANDS), JOINT)
        self.proj2 = nn.Linear(int(KEEP[1] * FRAMES), JOINT)
        self.proj = nn.Linear(16, 1)
        self.proj_node = nn.Linear(int(KEEP[2] * JOINT), 2)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        return self.logits(batch)[:, 1]

    def logits(self, batch: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2): spoof, bona fide."""
        picture = functional.selu(self.first_bn(self.picture(batch)))
        spectral = self.encoder1(picture).abs().amax(dim=3).transpose(1, 2)
        temporal = self.encoder2(picture).abs().amax(dim=2).transpose(1, 2)
        spectral = self.proj1(self.pool1(self.GAT_layer1(spectral)).transpose(1, 2))
        temporal = self.proj2(self.pool2(self.GAT_layer2(temporal)).transpose(1, 2))
        joint = self.pool3(self.GAT_layer3((spectral * temporal).transpose(1, 2)))
        logits: torch.Tensor = self.proj_node(self.proj(joint).squeeze(2))
        return logits
