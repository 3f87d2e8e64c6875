"""Functions as detectors: a wave in, one score out, and nothing to train."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError
from detectors.contract.base import Arrays, Wave, WaveDetector

UNVERSIONED = "unversioned-"  # the version of a function whose scores are never reused
Scorer = Callable[[Wave], Any]  # returns one real number, higher = more bona fide


class FunctionDetector(WaveDetector):
    """A detector that calls a function with each wave, float32 (T,) at 16 kHz.

    A function has no identity that can be read off it. Its scores are therefore reused only under
    a `version` that its author gives. Without one, each process registers another version.
    """

    ready_made = True
    pretrained = True
    citation = ""

    function: ClassVar[Scorer]

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Return no state: a function learns nothing."""
        return {}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return scores (len(waves),); `InputError` if the function returns no number."""
        function = type(self).function
        return np.array([number(function(wave), self.name) for wave in waves], np.float32)


def of(name: str, function: Scorer, version: int | str | None = None) -> type[FunctionDetector]:
    """Return the detector class of a function.

    version : a value that the caller changes with the function; None: scores are never reused

    Raises `InputError` if `function` cannot be called.
    """
    if not callable(function):
        raise InputError(f"detector {name!r}: want a function of a wave, not {_kind(function)}")
    summary = (getattr(function, "__doc__", None) or "a function of the wave").strip()
    attributes = {
        "function": staticmethod(function),
        "__module__": getattr(function, "__module__", None) or __name__,
        "__doc__": summary,
        "name": name,
        "summary": summary.splitlines()[0],
        "version": f"{UNVERSIONED}{uuid.uuid4().hex}" if version is None else version,
    }
    return type("FunctionDetector", (FunctionDetector,), attributes)


def number(value: object, name: str) -> float:
    """Return a function's result as a score.

    Raises `InputError` that names the detector unless it is one real number: None, texts, arrays
    with several numbers and tensors are refused, because a silent conversion could hide an error.
    """
    if isinstance(value, (bool, np.bool_)):
        raise InputError(f"{_returned(name)} {value}: a decision is no score; return a number")
    if isinstance(value, (int, float, np.integer, np.floating)):
        return float(value)
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iuf":
        return float(value.reshape(()))
    if isinstance(value, np.ndarray):
        what = f"an array of shape {value.shape} and type {value.dtype}"
    elif type(value).__module__.partition(".")[0] == "torch":
        what = "a tensor (return its .item())"
    elif isinstance(value, (Sequence, set)) and not isinstance(value, str):
        what = f"{len(value)} values"
    else:
        what = "None" if value is None else f"{_kind(value)} {value!r}"
    raise InputError(f"{_returned(name)} {what}: return one number, higher = more bona fide")


def _returned(name: str) -> str:
    return f"detector {name!r} returned"


def _kind(value: object) -> str:
    return type(value).__name__
