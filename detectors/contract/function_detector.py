"""Functions as detectors: a wave in, one score out, and nothing to train."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError
from benchmark.core.log import warn_once
from detectors.contract.base import Arrays, Wave, WaveDetector

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
RESERVED = ("all", "clean", "logistic", "mean")  # all detectors, no attack, and the fusions
Scorer = Callable[[Wave], Any]  # returns one real number, higher = more bona fide


class FunctionDetector(WaveDetector):
    """A detector that calls a function with each wave, float32 (T,) at 16 kHz.

    A function has no identity that can be read off it. Its scores are therefore reused only under
    a `version` that its author gives. Without one, each process registers another version. It
    exists in the process that registered it alone, so no other one scores it.
    """

    on_cpu = False
    ready_made = True
    pretrained = True
    citation = ""

    function: ClassVar[Scorer]
    reusable: ClassVar[bool] = False

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Return no state: a function learns nothing."""
        return {}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return scores (len(waves),); NaN, and a warning with the cause, where the function fails.

        One wave's failure costs no other wave its score.
        """
        scores = np.full(len(waves), np.nan, np.float32)
        for place, wave in enumerate(waves):
            try:
                scores[place] = self.score_one(wave)
            except InputError as error:
                warn_once(f"{error}; the scores of such utterances are missing")
        return scores

    def score_one(self, wave: Wave) -> float:
        """Return the score of a wave; `InputError` if the function fails or returns no number.

        The function gets a copy, so that it cannot change what other detectors hear.
        """
        try:
            value = type(self).function(wave.copy())
        except (Exception, SystemExit) as error:
            raise InputError(f"detector {self.name!r} fails: {error!r}") from error
        return number(value, self.name)


def of(name: str, function: Scorer, version: int | str | None = None) -> type[FunctionDetector]:
    """Return the detector class of a function.

    version : a value that the caller changes with the function; None: scores are never reused

    Raises `InputError` if `function` cannot be called, for a name that a command line or a suite
    would read otherwise, and for a version that is neither a whole number nor a text.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in RESERVED:
        raise InputError(
            f"{name!r} cannot be a detector's name: use letters, digits and . _ + - , a letter or"
            f" digit first, and none of the words {', '.join(RESERVED)}"
        )
    if version is not None and (isinstance(version, bool) or not isinstance(version, (int, str))):
        raise InputError(f"detector {name!r}: version: want a number or a text, not {version!r}")
    if not callable(function):
        raise InputError(f"detector {name!r}: want a function of a wave, not {_kind(function)}")
    summary = (getattr(function, "__doc__", None) or "a function of the wave").strip()
    attributes = {
        "function": staticmethod(function),
        "__module__": getattr(function, "__module__", None) or __name__,
        "__doc__": summary,
        "name": name,
        "summary": summary.splitlines()[0],
        "version": f"unversioned-{uuid.uuid4().hex}" if version is None else version,
        "reusable": version is not None,
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
        what = f"a {_kind(value)} of {len(value)}"
    else:
        what = "None" if value is None else f"{_kind(value)} {value!r}"
    raise InputError(f"{_returned(name)} {what}: return one number, higher = more bona fide")


def _returned(name: str) -> str:
    return f"detector {name!r} returned"


def _kind(value: object) -> str:
    return type(value).__name__
