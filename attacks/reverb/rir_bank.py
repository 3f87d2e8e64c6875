"""Room impulse responses: shoebox rooms calibrated to an RT60, computed once and cached.

Image sources (`attacks.reverb.image_source`) or ray tracing (`attacks.reverb.ray_tracing`) give the
response for one reflection factor of all walls and frequencies. The factor is adjusted until the
response's T20 equals the requested RT60 (ISO 3382-2: Schroeder's backward integral, fitted from -5
to -25 dB). Walls that absorb by octave are made of such responses, one for each octave
(`attacks.reverb.wall_materials`).
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from attacks.contract.base import Wave
from attacks.reverb import image_source, ray_tracing, wall_materials
from attacks.reverb.decay_time import t20
from attacks.reverb.room_geometry import Room
from attacks.reverb.wall_materials import GREY, WALLS, octave_t20
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core import atomic_files, paths
from benchmark.core.errors import InputError

VERSION = 2
REL_TOLERANCE, ABS_TOLERANCE_S = 0.10, 0.03
STEPS = 40
CLOSE_ENOUGH = 0.005
# Tiled walls absorb slightly more than the least, an anechoic chamber slightly more than the most
LEAST_ABSORPTION, MOST_ABSORPTION = 0.01, 0.95


@dataclass(frozen=True)
class Response:
    """An impulse response, with its cache key and its measured T20 in seconds.

    `samples` is float32 (L,) at 16 kHz, with the direct path as the peak at index 0. `octaves` has
    T20 from 125 to 4000 Hz, where the walls absorb by octave; else it is empty.
    """

    key: str
    samples: Wave
    t20: float
    octaves: tuple[float, ...] = ()


def tolerance(rt60: float) -> float:
    """Return the seconds by which T20 may differ from the requested RT60."""
    return max(REL_TOLERANCE * rt60, ABS_TOLERANCE_S)


def octave_tolerance(time: float) -> float:
    """Return the seconds by which T20 of an octave may differ from the time that its walls give."""
    return 1.5 * tolerance(time)


def key(room: Room, rt60: float, traced: bool, walls: str = GREY) -> str:
    """Return a hash of everything that determines the response of `room` at `rt60` seconds."""
    ingredients = [
        VERSION,
        *image_source.MADE_BY,
        STEPS,
        CLOSE_ENOUGH,
        LEAST_ABSORPTION,
        MOST_ABSORPTION,
    ]
    ingredients += [SAMPLE_RATE]
    ingredients += ray_tracing.MADE_BY if traced else ()
    if walls != GREY:
        ingredients += [*WALLS[walls].absorption, *wall_materials.MADE_BY]
    text = json.dumps([ingredients, version("pyroomacoustics"), astuple(room), rt60, traced])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def bank(
    rooms: Sequence[Room], rt60: float, traced: bool, walls: str = GREY
) -> tuple[Response, ...]:
    """Return the response of every room; raise for an impossible room before any is used."""
    return tuple(response(room, rt60, traced, walls) for room in rooms)


@lru_cache(maxsize=64)
def response(room: Room, rt60: float, traced: bool = False, walls: str = GREY) -> Response:
    """Return the response of `room` at `rt60` seconds: from memory, the cache, or computed.

    With `walls` that absorb by octave, `rt60` is that of the octaves at 500 and 1000 Hz.

    A damaged file in the cache is replaced. Where the cache cannot be written, a warning is shown
    once per process, and the response is used all the same. Raises `InputError` if no walls give
    the room this RT60 between its source and its microphone.
    """
    name = key(room, rt60, traced, walls)
    path = paths.rirs() / f"{name}.npy"
    samples = _load(path)
    if samples is None:
        samples = (
            _make(room, rt60, traced) if walls == GREY else _by_octave(room, rt60, traced, walls)
        )
        _save(path, samples)
    samples.flags.writeable = False
    octaves = () if walls == GREY else octave_t20(samples)
    return Response(name, samples, t20(samples, SAMPLE_RATE), octaves)


def _by_octave(room: Room, rt60: float, traced: bool, walls: str) -> Wave:
    made = wall_materials.response(lambda time: _make(room, time, traced), WALLS[walls], rt60)
    return (made / made[0]).astype(np.float32)


def _load(path: Path) -> Wave | None:
    try:
        content = path.read_bytes()
        digest, body = content[:32], content[32:]
        if hashlib.sha256(body).digest() != digest:
            return None
        samples = np.frombuffer(body, dtype="<f4").astype(np.float32)
    except (OSError, ValueError):
        return None
    return samples if samples.size and np.isfinite(samples).all() else None


def _save(path: Path, samples: Wave) -> None:
    """Write the digest, then the samples; warn if the cache cannot be written."""
    body = samples.astype("<f4").tobytes()
    try:
        atomic_files.write(path, hashlib.sha256(body).digest() + body)
    except InputError as error:
        cause = getattr(error.__cause__, "strerror", None) or error
        warnings.warn(
            f"room responses cannot be kept in {path.parent} ({cause}): they are made again",
            stacklevel=2,
        )


def _make(room: Room, rt60: float, traced: bool) -> Wave:
    """Adjust the walls' reflection factor until T20 is `rt60`; return float32 (rt60 seconds,)."""
    model = ray_tracing.trace(room, rt60) if traced else _images(room)
    size = round(rt60 * SAMPLE_RATE)
    tail = np.random.default_rng(room.seed).standard_normal(size)
    tail *= 10 ** (-3 * np.arange(size) / size)
    # start with Eyring's absorption, then bisect: T20 grows with the reflection factor
    low, high = 0.0, 1.0
    factor = math.exp(-0.5 * 0.161 * room.volume / (room.surface * rt60))
    best, least = tail, math.inf
    nearest, absorbed = math.inf, 0.0
    for _ in range(STEPS):
        candidate = model.response(factor, tail)
        measured = t20(candidate, SAMPLE_RATE)
        error = measured / rt60 - 1 if math.isfinite(measured) else -1.0
        if abs(error) < nearest:
            nearest, absorbed = abs(error), 1 - factor**2
        # where T20 hardly depends on the walls, the search may end at impossible walls
        if abs(error) < least and LEAST_ABSORPTION <= 1 - factor**2 <= MOST_ABSORPTION:
            best, least = candidate, abs(error)
        if abs(error) < CLOSE_ENOUGH or high - low < 1e-5:
            break
        low, high = (factor, high) if error < 0 else (low, factor)
        factor = (low + high) / 2
    if least * rt60 > tolerance(rt60):
        shown = " x ".join(f"{side:g}" for side in room.size)
        raise InputError(
            f"reverberation: no walls give a room of {shown} m an RT60 of {rt60:g} s at"
            f" {room.distance:.1f} m from the source: they would have to absorb"
            f" {absorbed:.1%} of the sound"
        )
    return (best / best[0]).astype(np.float32)


@lru_cache(maxsize=1)
def _images(room: Room) -> image_source.Images:
    return image_source.images(room)
