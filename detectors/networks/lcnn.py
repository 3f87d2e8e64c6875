"""The light CNN, whose max-feature-map activations take the maximum of two filters.

Wu, He, Sun, Tan: "A Light CNN for Deep Face Representation with Noisy Labels", IEEE TIFS 2018;
for spoofing: Lavrentyeva et al., "STC Antispoofing Systems for the ASVspoof2019 Challenge",
Interspeech 2019. This version has half the channels, and pooling instead of the dense layers.
"""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import Cqt, Lfcc, TensorDetector, detector
from detectors.layers.common import CropAndFlip, PerUtteranceNorm
from detectors.networks.lcnn_lstm import MaxFeatureMap


class Lcnn(CropAndFlip, TensorDetector):
    """Base class of the light CNNs, which differ only in their input."""

    citation = "lavrentyeva2019stc"
    recipe = recipe_files.settings("lfcc-lcnn")
    crop = 192

    def build(self) -> nn.Module:
        return Network()


@detector("lfcc-lcnn")
class LfccLcnn(Lcnn):
    """Light CNN on linear-frequency cepstral coefficients, deltas and delta-deltas."""

    summary = "light CNN (max-feature-map) on LFCC"
    input = Lfcc()


@detector("cqt-lcnn")
class CqtLcnn(Lcnn):
    """Light CNN on the log constant-Q spectrum."""

    summary = "light CNN (max-feature-map) on the constant-Q transform"
    input = Cqt()


class Network(nn.Module):
    """Network that maps spectrograms (B, 1, height >= 16, frames >= 16) to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [PerUtteranceNorm(), *_convolve(1, 16, 5), nn.MaxPool2d(2)]
        for before, after in ((16, 24), (24, 32), (32, 16)):
            layers += [
                *_convolve(before, before, 1),
                nn.BatchNorm2d(before),
                *_convolve(before, after, 3),
                nn.MaxPool2d(2),
                nn.BatchNorm2d(after),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(32, 1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        maps = self.features(batch)
        pooled = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        return self.head(pooled).squeeze(1)


def _convolve(before: int, after: int, kernel: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(before, 2 * after, kernel, padding=kernel // 2), MaxFeatureMap()
