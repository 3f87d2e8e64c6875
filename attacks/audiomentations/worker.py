"""Worker process for audiomentations, with global random generators of its own.

Requests arrive on standard input, and answers leave on standard output: one line of JSON each,
followed by float32 samples. The process ends when standard input closes, and so with its parent.
"""

from __future__ import annotations

import ast
import json
import os
import random
import signal
import sys
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float32]


def main() -> None:
    """Answer requests until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a transform's printed output must not mix with the answers
    warnings.simplefilter("ignore")
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        wave = np.frombuffer(sys.stdin.buffer.read(4 * request["size"]), dtype=np.float32)
        try:
            output, drawn = apply(request, wave.copy())
            answer = {"size": output.size, "drawn": drawn}
        except Exception as error:  # noqa: BLE001 - the parent reports it with the attack's name
            output, answer = np.zeros(0, dtype=np.float32), {"size": 0, "error": _error_line(error)}
        send(answers, answer, output)


def apply(request: dict[str, Any], wave: Wave) -> tuple[Wave, dict[str, Any]]:
    """Apply the requested transform; return the wave and the parameters that were drawn."""
    import audiomentations

    os.chdir(request["folder"])
    parameters = ast.literal_eval(request["parameters"])
    transform = getattr(audiomentations, request["transform"])(p=1.0, **parameters)
    random.seed(request["seed"])
    np.random.seed(request["seed"])  # noqa: NPY002 - audiomentations draws from it
    output = np.asarray(transform(wave, request["sample_rate"]), dtype=np.float32)
    if output.ndim != 1:
        raise ValueError(f"returned samples of shape {output.shape}")
    return np.ascontiguousarray(output), _drawn(transform)


def _drawn(transform: Any) -> dict[str, Any]:
    """Return the parameters drawn by the transform and by the transforms inside it."""
    drawn = {key: _plain(v) for key, v in transform.parameters.items() if key != "should_apply"}
    for name, part in vars(transform).items():
        if hasattr(part, "serialize_parameters"):
            drawn[name] = _drawn(part)
        elif isinstance(part, list) and part and hasattr(part[0], "serialize_parameters"):
            drawn[name] = [_drawn(one) for one in part]
    return drawn


def send(stream: IO[bytes], message: dict[str, Any], wave: Wave) -> None:
    """Write one line of JSON, then the samples."""
    stream.write(json.dumps(message, allow_nan=False).encode() + b"\n" + wave.tobytes())
    stream.flush()


def _error_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _plain(value: Any) -> Any:
    """Return `value` in JSON types; non-finite numbers and all other types become text."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and np.isfinite(value):
        return value
    return value.name if isinstance(value, Path) else str(value)


if __name__ == "__main__":
    main()
