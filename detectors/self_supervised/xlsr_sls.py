"""XLS-R and sensitive layer selection: Zhang, Wen, Hu, ACM Multimedia 2024."""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract.base import Waveform, detector
from detectors.contract.training_corpora import ASVSPOOF2019_LA
from detectors.self_supervised.back_ends.layer_selection import LayerSelection
from detectors.self_supervised.published import Features, PublishedSystem
from detectors.self_supervised.speech_encoders import every_layer


@detector("xlsr-sls")
class XlsrSls(PublishedSystem):
    """XLS-R 300M and SLS; the score is the log-probability of bona fide."""

    summary = "XLS-R 300M and sensitive layer selection (SLS), with its authors' weights"
    citation = "zhang2024sls babu2022xlsr"
    input = Waveform(samples=64600)
    trained_on = ASVSPOOF2019_LA

    def back_end(self) -> nn.Module:
        return LayerSelection(self.shape.width)

    def features(self, encoder: nn.Module, waves: torch.Tensor) -> Features:
        """Return the output of every transformer layer, before the encoder's last norm."""
        return every_layer(encoder, waves)[1:]
