"""XLSR and multi-head factorised attentive pooling, as in WeDefense's recipe for ASVspoof 5."""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract.base import WholeWaveform, detector
from detectors.contract.training_corpora import ASVSPOOF5
from detectors.self_supervised.back_ends.factorised_attention import FactorisedAttention
from detectors.self_supervised.published import Features, PublishedSystem
from detectors.self_supervised.speech_encoders import SHORTEST, every_layer, normalised


@detector("xlsr-mhfa")
class XlsrMhfa(PublishedSystem):
    """XLSR (XLSR-53 or XLS-R 300M) and MHFA; the score is the log-odds of bona fide.

    The recipe's priors would only shift the score. Its features are those of s3prl: a normalised
    wave, and the last layer after the encoder's last norm. The recipe subtracts from each frame
    of each layer its mean over the features.
    """

    summary = "XLSR and multi-head factorised attention (MHFA, WeDefense), with a file's weights"
    citation = "peng2022mhfa babu2022xlsr"
    input = WholeWaveform(SHORTEST)
    trained_on = ASVSPOOF5
    prefix = "frontend.upstream.upstream.model."

    def back_end(self) -> nn.Module:
        return FactorisedAttention(self.shape.width, self.shape.layers + 1)

    def features(self, encoder: nn.Module, waves: torch.Tensor) -> Features:
        """Return the input of the first layer and the outputs of all, each frame's mean removed."""
        *layers, last = every_layer(encoder, normalised(waves))
        layers.append(encoder.get_submodule("encoder.layer_norm")(last))
        return [layer - layer.mean(dim=2, keepdim=True) for layer in layers]

    def score(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the first output, bona fide, minus the second, spoof."""
        return outputs[:, 0] - outputs[:, 1]
