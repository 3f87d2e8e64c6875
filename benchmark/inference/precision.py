"""The arithmetic in which networks score: float32, or TF32 or bf16 where that is asked for.

Frontends always compute in float32, and so does every detector that is no network of torch which
the run itself computes: mixtures, ONNX files, programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from benchmark.core.errors import InputError, unknown
from benchmark.inference.checkpoints import FLOAT32, Checkpoint
from detectors.contract.base import registry

TF32, BF16 = "tf32", "bf16"
MODES = (FLOAT32, TF32, BF16)
TF32_FROM = (8, 0)  # compute capability


def require(precision: str, device: torch.device) -> None:
    """Raise `InputError` where there is no such precision, or where `device` has none."""
    if precision not in MODES:
        raise unknown("precision", precision, MODES)
    if precision != TF32:
        return
    if device.type != "cuda":
        raise InputError(
            f"--precision {TF32} is a mode of CUDA devices, and this run is on {device}: want"
            f" {FLOAT32} or {BF16}"
        )
    if torch.cuda.get_device_capability(device) < TF32_FROM:
        name = torch.cuda.get_device_name(device)
        raise InputError(f"--precision {TF32}: {name} is too old for it: want {FLOAT32} or {BF16}")


def takes(checkpoint: Checkpoint) -> bool:
    """Can this detector be scored in another precision than float32?"""
    return registry.get(checkpoint.detector).autocast


def lowered(checkpoint: Checkpoint, precision: str) -> Checkpoint:
    """The detector as it scores in `precision`, under a name and an identity that say so.

    As it is where it always scores in float32.
    """
    if precision == FLOAT32 or not takes(checkpoint):
        return checkpoint
    return replace(
        checkpoint,
        name=f"{checkpoint.name}@{precision}",
        identity=f"{checkpoint.identity}|{precision}",
        precision=precision,
    )


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Let torch compute in `precision` inside the context.

    bf16: by autocast, which rounds the operands of convolutions and matrix products and leaves in
    float32 what needs it. TF32: the same products, with operands of 10 bits behind the point.
    """
    if precision == BF16:
        with torch.autocast(device.type, torch.bfloat16):
            yield
    elif precision == TF32:
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matmul.allow_tf32, cudnn.allow_tf32
        matmul.allow_tf32 = cudnn.allow_tf32 = True
        try:
            yield
        finally:
            matmul.allow_tf32, cudnn.allow_tf32 = before
    else:
        yield
