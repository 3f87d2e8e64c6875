"""Remember what was computed from a recording that nobody can write to.

All conditions of an utterance launder the same samples; what they ask of it (its active level,
its spectrum) is computed once. Only arrays that own their samples and are read-only count, and
what was remembered goes with the array.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

_known: dict[int, dict[tuple[Any, ...], Any]] = {}


def remembered(wave: npt.NDArray[Any], what: tuple[Any, ...], compute: Callable[[], T]) -> T:
    """`compute()`, or its earlier result for the same `what` on the same read-only samples."""
    owner = _owner(wave)
    if owner is None:
        return compute()
    if id(owner) not in _known:
        _known[id(owner)] = {}
        weakref.finalize(owner, _known.pop, id(owner), None)
    facts = _known[id(owner)]
    where = (*what, wave.__array_interface__["data"][0], wave.shape, wave.strides, wave.dtype)
    if where not in facts:
        facts[where] = compute()
    result: T = facts[where]
    return result


def _owner(wave: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """The read-only array that holds the samples; None where anybody may change them."""
    while isinstance(wave.base, np.ndarray):
        wave = wave.base
    return None if wave.flags.writeable or wave.base is not None else wave
