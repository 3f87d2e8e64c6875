"""The arithmetic in which networks score: float32 by default, TF32 or bf16 on request.

Only torch networks that the run itself computes use TF32 or bf16. Frontends and all other
detectors (mixtures, ONNX files, external programs) always compute in float32.
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
TF32_FROM = (8, 0)  # lowest CUDA compute capability with TF32


def require(precision: str, device: torch.device) -> None:
    """Raise `InputError` if `precision` is unknown, or if `device` does not support it."""
    if precision not in MODES:
        raise unknown("precision", precision, MODES)
    if precision != TF32:
        return
    if device.type != "cuda":
        raise InputError(
            f"--precision {TF32} is a mode of CUDA devices, and this run is on {device}: use"
            f" {FLOAT32} or {BF16}"
        )
    if torch.cuda.get_device_capability(device) < TF32_FROM:
        name = torch.cuda.get_device_name(device)
        raise InputError(f"--precision {TF32}: {name} is too old for it: use {FLOAT32} or {BF16}")


def supports(checkpoint: Checkpoint) -> bool:
    """Return whether this detector can score in another precision than float32."""
    return registry.get(checkpoint.detector).autocast


def in_precision(checkpoint: Checkpoint, precision: str) -> Checkpoint:
    """Return the checkpoint set to score in `precision`, which its name and identity then show.

    A detector that always scores in float32 is returned unchanged.
    """
    if precision == FLOAT32 or not supports(checkpoint):
        return checkpoint
    return replace(
        checkpoint,
        name=f"{checkpoint.name}@{precision}",
        identity=f"{checkpoint.identity}|{precision}",
        precision=precision,
    )


def exact() -> None:
    """Make CUDA compute in float32, and by the same kernels whenever shapes are the same.

    Networks are scored and trained so. It has no effect on a CPU.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


@contextmanager
def repeatable_attention() -> Iterator[None]:
    """Let CUDA compute attention by the kernel whose gradients are the same in every training.

    The gradients of the others are sums in an order that changes. It has no effect on a CPU.
    """
    cuda = torch.backends.cuda
    before = cuda.flash_sdp_enabled(), cuda.mem_efficient_sdp_enabled(), cuda.cudnn_sdp_enabled()
    setters = cuda.enable_flash_sdp, cuda.enable_mem_efficient_sdp, cuda.enable_cudnn_sdp
    for setter in setters:
        setter(False)
    try:
        yield
    finally:
        for setter, value in zip(setters, before, strict=True):
            setter(value)


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Make torch compute in `precision` inside the context.

    bf16 uses autocast, which rounds the operands of convolutions and matrix products and leaves
    operations that need float32 in float32. TF32 rounds the operands of the same products to
    mantissas of 10 bits.
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
