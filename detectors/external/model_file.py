"""Base of detectors from a model file: the file, and a first try on one batch of noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmark import frontends
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError
from benchmark.frontends.specs import Input, WholeWaveform

BATCH = 2
SECONDS = 4


def existing(who: str, file: str) -> Path:
    """The file at the path that the user gave; `InputError` where none is given or there."""
    if not file:
        raise InputError(f"{who}: say which file: {who}(file=PATH, ...)")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"{who}: model file not found: {path}")
    return path


def as_rank(batch: torch.Tensor, rank: int) -> torch.Tensor:
    """The batch with its channel dimension taken out or put in, if that makes it `rank` deep."""
    if batch.dim() == rank + 1 and batch.shape[1] == 1:
        return batch.squeeze(1)
    return batch.unsqueeze(1) if batch.dim() == rank - 1 else batch


def tried(network: nn.Module, spec: Input, file: Path) -> nn.Module:
    """`network`, once it has given finite scores (B,) for a batch of noise.

    Raises `InputError` naming the file where it does not take that input or gives no scores.
    """
    rng = np.random.default_rng(0)
    length = SECONDS * SAMPLE_RATE
    if isinstance(spec, WholeWaveform):
        length = max(length, spec.shortest)
    noise = 0.1 * rng.standard_normal((BATCH, length)).astype(np.float32)
    batch = frontends.batch(spec, [*noise], torch.device("cpu"))
    try:
        with torch.inference_mode():
            scores = network(batch)
    except InputError as error:
        raise InputError(f"{file} {error}") from error
    except Exception as error:  # what a runtime raises at a model's mistakes is its own business
        cause = " ".join(str(error).split())[:200]
        shape = tuple(batch.shape)
        raise InputError(f"{file} does not take the declared input {shape} ({cause})") from error
    if scores.shape != (BATCH,) or not torch.isfinite(scores).all():
        shape = tuple(scores.shape)
        raise InputError(f"{file} gives no score for each of {BATCH} utterances (shape {shape})")
    return network
