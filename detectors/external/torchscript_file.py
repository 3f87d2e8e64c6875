"""A detector in a TorchScript file.

Such a file is a program, and loading it runs that program with the rights of the user: only a path
that the user gives is ever loaded, and it should be a file that the user trusts.
"""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmark.core.errors import InputError
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
    takes    : its input, as `waveform(samples=64600)` or `log-mel(mels=80)`
    bonafide : the number of the bona fide class among its logits, or, where it puts out a single
               value, whether that is `high` or `low` for bona fide
    rank     : how many dimensions its input has, where that differs from our inputs': a channel of
               one is then taken out or put in (0: as it is)
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
        _program(self.file)
        readout(self.bonafide, f"torchscript: {self.file}")
        if not self.takes:
            raise InputError(
                f"torchscript: say what {self.file} takes: takes=waveform(samples=64600), say"
            )

    def declared(self) -> dict[str, Any]:
        return {"input": spec_syntax.parse(self.takes)}

    def files(self) -> tuple[Path, ...]:
        return (_program(self.file),)

    def build(self) -> nn.Module:
        path = _program(self.file)
        try:
            with warnings.catch_warnings(action="ignore"):  # that TorchScript is getting old
                program = torch.jit.load(path, map_location="cpu").eval()
        except RuntimeError as error:
            cause = " ".join(str(error).split())[:200]
            raise InputError(f"torchscript: {path} cannot be loaded ({cause})") from error
        what = readout(self.bonafide, f"torchscript: {path}")
        return tried(Network(program, what, self.rank), self.input, path)


class Network(nn.Module):
    """Batches of the declared input to scores (B,)."""

    def __init__(self, program: nn.Module, what: Readout, rank: int) -> None:
        super().__init__()
        self.program = program
        self.what = what
        self.rank = rank

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Scores (B,)."""
        outputs = self.program(as_rank(batch, self.rank) if self.rank else batch)
        if not isinstance(outputs, torch.Tensor):
            raise InputError(f"puts out {type(outputs).__name__}, not one tensor")
        return self.what(outputs.float())


def _program(file: str) -> Path:
    """The file, if it has the parts of a TorchScript program; nothing of it is loaded here."""
    path = existing("torchscript", file)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(
            f"torchscript: {path} holds no TorchScript program (damaged, or a bare pickle) and was"
            " not loaded"
        ) from error
    if not any(name.endswith("/constants.pkl") for name in names):
        raise InputError(
            f"torchscript: {path} holds no TorchScript program, but a pickle as torch.save writes"
            " it: it is refused and was not loaded; torch.jit.save writes programs"
        )
    return path
