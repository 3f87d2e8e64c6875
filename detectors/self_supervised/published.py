"""Published self-supervised systems: an encoder, a back end, and the file that holds both.

Each is a detector that runs with its authors' weights (`--weights NAME=FILE`). The file holds the
whole system under fairseq's names, so nothing else is downloaded. It must hold every array of the
detector, and none beside those that only pre-training used.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from benchmark.core.errors import InputError
from detectors.contract.base import Arrays, TensorDetector
from detectors.external import hub_files
from detectors.self_supervised import published_files, speech_encoders
from detectors.self_supervised.speech_encoders import LARGE, EncoderShape

Features = torch.Tensor | Sequence[torch.Tensor]


class PublishedSystem(TensorDetector):
    """An encoder and a back end whose weights their authors published.

    shape  : the size of the encoder
    prefix : of the encoder's names in the authors' files
    """

    pretrained = True
    cpu_batch = 2
    shape: ClassVar[EncoderShape] = LARGE
    prefix: ClassVar[str] = "ssl_model.model."

    @abstractmethod
    def back_end(self) -> nn.Module:
        """Return the back end, newly initialised; its names are those of the authors' files."""

    def features(self, encoder: nn.Module, waves: torch.Tensor) -> Features:
        """Return what the back end takes of waves (B, T): here the encoder's output."""
        return speech_encoders.last(encoder, waves)

    def score(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide: here the second output of the back end."""
        return outputs[:, 1]

    def unavailable(self) -> str | None:
        return hub_files.lacking() or (
            "it runs with the weights of its authors, who tuned the whole encoder; train"
            ' "ssl(model=NAME, pooling=aasist)" instead'
        )

    def foundation(self) -> tuple[Path, ...]:
        """Raise `InputError`: nothing is trained here from the weights of others."""
        raise InputError(f"{self.name} is not trained here: {self.unavailable()}")

    def build(self) -> nn.Module:
        return Chain(self, speech_encoders.encoder(self.shape), self.back_end())

    def blueprint(self) -> nn.Module:
        with torch.device("meta"):
            built = self.build()
        return built.to("meta")  # transformers makes one vector elsewhere, whatever the device

    def adopt(self, arrays: Arrays) -> Arrays:
        """Rename the arrays of the authors' file to the network's names.

        Raises `InputError` if the file is not one of this system, and says of what it is.
        """
        return published_files.adopt(self, arrays)


class Chain(nn.Module):
    """Network that maps waveforms (B, T) to scores (B,)."""

    def __init__(self, system: PublishedSystem, encoder: nn.Module, back_end: nn.Module) -> None:
        super().__init__()
        self.system = system
        self.encoder = encoder
        self.back_end = back_end

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        return self.system.score(self.outputs(waves))

    def outputs(self, waves: torch.Tensor) -> torch.Tensor:
        """Return the outputs of the back end (B, 2)."""
        outputs: torch.Tensor = self.back_end(self.system.features(self.encoder, waves))
        return outputs
