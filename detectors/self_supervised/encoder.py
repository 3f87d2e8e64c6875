"""Self-supervised speech encoders from the Hugging Face hub, with a small head to train.

The encoders are wav2vec 2.0 (Baevski et al., 2020; XLS-R: Babu et al., 2021), HuBERT (Hsu et al.,
2021) and WavLM (Chen et al., 2022).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError
from benchmark.core.parameters import choice, flag, integer, number, text
from detectors.contract.base import Recipe, TensorDetector, Waveform, detector
from detectors.external import hub_files
from detectors.self_supervised import speech_encoders
from detectors.self_supervised.heads import head

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

ENCODERS = ("hubert", "wav2vec2", "wavlm")
ON_HUB = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
REVISION = re.compile(r"[\w-][\w.-]*|")
SMALLEST = 1e-7  # added to the variance, as in the encoders' own feature extractor
FROZEN = Recipe(epochs=10, batch_size=16, learning_rate=1e-3)
TUNED = Recipe(epochs=5, batch_size=8, learning_rate=3e-5)


@detector("ssl")
@dataclass(frozen=True)
class SelfSupervised(TensorDetector):
    """A pretrained encoder and a head that pools its features and gives the score.

    model    : `owner/name` on the hub (facebook/wav2vec2-base, facebook/hubert-base-ls960,
               microsoft/wavlm-base, facebook/wav2vec2-xls-r-300m), or the path of a folder
    revision : branch, tag or commit on the hub; by default the latest one in the cache
    pooling  : `mean` or `attention` over time and a size-128-2 head, or the `aasist` back end
    layer    : index of the hidden states to use: 0 is the input of the first transformer layer,
               -1 the output of the last one
    weighted : use a learnt weighted mean of all layers instead
    finetune : also train the transformer (the convolutions below it stay frozen)
    seconds  : input length; longer utterances are cut to their start, shorter ones repeated

    The checkpoint contains the weights of both encoder and head.
    """

    summary = "self-supervised encoder of the Hugging Face hub (wav2vec2, HuBERT, WavLM) and a head"
    citation = "tak2022automatic"
    cpu_batch = 4
    model: str = text()
    revision: str = text()
    pooling: str = choice("mean", "mean", "attention", "aasist")
    layer: int = integer(-1, low=-1, high=100)
    weighted: bool = flag(False)
    finetune: bool = flag(False)
    seconds: float = number(4.0, low=0.5, high=60.0, unit="s")

    @classmethod
    def reaches(cls, values: Mapping[str, Any]) -> str:
        model, revision = (str(values.get(key, "")) for key in ("model", "revision"))
        on_hub = ON_HUB.fullmatch(model) and REVISION.fullmatch(revision)
        return "" if on_hub and not Path(model).exists() else "opens the folder of its model"

    def validate(self) -> None:
        if not self.model:
            raise InputError("ssl: no encoder given: write ssl(model=NAME) or ssl(model=FOLDER)")
        if self.weighted and self.layer != -1:
            raise InputError("ssl: weighted=true uses all layers: omit the parameter layer")

    def declared(self) -> dict[str, Any]:
        return {
            "input": Waveform(round(self.seconds * SAMPLE_RATE)),
            "recipe": TUNED if self.finetune else FROZEN,
        }

    def unavailable(self) -> str | None:
        if cause := hub_files.lacking():
            return cause
        try:
            self.foundation()
        except InputError as error:
            return str(error)
        return None

    def fetch(self) -> None:
        """Download the encoder; raise `InputError` if that fails."""
        hub_files.fetch(self.model, self.revision)

    def build(self) -> nn.Module:
        from transformers import AutoModel

        config = self._config()
        return self._network(AutoModel.from_config(config))

    def initial(self) -> nn.Module:
        from transformers import AutoModel

        return self._network(hub_files.load(AutoModel, self._folder(), self._config()))

    def foundation(self) -> tuple[Path, ...]:
        """Return the configuration and weight files of the encoder."""
        return hub_files.files(self._folder())

    def _folder(self) -> Path:
        if cause := hub_files.lacking():
            raise InputError(cause)
        return hub_files.folder(self.model, self.revision)

    def _config(self) -> PretrainedConfig:
        """Return the encoder's configuration without SpecAugment and LayerDrop.

        Both draw from global random state, which would make training irreproducible. Raises
        `InputError` for an unsupported encoder or a layer that it does not have.
        """
        config = hub_files.config(self._folder())
        if config.model_type not in ENCODERS:
            raise InputError(
                f"ssl: {self.model} is a model of type {config.model_type}; it must be one of"
                f" {', '.join(ENCODERS)}"
            )
        if self.layer > config.num_hidden_layers:
            raise InputError(
                f"ssl: {self.model} has {config.num_hidden_layers} layers, so there is no layer"
                f" {self.layer}"
            )
        config.apply_spec_augment = False
        config.layerdrop = 0.0
        return config

    def _network(self, encoder: PreTrainedModel) -> nn.Module:
        extractor = hub_files.extractor(self._folder())
        if extractor.sampling_rate != SAMPLE_RATE:
            raise InputError(
                f"ssl: {self.model} takes {extractor.sampling_rate} Hz; want {SAMPLE_RATE} Hz"
            )
        layer = None if self.weighted else self.layer
        top = head(self.pooling, encoder.config.hidden_size)
        return Network(encoder, top, layer, extractor.do_normalize, self.finetune)


class Network(nn.Module):
    """Network that maps waveforms (B, samples) to scores (B,)."""

    def __init__(
        self,
        encoder: PreTrainedModel,
        head: nn.Module,
        layer: int | None,
        normalise: bool,
        finetune: bool,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.layer = layer
        self.normalise = normalise
        self.finetune = finetune
        layers = encoder.config.num_hidden_layers + 1
        self.shares = nn.Parameter(torch.zeros(layers)) if layer is None else None
        encoder.requires_grad_(finetune)
        encoder.get_submodule("feature_extractor").requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Network:
        """Set the mode, but keep frozen parts in evaluation mode: no dropout, fixed statistics."""
        super().train(mode)
        self.encoder.train(mode and self.finetune)
        self.encoder.get_submodule("feature_extractor").eval()
        return self

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        return self.head(self.features(waves))

    def features(self, waves: torch.Tensor) -> torch.Tensor:
        """Return features (B, frames, size) of the layer, or the weighted mean of all layers."""
        if self.normalise:
            centred = waves - waves.mean(dim=1, keepdim=True)
            waves = centred / (centred.square().mean(dim=1, keepdim=True) + SMALLEST).sqrt()
        with torch.set_grad_enabled(self.finetune and torch.is_grad_enabled()):
            if self.layer is not None:
                return speech_encoders.layer_input(self.encoder, waves, self.layer)
            layers = self.encoder(waves, output_hidden_states=True).hidden_states
        assert self.shares is not None
        shares = self.shares.softmax(dim=0)
        return torch.stack([w * h for w, h in zip(shares, layers, strict=True)]).sum(dim=0)
