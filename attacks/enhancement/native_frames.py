"""Native enhancers that take one frame after another at 48 kHz, called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from attacks.contract.base import Wave
from benchmark.audio.reader import SAMPLE_RATE, resample

RATE, FRAME = 48000, 480  # Hz; samples of a frame of 10 ms
SPARE = 64  # zeros after the end at 16 kHz: resampling rounds the length down
FLOATS = ctypes.POINTER(ctypes.c_float)
FrameCall = Callable[[object, object], object]  # reads a frame at the first address, writes it


def through(call: FrameCall, wave: Wave, *, delay: int, scale: float = 1.0) -> Wave:
    """Return `wave`, float32 (T,) at 16 kHz, as the frame function `call` leaves it: (T,).

    delay : samples at 48 kHz by which the function's output trails
    scale : of full scale in the samples that it takes and gives
    """
    spare = np.zeros(SPARE, dtype=np.float32)
    source = resample(np.concatenate([wave, spare]), SAMPLE_RATE, RATE) * np.float32(scale)
    count = -(-(source.size + delay) // FRAME)
    given = np.zeros(count * FRAME, dtype=np.float32)
    given[: source.size] = source
    made = np.empty_like(given)
    for start in range(0, given.size, FRAME):
        call(_at(given, start), _at(made, start))
    out = made[delay : delay + source.size] / np.float32(scale)
    return resample(out, RATE, SAMPLE_RATE)[: wave.size]


def _at(samples: Wave, start: int) -> object:
    return ctypes.cast(samples.ctypes.data + start * samples.itemsize, FLOATS)
