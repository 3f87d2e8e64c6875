"""Audio-classification models from the Hugging Face hub, used without training."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError, unknown
from benchmark.core.parameters import integer, number, text
from detectors.contract.base import TensorDetector, Waveform, detector
from detectors.external import hub_files
from detectors.external.readout import Readout

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

BONAFIDE = {"bonafide", "real", "genuine", "human", "authentic", "original"}
SPOOF = {"spoof", "spoofed", "fake", "deepfake", "synthetic", "generated", "aigenerated", "ai"}


@detector("hub")
@dataclass(frozen=True)
class HubClassifier(TensorDetector):
    """An audio-classification model from the hub or from a folder.

    model    : `owner/name` on the hub, or the path of a folder
    revision : branch, tag or commit on the hub; by default the latest one in the cache
    bonafide : the model's label for bona fide; required if its labels are not recognised
    seconds  : input length; longer utterances are cut to their start, shorter ones repeated
    rate     : sample rate of the model's input, in Hz

    The score is the log-odds of that label under the model's softmax. The model's own feature
    extractor computes its input.
    """

    summary = "an audio-classification model of the Hugging Face hub, by name or folder"
    citation = ""
    pretrained = True
    ready_made = True
    cpu_batch = 4
    model: str = text()
    revision: str = text()
    bonafide: str = text()
    seconds: float = number(4.0, low=0.1, high=60.0, unit="s")
    rate: int = integer(SAMPLE_RATE, low=4000, high=96000, unit="Hz")

    def validate(self) -> None:
        if not self.model:
            raise InputError("hub: no model given: write hub(model=NAME) or hub(model=FOLDER)")

    def declared(self) -> dict[str, Any]:
        return {"input": Waveform(round(self.seconds * self.rate), self.rate)}

    def unavailable(self) -> str | None:
        if cause := hub_files.lacking():
            return cause
        try:
            self.files()
        except InputError as error:
            return str(error)
        return None

    def fetch(self) -> None:
        """Download the model; raise `InputError` if that fails."""
        hub_files.fetch(self.model, self.revision)

    def files(self) -> tuple[Path, ...]:
        return hub_files.files(self._folder())

    def facts(self) -> dict[str, Any]:
        labels = _labels(hub_files.config(self._folder()), self.model)
        return {"labels": labels, "bonafide": labels[self._index(labels)]}

    def build(self) -> nn.Module:
        folder = self._folder()
        config = hub_files.config(folder)
        index = self._index(_labels(config, self.model))
        extractor = hub_files.extractor(folder)
        wanted = getattr(extractor, "sampling_rate", self.rate)
        if wanted != self.rate:
            raise InputError(f"hub: {self.model} takes {wanted} Hz: add rate={wanted}")
        from transformers import AutoModelForAudioClassification

        model = hub_files.load(AutoModelForAudioClassification, folder, config)
        return Network(model, extractor, Readout(index))

    def _folder(self) -> Path:
        if cause := hub_files.lacking():
            raise InputError(cause)
        return hub_files.folder(self.model, self.revision)

    def _index(self, labels: list[str]) -> int:
        """Return the index of the bona fide class; `InputError` if it cannot be determined."""
        if self.bonafide:
            if self.bonafide not in labels:
                raise unknown(f"label of {self.model}", self.bonafide, labels)
            return labels.index(self.bonafide)
        plain = [re.sub(r"[^a-z]", "", label.lower()) for label in labels]
        real = [row for row, label in enumerate(plain) if label in BONAFIDE]
        if len(real) != 1 or any(label not in BONAFIDE | SPOOF for label in plain):
            raise InputError(
                f"hub: the labels of {self.model} ({', '.join(labels)}) do not show which one is"
                f" bona fide: add it, for example bonafide={labels[0]}"
            )
        return real[0]


class Network(nn.Module):
    """Network that maps waveforms (B, samples) to scores (B,), with the model's own extractor."""

    def __init__(self, model: PreTrainedModel, extractor: Any, readout: Readout) -> None:
        super().__init__()
        self.model = model
        self.extractor = extractor
        self.readout = readout

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        rate = self.extractor.sampling_rate
        inputs = self.extractor([*waves.cpu().numpy()], sampling_rate=rate, return_tensors="pt")
        return self.readout(self.model(**inputs.to(waves.device)).logits)


def _labels(config: PretrainedConfig, model: str) -> list[str]:
    """Return the labels in the order of the logits.

    Raises `InputError` if the model is not a single-label classifier of two or more classes, or
    if two labels are equal.
    """
    names = getattr(config, "id2label", None) or {}
    labels = [str(names[number]) for number in sorted(names)]
    problem = getattr(config, "problem_type", None)
    if len(labels) < 2 or problem not in (None, "single_label_classification"):
        raise InputError(
            f"hub: {model} does not choose between classes ({problem or len(labels)}"
            f"{'' if problem else ' class'}), so its score has no log-odds"
        )
    if len(set(labels)) < len(labels):
        raise InputError(f"hub: {model} has two equal labels: {', '.join(labels)}")
    return labels
