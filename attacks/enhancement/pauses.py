"""Pauses that hold a noise floor: where a recording shows what noise suppression removes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from attacks.contract.base import Wave

FRAME_S = 0.032
LEAST_S = 2.0  # in a shorter wave the quietest tenth of the frames is too little
SHARE = 0.1  # of the frames that count as the quietest, and as the loudest
DISTANCE_DB = 12.0  # least distance of the two; with less the quiet frames are no pauses
SILENT_DB = -85.0  # below the 16-bit step there is no floor to lower


def pauses(wave: Wave, sample_rate: int) -> npt.NDArray[np.int64] | None:
    """Return the indices of frames that hold only a noise floor; None if there is no floor."""
    levels = _levels(wave, sample_rate)
    count = round(SHARE * levels.size)
    if wave.size < LEAST_S * sample_rate:
        return None
    order = np.argsort(levels, kind="stable")
    quiet, loud = np.median(levels[order[:count]]), np.median(levels[order[-count:]])
    if quiet < 10 ** (SILENT_DB / 10) or quiet > loud * 10 ** (-DISTANCE_DB / 10):
        return None
    return order[:count]


def floor_change(before: Wave, after: Wave, sample_rate: int) -> float | None:
    """Return by how many dB the level in the pauses of `before` rose; None without pauses."""
    found = pauses(before, sample_rate) if before.size == after.size else None
    if found is None:
        return None
    old, new = (float(_levels(wave, sample_rate)[found].mean()) for wave in (before, after))
    return 10 * float(np.log10(max(new / old, 1e-20)))


def _levels(wave: Wave, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return the mean square of each frame."""
    length = round(FRAME_S * sample_rate)
    frames = wave[: wave.size // length * length].reshape(-1, length)
    return np.asarray(np.mean(np.square(frames, dtype=np.float64), axis=1))
