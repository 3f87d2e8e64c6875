"""A 1-D convolutional network on the raw waveform."""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import TensorDetector, Waveform, detector


@detector("raw-cnn")
class RawCnn(TensorDetector):
    """Three 1-D convolution blocks (16, 32, 64 channels) on one second at 16 kHz."""

    summary = "raw-waveform 1-D CNN: 16, 32, 64 channels on 1 s at 16 kHz"
    citation = ""
    input = Waveform(samples=16000)
    recipe = recipe_files.settings("raw-cnn")

    def build(self) -> nn.Module:
        return Network()

    def augment(
        self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Shift each recording circularly at random; invert its polarity with probability 0.5."""
        size, count = batch.shape[1], int(pairs.max()) + 1
        shifts = torch.randint(size, (count, 1), generator=generator)[pairs]
        signs = torch.randint(2, (count, 1), generator=generator)[pairs] * 2 - 1
        return batch.gather(1, (torch.arange(size)[None, :] + shifts) % size) * signs


class Network(nn.Module):
    """Network that maps waveforms (B, 16000), normalised to unit RMS, to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, kernel, stride in ((1, 16, 64, 4), (16, 32, 16, 2), (32, 64, 8, 2)):
            layers += [
                nn.Conv1d(before, after, kernel, stride, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(after),
                nn.ReLU(inplace=True),
                nn.MaxPool1d(4),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * 64, 1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        level = batch.square().mean(dim=1, keepdim=True).clamp(min=1e-10).sqrt()
        maps = self.features((batch / level).unsqueeze(1))
        return self.head(torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1)).squeeze(1)
