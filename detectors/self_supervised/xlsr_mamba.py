"""XLS-R and two directions of Mamba: Xiao, Das, IEEE Signal Processing Letters 2025."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from detectors.contract.base import Waveform, detector
from detectors.contract.training_corpora import ASVSPOOF2019_LA
from detectors.self_supervised.back_ends.state_space import BLOCKS, DualMamba
from detectors.self_supervised.published import PublishedSystem


@detector("xlsr-mamba")
class XlsrMamba(PublishedSystem):
    """XLS-R 300M and XLSR-Mamba's back end; the score is the logit of bona fide.

    The input is 66,800 samples, as for ASVspoof 2021; for In-the-Wild the authors take 64,600.
    """

    summary = "XLS-R 300M and bidirectional Mamba (XLSR-Mamba), with its authors' weights"
    citation = "xiao2025xlsrmamba babu2022xlsr"
    input = Waveform(samples=66800)
    trained_on = ASVSPOOF2019_LA
    blocks: ClassVar[int] = BLOCKS

    def back_end(self) -> nn.Module:
        return DualMamba(self.shape.width, self.blocks)
