"""AntiDeepfake: encoders that were trained on many corpora of genuine and artificial speech.

Ge, Wang, Liu, Yamagishi: "Post-training for deepfake speech detection", 2025.
"""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract.base import WholeWaveform, detector
from detectors.self_supervised import speech_encoders
from detectors.self_supervised.back_ends.mean_pooling import MeanPooling
from detectors.self_supervised.published import Features, PublishedSystem
from detectors.self_supervised.speech_encoders import (
    BASE,
    HUBERT_HUGE,
    HUGE,
    LARGE,
    LARGEST,
    SHORTEST,
)

CORPORA = (  # for which the authors' repository makes training protocols
    "aishell3", "asvspoof2019-la", "asvspoof2021-df", "asvspoof2021-la", "asvspoof5", "cfad",
    "cnceleb2", "codecfake", "codecfake-vctk", "cvoicefake", "decro", "dfadd", "diffssd",
    "diffusion-deepfake", "dsd", "fleurs", "fleurs-r", "habla", "libritts", "libritts-r",
    "libritts-vocoded", "ljspeech", "mlaad", "mls", "spoofceleb", "voicemos", "voxceleb2",
    "voxceleb2-vocoded",
)  # fmt: skip


class AntiDeepfake(PublishedSystem):
    """An encoder, the mean of its frames, and a linear layer; the score is the log-odds."""

    citation = "ge2025antideepfake"
    licence = "CC BY-NC-SA 4.0"
    terms = "for non-commercial use; not to be evaluated on the corpora that it was trained on"
    input = WholeWaveform(SHORTEST)
    trained_on = dict.fromkeys(CORPORA, "all")
    prefix = "m_ssl.model."

    def back_end(self) -> nn.Module:
        return MeanPooling(self.shape.width)

    def features(self, encoder: nn.Module, waves: torch.Tensor) -> Features:
        """Return the encoder's output for the normalised wave."""
        return speech_encoders.last(encoder, speech_encoders.normalised(waves))

    def score(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the second output, real, minus the first, fake."""
        return outputs[:, 1] - outputs[:, 0]


@detector("antideepfake-w2v-small")
class AntiDeepfakeW2vSmall(AntiDeepfake):
    """AntiDeepfake on wav2vec 2.0 Base."""

    summary = "AntiDeepfake, wav2vec 2.0 Base, with its authors' weights"
    shape = BASE


@detector("antideepfake-w2v-large")
class AntiDeepfakeW2vLarge(AntiDeepfake):
    """AntiDeepfake on wav2vec 2.0 Large."""

    summary = "AntiDeepfake, wav2vec 2.0 Large, with its authors' weights"
    shape = LARGE


@detector("antideepfake-mms-300m")
class AntiDeepfakeMms300m(AntiDeepfake):
    """AntiDeepfake on MMS 300M."""

    summary = "AntiDeepfake, MMS 300M, with its authors' weights"
    shape = LARGE


@detector("antideepfake-mms-1b")
class AntiDeepfakeMms1b(AntiDeepfake):
    """AntiDeepfake on MMS 1B."""

    summary = "AntiDeepfake, MMS 1B, with its authors' weights"
    shape = HUGE


@detector("antideepfake-xlsr-1b")
class AntiDeepfakeXlsr1b(AntiDeepfake):
    """AntiDeepfake on XLS-R 1B."""

    summary = "AntiDeepfake, XLS-R 1B, with its authors' weights"
    shape = HUGE


@detector("antideepfake-xlsr-2b")
class AntiDeepfakeXlsr2b(AntiDeepfake):
    """AntiDeepfake on XLS-R 2B."""

    summary = "AntiDeepfake, XLS-R 2B, with its authors' weights"
    shape = LARGEST


@detector("antideepfake-hubert-xlarge")
class AntiDeepfakeHubertXlarge(AntiDeepfake):
    """AntiDeepfake on HuBERT Extra Large."""

    summary = "AntiDeepfake, HuBERT Extra Large, with its authors' weights"
    shape = HUBERT_HUGE
