"""Checkpoints: a detector's weights on disk, with the facts of their training or origin.

Our own checkpoints are safetensors files. Other people's are state dicts written by `torch.save`:
pickles, from which only arrays are ever read.
"""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from benchmark.audio import discovery
from benchmark.core import atomic_files, json_text, plugin_source, trust
from benchmark.core.errors import InputError, one_line
from detectors.contract.base import Arrays, Detector, TensorDetector, registry
from detectors.contract.function_detector import FunctionDetector

FORMAT = 1
FLOAT32 = "float32"
OURS = ".safetensors"
PARALLEL = "module."  # prefix that DataParallel adds to every name
NATIVE = (torch.float16, torch.float32, torch.float64)  # floating-point types of NumPy too
GLOBAL = re.compile(r"GLOBAL ([\w.]+)")  # the class that torch names when it refuses a pickle
FAIRSEQ = ("fairseq.", "omegaconf.", "argparse.")  # modules of the classes that fairseq pickles


@dataclass(frozen=True)
class Checkpoint:
    """One detector's weights on disk, and the precision in which they score.

    name     : the name in tables: the detector's own name, or one that shows how it was trained
               or in which precision it scores
    identity : detector, version, source of a plugin, input, weights digest and (if not float32)
               precision in one string, which identifies the scores
    facts    : the training's configuration, seed, data digests and figures, or the source of
               published weights
    """

    name: str
    path: Path
    identity: str
    facts: dict[str, Any]
    precision: str = FLOAT32

    @property
    def detector(self) -> str:
        """The registered name of the detector that the weights belong to."""
        return str(self.facts["detector"])

    def arrays(self) -> Arrays:
        """Return the weights under the network's names; `InputError` if they cannot be read.

        Empty for a ready-made detector, which loads its own weights.
        """
        if registry.get(self.detector).ready_made:
            return {}
        if self.path.suffix == OURS:
            return _arrays(safetensors.torch.load(self.path.read_bytes()), self.path)
        item = registry.get(self.detector)()
        assert isinstance(item, TensorDetector)
        arrays = _not_parallel(state_dict(self.path), item)
        try:
            return item.adopt(arrays)
        except InputError as error:
            raise InputError(f"{self.path} does not fit {self.detector} ({error})") from error


def save(path: Path, arrays: Arrays, facts: dict[str, Any]) -> None:
    """Write a checkpoint atomically; JSON must be able to represent `facts`, with `detector`."""
    metadata = {"launderbench": json.dumps({"format": FORMAT, **facts}, sort_keys=True)}
    contiguous = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    atomic_files.write(path, safetensors.numpy.save(contiguous, metadata=metadata))


def load(path: Path, trusted: Collection[str] = ()) -> Checkpoint:
    """Read a checkpoint's header.

    trusted : detectors that the user spelled, which may run programs and open files

    Raises `InputError` if the file is absent, damaged, of a newer format or not ours, or names a
    detector that does more than load these very weights.
    """
    if not path.is_file():
        raise InputError(f"checkpoint not found: {path}")
    try:
        with safe_open(path, framework="numpy") as handle:
            metadata = handle.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a safetensors checkpoint ({error})") from error
    if "launderbench" not in metadata:
        raise InputError(f"{path} is a safetensors file without LaunderBench's training facts")
    facts = _facts(path, metadata["launderbench"])
    spelling = facts["detector"]
    item = registry.from_file(spelling, path, trusted)
    if item.ready_made and not any(trust.same(text, spelling) for text in trusted):
        trust.check(spelling, "takes no weights from a checkpoint", path)
    name = facts.get("name", facts["detector"])
    return Checkpoint(name, path, _identity(facts["detector"], path), facts)


