"""A detector in an ONNX file, run by onnxruntime on the CPU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from benchmark.core.errors import InputError, unknown
from benchmark.core.parameters import text
from benchmark.frontends import spec_syntax
from detectors.contract.base import TensorDetector, detector
from detectors.external.model_file import as_rank, existing, tried
from detectors.external.readout import Readout, bonafide_choice, readout

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

TAKES, BONAFIDE, OUTPUT = "launderbench.takes", "launderbench.bonafide", "launderbench.output"
FLOAT = "tensor(float)"
# the entry `location` of a tensor whose values lie in a file beside the model (onnx.proto)
ELSEWHERE = re.compile(rb"\x0a\x08location\x12([\x01-\x7f])")


@detector("onnx")
@dataclass(frozen=True)
class OnnxFile(TensorDetector):
    """A network in an ONNX file with one float32 input.

    file     : path of the model
    takes    : its input, as `waveform(samples=64600)` or `log-mel(mels=80)`
    bonafide : the number of the bona fide class among its logits, or, where it puts out a single
               value, whether that is `high` or `low` for bona fide
    output   : the name of the output to read, where there are several

    The last three may stand in the file's metadata, as `launderbench.takes`,
    `launderbench.bonafide` and `launderbench.output`; a parameter has precedence.
    """

    summary = "a model in an ONNX file"
    citation = ""
    pretrained = True
    ready_made = True
    autocast = False
    file: str = text()
    takes: str = text()
    bonafide: str = bonafide_choice()
    output: str = text()

    def validate(self) -> None:
        self.read()

    def declared(self) -> dict[str, Any]:
        said = self.takes or _described(self.file).metadata.get(TAKES, "")
        if not said:
            raise InputError(
                f"onnx: say what {self.file} takes: takes=waveform(samples=64600), say, or the"
                f" entry {TAKES} in its metadata"
            )
        return {"input": spec_syntax.parse(said)}

    def files(self) -> tuple[Path, ...]:
        path = existing("onnx", self.file)
        return path, *_beside(path)

    def facts(self) -> dict[str, Any]:
        what, output = self.read()
        return {"output": output, "bonafide": what.index if what.index is not None else what.sign}

    def read(self) -> tuple[Readout, str]:
        """How its score is read, and of which output."""
        found = _described(self.file)
        what = readout(self.bonafide or found.metadata.get(BONAFIDE, ""), f"onnx: {self.file}")
        output = self.output or found.metadata.get(OUTPUT, "")
        if not output and len(found.outputs) > 1:
            names = ", ".join(found.outputs)
            raise InputError(f"onnx: {self.file} has several outputs: say output=, of {names}")
        if output and output not in found.outputs:
            raise unknown(f"output of {self.file}", output, found.outputs)
        return what, output or found.outputs[0]

    def build(self) -> nn.Module:
        path = existing("onnx", self.file)
        return tried(Network(_session(path), *self.read()), self.input, path)


class Network(nn.Module):
    """Batches of the declared input to scores (B,), by way of the CPU."""

    def __init__(self, session: InferenceSession, what: Readout, output: str) -> None:
        super().__init__()
        self.session = session
        self.what = what
        self.output = output
        (source,) = session.get_inputs()
        self.source = source.name
        self.rank = len(source.shape)
        # some models are made for batches of one size, most often of one
        self.size = source.shape[0] if source.shape and isinstance(source.shape[0], int) else None

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Scores (B,)."""
        given = as_rank(batch, self.rank).cpu().numpy()
        size = self.size or len(given)
        made = []
        for start in range(0, len(given), size):
            part = given[start : start + size]
            rows = len(part)
            filled = np.concatenate([part, np.repeat(part[-1:], size - rows, axis=0)])
            (values,) = self.session.run([self.output], {self.source: filled})
            made.append(torch.from_numpy(np.asarray(values, np.float32))[:rows])
        return self.what(torch.cat(made)).to(batch.device)


@dataclass(frozen=True)
class OnnxDescription:
    """Return the metadata of an ONNX file."""

    metadata: dict[str, str]
    outputs: tuple[str, ...]


def _described(file: str) -> OnnxDescription:
    path = existing("onnx", file)
    stat = path.stat()
    return _read(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=16)
def _read(path: Path, size: int, changed: int) -> OnnxDescription:
    """`size` and `changed` are of the file, so that a replaced one is read anew."""
    session = _session(path)
    sources = session.get_inputs()
    if len(sources) != 1 or sources[0].type != FLOAT:
        shown = ", ".join(f"{source.name}: {source.type}" for source in sources)
        raise InputError(f"onnx: {path} takes {shown}; want one input of {FLOAT}")
    metadata = session.get_modelmeta().custom_metadata_map
    return OnnxDescription(dict(metadata), tuple(output.name for output in session.get_outputs()))


def _session(path: Path) -> InferenceSession:
    """On one thread: its sums do not depend on the machine's cores."""
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(
            "onnx: onnxruntime is not installed: pip install launderbench[onnx]"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class of their own
        cause = " ".join(str(error).split())[:200]
        raise InputError(f"onnx: {path} is no model that onnxruntime can run ({cause})") from error


def _beside(path: Path) -> tuple[Path, ...]:
    """The files beside the model in which it keeps large tensors, sorted."""
    content = path.read_bytes()
    names = {
        content[match.end() : match.end() + match[1][0]].decode("utf-8", "replace")
        for match in ELSEWHERE.finditer(content)
    }
    return tuple(sorted(found for name in names if (found := path.parent / name).is_file()))
