"""XLS-R and AASIST: the wav2vec 2.0 system of Tak et al., Odyssey 2022 (SSL_Anti-spoofing)."""

from __future__ import annotations

from torch import nn

from detectors.contract.base import Waveform, detector
from detectors.contract.training_corpora import ASVSPOOF2019_LA
from detectors.self_supervised.back_ends.graphs import AttentiveGraphs
from detectors.self_supervised.published import PublishedSystem


@detector("xlsr-aasist")
class XlsrAasist(PublishedSystem):
    """XLS-R 300M and the AASIST back end; the score is the logit of bona fide.

    Files of the authors' earlier code, with `encoder.0.0.bn1.*`, were trained with a layer that
    this network does not have, and are refused.
    """

    summary = "XLS-R 300M and AASIST (SSL_Anti-spoofing), with its authors' weights"
    citation = "tak2022automatic babu2022xlsr"
    input = Waveform(samples=64600)
    trained_on = ASVSPOOF2019_LA

    def back_end(self) -> nn.Module:
        return AttentiveGraphs(self.shape.width)
