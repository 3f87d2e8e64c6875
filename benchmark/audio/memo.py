"""Memoised features of read-only waveforms.

All conditions of an utterance launder the same samples, so features such as the active level and
the spectrum are computed once. Only samples that a read-only array owns are memoised. The features
are dropped together with that array.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

_memo: dict[int, dict[tuple[Any, ...], Any]] = {}


def remembered(wave: npt.NDArray[Any], feature: tuple[Any, ...], compute: Callable[[], T]) -> T:
    """Return `compute()`, or its earlier result for this `feature` of the same read-only samples.

    `feature` names the computed quantity and its settings.
    """
    owner = _owner(wave)
    if owner is None:
        return compute()
    if id(owner) not in _memo:
        _memo[id(owner)] = {}
        weakref.finalize(owner, _memo.pop, id(owner), None)
    features = _memo[id(owner)]
    key = (*feature, wave.__array_interface__["data"][0], wave.shape, wave.strides, wave.dtype)
    if key not in features:
        features[key] = compute()
    result: T = features[key]
    return result


def _owner(wave: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """Return the read-only array that owns the samples; None if the samples can be changed."""
    while isinstance(wave.base, np.ndarray):
        wave = wave.base
    return None if wave.flags.writeable or wave.base is not None else wave
