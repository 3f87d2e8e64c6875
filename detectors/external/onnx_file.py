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

from benchmark.core.errors import InputError, one_line, unknown
from benchmark.core.parameters import text
from benchmark.frontends import spec_syntax
from detectors.contract.base import TensorDetector, detector
from detectors.external.model_file import as_rank, existing, tried
from detectors.external.readout import Readout, bonafide_choice, readout

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

TAKES, BONAFIDE, OUTPUT = "launderbench.takes", "launderbench.bonafide", "launderbench.output"
FLOAT = "tensor(float)"
# the entry `location` of a tensor whose values are stored in a separate file (onnx.proto)
LOCATION = re.compile(rb"\x0a\x08location\x12([\x01-\x7f])")


@detector("onnx")
@dataclass(frozen=True)
class OnnxFile(TensorDetector):
    """A network in an ONNX file with one float32 input.

    file     : path of the model
    takes    : its input, such as `waveform(samples=64600)` or `log-mel(mels=80)`
    bonafide : the index of the bona fide class among its logits; for a model with a single output
               value, `high` or `low`: the direction that means bona fide
    output   : the name of the output to read, if there are several

    The file's metadata may give the last three, as `launderbench.takes`, `launderbench.bonafide`
    and `launderbench.output`; a parameter takes precedence.
    """

    summary = "a model in an ONNX file"
    citation = ""
    pretrained = True
    ready_made = True
    autocast = False
    on_cpu = True
    file: str = text()
    takes: str = text()
    bonafide: str = bonafide_choice()
    output: str = text()

    def validate(self) -> None:
        self.read()

    def declared(self) -> dict[str, Any]:
        takes = self.takes or _description(self.file).metadata.get(TAKES, "")
        if not takes:
            raise InputError(
                f"onnx: the input of {self.file} is not declared: add it, for example"
                f" takes=waveform(samples=64600), or set {TAKES} in the file's metadata"
            )
        return {"input": spec_syntax.parse(takes)}

    def files(self) -> tuple[Path, ...]:
        path = existing("onnx", self.file)
        return path, *_external_data(path)

    def facts(self) -> dict[str, Any]:
        score_readout, output = self.read()
        index = score_readout.index
        return {"output": output, "bonafide": index if index is not None else score_readout.sign}

    def read(self) -> tuple[Readout, str]:
        """Return how to compute the score, and the name of the output to compute it from.

        Raises `InputError` if the declaration is missing or does not fit the file.
        """
        found = _description(self.file)
        score_readout = readout(
            self.bonafide or found.metadata.get(BONAFIDE, ""), f"onnx: {self.file}"
        )
        output = self.output or found.metadata.get(OUTPUT, "")
        if not output and len(found.outputs) > 1:
            names = ", ".join(found.outputs)
            raise InputError(
                f"onnx: {self.file} has several outputs: add output=NAME, one of {names}"
            )
        if output and output not in found.outputs:
            raise unknown(f"output of {self.file}", output, found.outputs)
        return score_readout, output or found.outputs[0]

    def build(self) -> nn.Module:
        path = existing("onnx", self.file)
        return tried(Network(_session(path), *self.read()), self.input, path)


class Network(nn.Module):
    """Network that maps a batch of the declared input to scores (B,), always on the CPU."""

    def __init__(self, session: InferenceSession, readout: Readout, output: str) -> None:
        super().__init__()
        self.session = session
        self.readout = readout
        self.output = output
        (source,) = session.get_inputs()
        self.source = source.name
        self.rank = len(source.shape)
        # some models have a fixed batch size, most often 1
        self.size = source.shape[0] if source.shape and isinstance(source.shape[0], int) else None

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide."""
        inputs = as_rank(batch, self.rank).cpu().numpy()
        size = self.size or len(inputs)
        outputs = []
        for start in range(0, len(inputs), size):
            part = inputs[start : start + size]
            rows = len(part)
            filled = np.concatenate([part, np.repeat(part[-1:], size - rows, axis=0)])
            (values,) = self.session.run([self.output], {self.source: filled})
            outputs.append(torch.from_numpy(np.asarray(values, np.float32))[:rows])
        return self.readout(torch.cat(outputs)).to(batch.device)


@dataclass(frozen=True)
class OnnxDescription:
    """Metadata and output names of an ONNX file."""

    metadata: dict[str, str]
    outputs: tuple[str, ...]


def _description(file: str) -> OnnxDescription:
    """Return the metadata and output names of `file`; `InputError` if it cannot be read."""
    path = existing("onnx", file)
    stat = path.stat()
    return _cached_description(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=16)
def _cached_description(path: Path, size: int, changed: int) -> OnnxDescription:
    """Read the description; `size` and `changed` are cache keys, so a replaced file is re-read."""
    session = _session(path)
    sources = session.get_inputs()
    if len(sources) != 1 or sources[0].type != FLOAT:
        shown = ", ".join(f"{source.name}: {source.type}" for source in sources)
        raise InputError(f"onnx: {path} has the inputs {shown}: it must have one input of {FLOAT}")
    metadata = session.get_modelmeta().custom_metadata_map
    return OnnxDescription(dict(metadata), tuple(output.name for output in session.get_outputs()))


def _session(path: Path) -> InferenceSession:
    """Open the model on one thread, so that sums do not depend on the number of cores."""
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
    except Exception as error:  # onnxruntime's errors have no common class
        cause = one_line(error)[:200]
        raise InputError(f"onnx: onnxruntime cannot run {path} ({cause})") from error


def _external_data(path: Path) -> tuple[Path, ...]:
    """Return the separate files that hold large tensors of the model, sorted."""
    content = path.read_bytes()
    names = {
        content[match.end() : match.end() + match[1][0]].decode("utf-8", "replace")
        for match in LOCATION.finditer(content)
    }
    return tuple(sorted(found for name in names if (found := path.parent / name).is_file()))
