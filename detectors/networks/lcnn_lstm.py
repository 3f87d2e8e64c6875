"""LFCC-LCNN-LSTM: a light CNN and a bidirectional LSTM on cepstral coefficients.

Wang, Yamagishi: "A Comparative Study on Recent Neural Spoofing Countermeasures for Synthetic
Speech Detection", Interspeech 2021 (LCNN-LSTM-sum, trained with the sigmoid loss).
"""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract.base import Arrays, Lfcc, TensorDetector, WholeWaveform, detector
from detectors.contract.training_corpora import ASVSPOOF2019_LA

SHORTEST = 2400  # samples, which are 16 frames: four poolings by 2 leave one
FEATURES = 96  # 32 channels x 3 bands, to which the CNN reduces 60 coefficients

RENAMED = {
    "m_transform.0.": "features.",
    "m_before_pooling.0.0.l_blstm.": "recurrent.0.",
    "m_before_pooling.0.1.l_blstm.": "recurrent.1.",
    "m_output_act.0.": "head.",
}
# the filters of the frontend, which the benchmark computes, and statistics that are not used
UNUSED = ("m_frontend.0.", "input_mean", "input_std", "output_mean", "output_std")


@detector("lfcc-lcnn-lstm-2019la")
class LcnnLstm2019La(TensorDetector):
    """LFCC-LCNN-LSTM as its authors trained it on ASVspoof 2019 LA, for waves of any length."""

    summary = "LFCC-LCNN-LSTM: 9 max-feature-map convolutions, 2 bidirectional LSTM, mean"
    citation = "wang2021comparative"
    input = Lfcc(WholeWaveform(SHORTEST))
    pretrained = True
    trained_on = ASVSPOOF2019_LA

    def build(self) -> nn.Module:
        return Network()

    def adopt(self, arrays: Arrays) -> Arrays:
        """Rename the authors' arrays to this network's names, and drop unused ones."""
        adopted = {}
        for key, value in arrays.items():
            if key.startswith(UNUSED):
                continue
            old = next((prefix for prefix in RENAMED if key.startswith(prefix)), "")
            adopted[RENAMED.get(old, "") + key[len(old) :]] = value
        return adopted


class MaxFeatureMap(nn.Module):
    """Maximum of channel c and channel C + c: (B, 2C, ...) to (B, C, ...)."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the element-wise maxima of the first and second half of the channels."""
        one, two = maps.chunk(2, dim=1)
        return torch.maximum(one, two)


class Network(nn.Module):
    """Network that maps LFCC (B, 1, 60, frames >= 16) to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(1, 32, 5),
            nn.MaxPool2d(2),
            *_convolution(32, 32, 1),
            _norm(32),
            *_convolution(32, 48, 3),
            nn.MaxPool2d(2),
            _norm(48),
            *_convolution(48, 48, 1),
            _norm(48),
            *_convolution(48, 64, 3),
            nn.MaxPool2d(2),
            *_convolution(64, 64, 1),
            _norm(64),
            *_convolution(64, 32, 3),
            _norm(32),
            *_convolution(32, 32, 1),
            _norm(32),
            *_convolution(32, 32, 3),
            nn.MaxPool2d(2),
            nn.Dropout(0.7),
        )
        self.recurrent = nn.ModuleList(
            nn.LSTM(FEATURES, FEATURES // 2, batch_first=True, bidirectional=True) for _ in range(2)
        )
        self.head = nn.Linear(FEATURES, 1)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        maps = self.features(batch.transpose(2, 3))  # the weights expect time before frequency
        frames = maps.transpose(1, 2).flatten(2)  # (B, frames / 16, FEATURES)
        hidden = frames
        for layer in self.recurrent:
            hidden, _ = layer(hidden)
        return self.head((hidden + frames).mean(dim=1)).squeeze(1)


def _convolution(inside: int, outside: int, kernel: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inside, 2 * outside, kernel, padding=kernel // 2), MaxFeatureMap()


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, affine=False)
