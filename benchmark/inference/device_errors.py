"""Errors after which an accelerator computes nothing more in this process.

After an illegal access or the loss of a device, each later call on it fails, whatever its detector.
Such an error ends the run, so that no detector is blamed for it; the unit stays missing. Too little
memory is not of that kind.
"""

from __future__ import annotations

import torch

from benchmark.core.errors import InputError
from benchmark.core.foreign import described

STICKY = (  # parts of messages of CUDA and HIP, lower-case
    "illegal memory access",
    "illegal address",
    "illegal instruction",
    "misaligned address",
    "invalid program counter",
    "device-side assert",
    "device side assert",
    "unspecified launch failure",
    "launch timed out",
    "hardware stack error",
    "uncorrectable ecc",
    "ecc error",
    "uncorrectable nvlink",
    "device is lost",
    "device lost",
    "has fallen off the bus",
    "gpu is lost",
    "device(s) is/are busy or unavailable",
    "no cuda-capable device",
    "driver shutting down",
    "context is destroyed",
    "mps client terminated",
)
_SHOWN = 200  # characters of the error that the message quotes


class DeviceLost(InputError):
    """The accelerator of this process is gone: the run stops, its unit stays missing."""

    def __init__(self, device: torch.device | str, detector: str, error: BaseException) -> None:
        text = " ".join(described(error).split())[:_SHOWN]
        super().__init__(
            f"{device} failed while {detector} scored, and computes nothing more in this process"
            f" ({text}): the unit stays missing and finished units are kept; run again, and if it"
            f" fails again, without {detector}"
        )

    def __reduce__(self) -> tuple[type[InputError], tuple[str]]:
        return InputError, (str(self),)


def sticky(error: BaseException) -> bool:
    """Return whether all later work on the accelerator fails too.

    >>> sticky(RuntimeError("CUDA error: an illegal memory access was encountered"))
    True
    >>> sticky(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    False
    """
    if isinstance(error, torch.OutOfMemoryError):
        return False
    if not isinstance(error, RuntimeError):  # torch.AcceleratorError is one
        return False
    text = described(error).lower()
    return any(part in text for part in STICKY)
