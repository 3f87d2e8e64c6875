"""Encoders that published systems were trained on: their sizes, and what they give of a wave.

They are built from the sizes below on `transformers`' classes, so nothing is downloaded: a
published file holds the whole encoder. Attention is torch's scaled dot-product attention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from benchmark.core.errors import InputError
from detectors.external import hub_files

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SHORTEST = 400  # samples of the first frame
EPSILON = 1e-5  # added to the variance of a wave, as in fairseq and s3prl


@dataclass(frozen=True)
class EncoderShape:
    """The size of a wav2vec 2.0 or HuBERT encoder.

    kind       : `wav2vec2` or `hubert`
    layers     : number of transformer layers
    width      : features of a frame
    inner      : units of the feed-forward layers
    heads      : attention heads
    group_norm : the original design (wav2vec 2.0 Base): one group norm in the convolutions, and
                 layer norms after attention and feed-forward; otherwise before them
    conv_bias  : whether the convolutions have a bias
    channels   : of the convolutions
    """

    layers: int
    width: int
    inner: int
    heads: int
    kind: str = "wav2vec2"
    group_norm: bool = False
    conv_bias: bool = True
    channels: int = 512

    def __str__(self) -> str:
        return f"{self.layers} layers of {self.width} features"


LARGE = EncoderShape(24, 1024, 4096, 16)  # XLS-R 300M, MMS 300M, XLSR-53, wav2vec 2.0 Large LV-60
HUGE = EncoderShape(48, 1280, 5120, 16)  # XLS-R 1B, MMS 1B
LARGEST = EncoderShape(48, 1920, 7680, 16)  # XLS-R 2B
BASE = EncoderShape(12, 768, 3072, 12, group_norm=True, conv_bias=False)  # wav2vec 2.0 Base
HUBERT_LARGE = EncoderShape(24, 1024, 4096, 16, "hubert", conv_bias=False)
HUBERT_HUGE = EncoderShape(48, 1280, 5120, 16, "hubert", conv_bias=False)


def encoder(shape: EncoderShape) -> PreTrainedModel:
    """Return an encoder of `shape`, newly initialised, without masking, dropout and LayerDrop.

    Raises `InputError` if `transformers` is not installed.
    """
    if cause := hub_files.lacking():
        raise InputError(cause)
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(
        shape.kind,
        num_hidden_layers=shape.layers,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_attention_heads=shape.heads,
        feat_extract_norm="group" if shape.group_norm else "layer",
        do_stable_layer_norm=not shape.group_norm,
        conv_bias=shape.conv_bias,
        conv_dim=[shape.channels] * 7,
        apply_spec_augment=False,
        **dict.fromkeys(
            ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout",
             "layerdrop"), 0.0,
        ),
    )  # fmt: skip
    return AutoModel.from_config(config, attn_implementation="sdpa")


def normalised(waves: torch.Tensor) -> torch.Tensor:
    """Return waves (B, T), each with mean 0 and variance 1."""
    return functional.layer_norm(waves, waves.shape[-1:], eps=EPSILON)


def last(model: nn.Module, waves: torch.Tensor) -> torch.Tensor:
    """Return the encoder's output (B, frames, width) for waves (B, T), after its last norm."""
    features: torch.Tensor = model(waves).last_hidden_state
    return features


def layer_input(model: nn.Module, waves: torch.Tensor, layer: int) -> torch.Tensor:
    """Return the input of a transformer layer (B, frames, width), and compute nothing above it.

    layer : its index from 0; the number of layers, or -1, for the output of the last one
    """
    layers = model.get_submodule("encoder.layers")
    assert isinstance(layers, nn.ModuleList)
    if layer in (-1, len(layers)):
        features: torch.Tensor = model(waves, output_hidden_states=True).hidden_states[-1]
        return features

    def leave(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        raise _ReachedError(inputs[0])

    hook = layers[layer].register_forward_pre_hook(leave)
    try:
        model(waves)
    except _ReachedError as reached:
        return reached.features
    finally:
        hook.remove()
    raise AssertionError("the encoder did not call its layer")


class _ReachedError(Exception):
    """Ends an encoder at a layer, with the input of that layer."""

    def __init__(self, features: torch.Tensor) -> None:
        super().__init__()
        self.features = features


def every_layer(model: nn.Module, waves: torch.Tensor) -> list[torch.Tensor]:
    """Return the input of the first transformer layer and the output of each, (B, frames, width).

    They are read from the layers themselves: versions of `transformers` differ in whether the last
    of the `hidden_states` is before or after the encoder's last norm.
    """
    found: list[torch.Tensor] = []
    layers = model.get_submodule("encoder.layers")
    assert isinstance(layers, nn.ModuleList)

    def keep_input(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        found.append(inputs[0])

    def keep_output(_: nn.Module, __: object, output: object) -> None:
        found.append(output[0] if isinstance(output, tuple) else output)  # type: ignore[arg-type]

    hooks = [layers[0].register_forward_pre_hook(keep_input)]
    hooks += [layer.register_forward_hook(keep_output) for layer in layers]
    try:
        model(waves)
    finally:
        for hook in hooks:
            hook.remove()
    return found
