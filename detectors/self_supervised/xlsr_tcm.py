"""XLS-R and a conformer with head tokens (TCM): Truong et al., Interspeech 2024."""

from __future__ import annotations

from torch import nn

from detectors.contract.base import Waveform, detector
from detectors.contract.training_corpora import ASVSPOOF2019_LA
from detectors.self_supervised.back_ends.conformer import TemporalChannelConformer
from detectors.self_supervised.published import PublishedSystem


@detector("xlsr-tcm")
class XlsrTcm(PublishedSystem):
    """XLS-R 300M and the temporal-channel conformer; the score is the logit of bona fide.

    The input is 66,800 samples, as its authors trained and evaluated it.
    """

    summary = "XLS-R 300M and a temporal-channel conformer (TCM), with its authors' weights"
    citation = "truong2024tcm babu2022xlsr"
    input = Waveform(samples=66800)
    trained_on = ASVSPOOF2019_LA

    def back_end(self) -> nn.Module:
        return TemporalChannelConformer(self.shape.width)
