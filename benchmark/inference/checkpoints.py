"""Checkpoints: a detector's weights on disk, and how they came about.

Our own are safetensors. Others' are state dicts as `torch.save` writes them: pickles, of which
nothing but arrays is ever read.
"""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from benchmark.audio import discovery
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from detectors.contract.base import Arrays, TensorDetector, registry

FORMAT = 1
FLOAT32 = "float32"
OURS = ".safetensors"
PARALLEL = "module."  # what DataParallel puts before every name
NATIVE = (torch.float16, torch.float32, torch.float64)  # the floats that NumPy has too
SHOWN = 3  # names of arrays, as examples

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Checkpoint:
    """One detector's weights on disk, and the precision in which they score.

    `name` is what it is called in tables: the detector's own name, or one that tells how it was
    trained or in which precision it scores. `identity` is detector, input, weights digest and, if
    it is not float32, precision in one string: it names the scores. `facts` are the training's
    configuration, seed, data digests and figures.
    """

    name: str
    path: Path
    identity: str
    facts: dict[str, Any]
    precision: str = FLOAT32

    @property
    def detector(self) -> str:
        """The name in the registry of the detector whose weights these are."""
        return str(self.facts["detector"])

    def arrays(self) -> Arrays:
        """The weights under the network's names; `InputError` where they cannot be read.

        None of a ready-made detector, which brings its own.
        """
        if registry.get(self.detector).ready_made:
            return {}
        if self.path.suffix == OURS:
            return _arrays(safetensors.torch.load(self.path.read_bytes()), self.path)
        item = registry.get(self.detector)()
        assert isinstance(item, TensorDetector)
        return item.adopt(_not_parallel(state_dict(self.path), item))


def save(path: Path, arrays: Arrays, facts: dict[str, Any]) -> None:
    """Write a checkpoint atomically; `facts` must hold `detector` and be JSON-able."""
    metadata = {"launderbench": json.dumps({"format": FORMAT, **facts}, sort_keys=True)}
    contiguous = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    atomic_files.write(path, safetensors.numpy.save(contiguous, metadata=metadata))


def load(path: Path) -> Checkpoint:
    """Read a checkpoint's head; `InputError` where the file is absent, damaged or not ours."""
    if not path.is_file():
        raise InputError(f"checkpoint not found: {path}")
    try:
        with safe_open(path, framework="numpy") as handle:
            metadata = handle.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a safetensors checkpoint ({error})") from error
    if "launderbench" not in metadata:
        raise InputError(f"{path} is a safetensors file without LaunderBench's training facts")
    facts = json.loads(metadata["launderbench"])
    if "detector" not in facts:
        raise InputError(f"{path} does not say of which detector it is")
    name = facts.get("name", facts["detector"])
    return Checkpoint(name, path, _identity(facts["detector"], path), facts)


def foreign(name: str, path: Path, facts: dict[str, Any]) -> Checkpoint:
    """Weights that were not trained here, for detector `name`: a state dict, or a file of ours.

    `facts` are where they come from. Raises `InputError` where the file is absent or the detector
    takes none; whether they fit is seen when they are loaded.
    """
    if path.suffix == OURS:
        ours = load(path)
        if ours.detector != name:
            raise InputError(f"{path} holds weights of detector {ours.detector!r}, not of {name!r}")
        return ours
    if not path.is_file():
        raise InputError(f"weight file not found: {path}")
    if not issubclass(registry.get(name), TensorDetector):
        raise InputError(f"detector {name!r} is no network: it takes no weight file")
    return Checkpoint(name, path, _identity(name, path), {"detector": name, **facts})


def ready_made(name: str) -> Checkpoint:
    """A detector that comes whole, named by the content of its files.

    Raises `InputError` where a file is absent.
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
    """The named arrays of a file that `torch.save` wrote, on the CPU.

    They may lie in the file's one nested dict of arrays, as trainers write it beside an epoch
    (`{"state_dict": ...}`, `{"model": ...}`). What NumPy lacks (bfloat16) becomes float32, which
    holds it exactly. Raises `InputError` where the file is damaged, holds anything else, or holds
    code: what is not an array is refused before it can run.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of what is refused or read all the same
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is refused and was not executed: as a weight file it may hold arrays alone"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise InputError(f"{path} is damaged or no PyTorch weight file") from error
    return _arrays(_tensors(found, path), path)


def misfit(wanted: Mapping[str, Shape], given: Mapping[str, Shape]) -> str:
    """In which names and shapes the arrays `given` differ from those `wanted`, in short."""
    missing = [name for name in wanted if name not in given]
    unexpected = [name for name in given if name not in wanted]
    shapes = [
        f"{name} {given[name]} instead of {wanted[name]}"
        for name in wanted
        if name in given and given[name] != wanted[name]
    ]
    said = [
        f"{len(names)} {what}, e.g. {', '.join(names[:SHOWN])}"
        for names, what in (
            (missing, "keys missing"), (unexpected, "unexpected"), (shapes, "of another shape")
        )
        if names
    ]  # fmt: skip
    prefix = next(iter(given), "").partition(".")[0] + "."
    if missing and {name.removeprefix(prefix) for name in given} == set(wanted):
        said.append(f"they would fit without the prefix {prefix!r}")
    return "; ".join(said)


def _tensors(found: object, path: Path) -> dict[str, torch.Tensor]:
    """The one state dict in what a file holds; `InputError` where there is none or several."""
    if _is_state_dict(found):
        return found
    if isinstance(found, dict):
        nested = {key: value for key, value in found.items() if _is_state_dict(value)}
        loose = any(isinstance(value, torch.Tensor) and value.ndim for value in found.values())
        if len(nested) == 1 and not loose:
            return next(iter(nested.values()))
        if nested:
            names = ", ".join(map(repr, nested))
            more = " beside arrays of its own" if loose else ""
            raise InputError(
                f"{path} holds several state dicts or parts of one ({names}{more}):"
                " save the one that is meant alone"
            )
    raise InputError(f"{path} holds no state dict (names to arrays)")


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
    """The arrays under the names that they had before DataParallel put its own before all."""
    if not all(name.startswith(PARALLEL) for name in arrays):
        return arrays
    if any(name.startswith(PARALLEL) for name in item.build().state_dict()):
        return arrays
    return {name.removeprefix(PARALLEL): values for name, values in arrays.items()}


def _identity(name: str, *paths: Path) -> str:
    item = registry.get(name)
    spec = repr(item.input) if issubclass(item, TensorDetector) else "waves"
    digest = discovery.digest(paths)
    return f"{name}|v{item.version}|{spec}|sha256:{digest}"
