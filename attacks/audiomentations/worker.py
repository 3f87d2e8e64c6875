"""The process in which audiomentations runs: it owns its global random generators.

Requests come in on standard input, answers go out on standard output: a line of JSON each, then
float32 samples. The process ends when standard input does, and so with its parent.
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
    """Answer until there is nothing more to read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a transform prints must not stand between the answers
    warnings.simplefilter("ignore")
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        wave = np.frombuffer(sys.stdin.buffer.read(4 * request["size"]), dtype=np.float32)
        try:
            made, drawn = apply(request, wave.copy())
            answer = {"size": made.size, "drawn": drawn}
        except Exception as error:  # noqa: BLE001 - the parent tells it, with the attack's name
            made, answer = np.zeros(0, dtype=np.float32), {"size": 0, "error": _told(error)}
        send(answers, answer, made)


def apply(request: dict[str, Any], wave: Wave) -> tuple[Wave, dict[str, Any]]:
    """The transformed wave and the parameters that the transform drew."""
    import audiomentations

    os.chdir(request["folder"])
    parameters = ast.literal_eval(request["parameters"])
    transform = getattr(audiomentations, request["transform"])(p=1.0, **parameters)
    random.seed(request["seed"])
    np.random.seed(request["seed"])  # noqa: NPY002 - what audiomentations draws from
    made = np.asarray(transform(wave, request["sample_rate"]), dtype=np.float32)
    if made.ndim != 1:
        raise ValueError(f"gave samples of shape {made.shape}")
    return np.ascontiguousarray(made), _drawn(transform)


def _drawn(transform: Any) -> dict[str, Any]:
    """Return the parameters that the transform drew, and those of transforms inside it."""
    drawn = {key: _plain(v) for key, v in transform.parameters.items() if key != "should_apply"}
    for name, part in vars(transform).items():
        if hasattr(part, "serialize_parameters"):
            drawn[name] = _drawn(part)
        elif isinstance(part, list) and part and hasattr(part[0], "serialize_parameters"):
            drawn[name] = [_drawn(one) for one in part]
    return drawn


def send(stream: IO[bytes], message: dict[str, Any], wave: Wave) -> None:
    """One line of JSON and the samples."""
    stream.write(json.dumps(message, allow_nan=False).encode() + b"\n" + wave.tobytes())
    stream.flush()


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _plain(value: Any) -> Any:
    """`value` in JSON's types; a number that JSON lacks, and anything else, as text."""
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
