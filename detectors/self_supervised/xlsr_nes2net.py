"""XLS-R and Nes2Net-X: Liu et al., IEEE Transactions on Information Forensics and Security 2025."""

from __future__ import annotations

from torch import nn

from detectors.contract.base import Waveform, detector
from detectors.contract.training_corpora import ASVSPOOF2019_LA
from detectors.self_supervised.back_ends.nested_res2net import NestedRes2Net
from detectors.self_supervised.published import PublishedSystem


@detector("xlsr-nes2net-x")
class XlsrNes2NetX(PublishedSystem):
    """XLS-R 300M and Nes2Net-X; the score is the logit of bona fide.

    The input is 64,600 samples, as for ASVspoof 2021; the authors' figures on In-the-Wild are of
    whole files.
    """

    summary = "XLS-R 300M and Nes2Net-X, with its authors' weights"
    citation = "liu2025nes2net babu2022xlsr"
    input = Waveform(samples=64600)
    trained_on = ASVSPOOF2019_LA

    def back_end(self) -> nn.Module:
        return NestedRes2Net(self.shape.width)