def _facts(path: Path, text: str) -> dict[str, Any]:
    """Return the facts in a header; `InputError` if they are not what `save` writes."""
    try:
        facts = json_text.parse(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: its facts are no JSON ({one_line(error)})") from error
    if not isinstance(facts, dict):
        raise InputError(f"{path} is damaged: its facts are no JSON object")
    found = facts.get("format", FORMAT)
    if found != FORMAT:
        newer = isinstance(found, int) and found > FORMAT
        cause = "of a newer version: update LaunderBench" if newer else "unknown here"
        raise InputError(f"{path} has the format {found!r}, which is {cause}")
    if "detector" not in facts:
        raise InputError(f"{path} does not name the detector that it belongs to")
    for key in ("detector", "name"):
        if not isinstance(facts.get(key, ""), str):
            raise InputError(f"{path} is damaged: {key} is {facts[key]!r}, not text")
    return facts


def foreign(name: str, path: Path, facts: dict[str, Any]) -> Checkpoint:
    """Return a checkpoint of detector `name` from a weight file: a state dict, or our safetensors.

    `facts` describe the source of a state dict. Raises `InputError` if the file is absent, belongs
    to another detector, or the detector is not a network. Whether the weights fit the network is
    only checked when they are loaded.
    """
    if path.suffix == OURS:
        ours = load(path, (name,))
        if ours.detector != name:
            raise InputError(f"{path} holds weights of detector {ours.detector!r}, not of {name!r}")
        return ours
    if not path.is_file():
        raise InputError(f"weight file not found: {path}")
    if not issubclass(registry.get(name), TensorDetector):
        raise InputError(f"detector {name!r} is not a network: it takes no weight file")
    return Checkpoint(
        name, path, _identity(name, path), {"detector": name, **_origin(name), **facts}
    )


def _origin(name: str) -> dict[str, Any]:
    """Return what the detector says of its authors' weights: their training and licence."""
    item = registry.get(name)
    said = {"trained_on": dict(item.trained_on), "licence": item.licence, "terms": item.terms}
    return {key: value for key, value in said.items() if value}


def ready_made(name: str) -> Checkpoint:
    """Return the checkpoint of a ready-made detector, identified by the content of its files.

    Raises `InputError` if a file is absent.
    """
    item = registry.get(name)()
    files_ = item.files()
    facts = {
        "detector": name,
        "files": {path.name: discovery.digest([path]) for path in files_},
        **item.facts(),
    }
    return Checkpoint(name, files_[0] if files_ else Path(), _identity(name, *files_), facts)


def state_dict(path: Path) -> Arrays:
    """Read the named arrays of a file written by `torch.save`.

    They may be in the file's only nested dict of arrays, as in training checkpoints that also
    store an epoch (`{"state_dict": ...}`, `{"model": ...}`). Types that NumPy lacks (bfloat16)
    become float32, which represents them exactly. Raises `InputError` if the file is damaged,
    contains no or several state dicts, or contains code: it is refused before any code runs.
    """
    try:
        # torch also warns about content that is refused here, or that it reads correctly
        with warnings.catch_warnings(action="ignore"):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is refused and was not executed: {_what_is_pickled(str(error))}"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise InputError(f"{path} is damaged or not a PyTorch weight file") from error
    return _arrays(_tensors(found, path), path)


def _what_is_pickled(refusal: str) -> str:
    """Say what a refused file holds beside arrays, and what to save instead."""
    found = GLOBAL.search(refusal)
    name = found[1] if found else ""
    if name.startswith(FAIRSEQ):
        return (
            f"it pickles a class of fairseq's training ({name}); a weight file may contain only"
            " arrays: where fairseq is installed, save the detector's model.state_dict() alone"
        )
    return "a weight file may contain only arrays" + (f", and it pickles {name}" if name else "")


def _tensors(found: object, path: Path) -> dict[str, torch.Tensor]:
    """Return the only state dict in a file's content; `InputError` if there are none or several."""
    if _is_state_dict(found):
        return found
    if isinstance(found, dict):
        nested = {key: value for key, value in found.items() if _is_state_dict(value)}
        loose = any(isinstance(value, torch.Tensor) and value.ndim for value in found.values())
        if len(nested) == 1 and not loose:
            return next(iter(nested.values()))
        if nested:
            names = ", ".join(map(repr, nested))
            more = " and arrays outside of them" if loose else ""
            raise InputError(
                f"{path} contains several state dicts or parts of one ({names}{more}):"
                " save only the one to use"
            )
    raise InputError(f"{path} contains no state dict (a dict of names to arrays)")


def _is_state_dict(found: object) -> TypeGuard[dict[str, torch.Tensor]]:
    return (
        isinstance(found, dict)
        and bool(found)
        and all(isinstance(v, torch.Tensor) for v in found.values())
    )


def _arrays(tensors: Mapping[str, torch.Tensor], path: Path) -> Arrays:
    arrays = {}
    for key, value in tensors.items():
        tensor = value.detach()
        if tensor.is_floating_point() and tensor.dtype not in NATIVE:
            tensor = tensor.float()
        try:
            arrays[str(key)] = tensor.numpy()
        except (TypeError, RuntimeError) as error:
            raise InputError(f"{path}: the array {key} cannot be read ({tensor.dtype})") from error
    return arrays


def _not_parallel(arrays: Arrays, item: TensorDetector) -> Arrays:
    """Remove the prefix that DataParallel adds to every name, unless the network has it itself."""
    if not all(name.startswith(PARALLEL) for name in arrays):
        return arrays
    if any(name.startswith(PARALLEL) for name in item.blueprint().state_dict()):
        return arrays
    return {name.removeprefix(PARALLEL): values for name, values in arrays.items()}


def _identity(name: str, *paths: Path) -> str:
    item = registry.get(name)
    spec = repr(item.input) if issubclass(item, TensorDetector) else "waves"
    digest = discovery.digest(paths)
    return f"{name}|v{item.version}{_source(item)}|{spec}|sha256:{digest}"


def _source(item: type[Detector]) -> str:
    """Return a digest of a plugin's source for its identity; '' for what is brought along.

    A function of a script or a notebook has only the version that its author gives.
    """
    source = plugin_source.of(item)
    if issubclass(item, FunctionDetector) and not source.opened:
        return ""
    return source.suffix
