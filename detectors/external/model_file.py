"""Helpers of detectors that wrap a model file: find the file, and try it on a noise batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmark import frontends
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError, one_line
from benchmark.frontends.specs import Input, WholeWaveform

BATCH = 2
SECONDS = 4


def existing(who: str, file: str) -> Path:
    """Return the path of the user's file; raise `InputError` if it is not given or not found."""
    if not file:
        raise InputError(f"{who}: no file given: write {who}(file=PATH, ...)")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"{who}: model file not found: {path}")
    return path


def as_rank(batch: torch.Tensor, rank: int) -> torch.Tensor:
    """Add or remove a channel dimension of size 1, if that gives `rank` dimensions."""
    if batch.dim() == rank + 1 and batch.shape[1] == 1:
        return batch.squeeze(1)
    return batch.unsqueeze(1) if batch.dim() == rank - 1 else batch


def tried(network: nn.Module, spec: Input, file: Path) -> nn.Module:
    """Return `network` after checking that it gives finite scores (B,) for a batch of noise.

    Raises `InputError`, which names the file, if it rejects the input or gives no such scores.
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
    except Exception as error:  # runtimes raise errors of many classes
        cause = one_line(error)[:200]
        shape = tuple(batch.shape)
        raise InputError(f"{file} does not accept the declared input {shape} ({cause})") from error
    if scores.shape != (BATCH,) or not torch.isfinite(scores).all():
        shape = tuple(scores.shape)
        raise InputError(
            f"{file} does not give a finite score for each of {BATCH} utterances (shape {shape})"
        )
    return network
