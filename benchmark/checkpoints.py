"""Checkpoints: a detector's weights and how they came about, as safetensors (never a pickle)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from benchmark import files
from benchmark.errors import InputError
from detectors.base import Arrays, TensorDetector, registry

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """One trained detector on disk.

    `identity` is name, input and weights digest in one string: it names the scores. `facts` are
    the training's configuration, seed, data digests and figures.
    """

    name: str
    path: Path
    identity: str
    facts: dict[str, Any]

    def arrays(self) -> Arrays:
        """The weights."""
        return safetensors.numpy.load_file(self.path)


def save(path: Path, arrays: Arrays, facts: dict[str, Any]) -> None:
    """Write a checkpoint atomically; `facts` must hold `detector` and be JSON-able."""
    metadata = {"launderbench": json.dumps({"format": FORMAT, **facts}, sort_keys=True)}
    contiguous = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    files.write(path, safetensors.numpy.save(contiguous, metadata=metadata))


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
    name = facts["detector"]
    item = registry.get(name)
    spec = repr(item.input) if issubclass(item, TensorDetector) else "waves"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Checkpoint(name, path, f"{name}|v{item.version}|{spec}|sha256:{digest}", facts)
