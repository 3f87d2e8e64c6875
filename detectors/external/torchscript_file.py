"""A detector in a TorchScript file.

Such a file is a program, and loading it runs that program with the user's permissions. Only a path
that the user gives is loaded, so give only files that you trust.
"""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmark.core.errors import InputError, one_line
from benchmark.core.parameters import integer, text
from benchmark.frontends import spec_syntax
from detectors.contract.base import TensorDetector, detector
from detectors.external.model_file import as_rank, existing, tried
from detectors.external.readout import Readout, bonafide_choice, readout


@detector("torchscript")
@dataclass(frozen=True)
class TorchScriptFile(TensorDetector):
    """A scripted or traced network that maps one float32 batch to one tensor.

    file     : path of the program, as `torch.jit.save` writes it
    takes    : its input, such as `waveform(samples=64600)` or `log-mel(mels=80)`
    bonafide : the index of the bona fide class among its logits; for a model with a single output
               value, `high` or `low`: the direction that means bona fide
    rank     : the number of dimensions of its input, if that differs from the declared input: a
               channel dimension of 1 is then removed or added (0: no change)
    """

    summary = "a model in a TorchScript file, which is a program: load only what you trust"
    citation = ""
    pretrained = True
    ready_made = True
    file: str = text()
    takes: str = text()
    bonafide: str = bonafide_choice()
    rank: int = integer(0, low=0, high=5)

    def validate(self) -> None:
        _checked_path(self.file)
        readout(self.bonafide, f"torchscript: {self.file}")
        if not self.takes:
            raise InputError(
                f"torchscript: the input of {self.file} is not declared: add it, for example"
                " takes=waveform(samples=64600)"
            )

    def declared(self) -> dict[str, Any]:
        return {"input": spec_syntax.parse(self.takes)}

    def files(self) -> tuple[Path, ...]:
        return (_checked_path(self.file),)

    def build(self) -> nn.Module:
        path = _checked_path(self.file)
        try:
            with warnings.catch_warnings(action="ignore"):  # deprecation of TorchScript
                program = torch.jit.load(path, map_location="cpu").eval()
        except RuntimeError as error:
            cause = one_line(error)[:200]
            raise InputError(f"torchscript: {path} cannot be loaded ({cause})") from error
        score_readout = readout(self.bonafide, f"torchscript: {path}")
        return tried(Network(program, score_readout, self.rank), self.input, path)


class Network(nn.Module):
    """Network that maps a batch of the declared input to scores (B,)."""

    def __init__(self, program: nn.Module, readout: Readout, rank: int) -> None:
        super().__init__()
        self.program = program
        self.readout = readout
        self.rank = rank

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        outputs = self.program(as_rank(batch, self.rank) if self.rank else batch)
        if not isinstance(outputs, torch.Tensor):
            raise InputError(f"returns {type(outputs).__name__}, not one tensor")
        return self.readout(outputs.float())


def _checked_path(file: str) -> Path:
    """Return the path if the file looks like a TorchScript program, without loading it.

    Raises `InputError` otherwise.
    """
    path = existing("torchscript", file)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(
            f"torchscript: {path} is not a TorchScript program (damaged, or a bare pickle) and was"
            " not loaded"
        ) from error
    if not any(name.endswith("/constants.pkl") for name in names):
        raise InputError(
            f"torchscript: {path} is not a TorchScript program but a pickle from torch.save: it was"
            " not loaded; write a program with torch.jit.save"
        )
    return path
