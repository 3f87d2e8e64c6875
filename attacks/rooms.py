"""Room impulse responses: shoebox rooms by the image-source method, calibrated to an RT60.

The early response comes from pyroomacoustics' image sources (Allen and Berkley 1979). Images
grow with the cube of time, so that beyond what `ORDER` reflections cover the response goes on as
diffuse noise that decays with the RT60 asked for (Lehmann and Johansson 2010). The walls'
reflection factor, one for all walls and frequencies, is adjusted until the response's T20
(ISO 3382-2: Schroeder's backward integral, fitted from -5 to -25 dB) is the RT60 asked for.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import astuple, dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, fftconvolve, lfilter

from attacks.base import AttackError, Wave
from benchmark import files, paths
from benchmark.audio import SAMPLE_RATE
from benchmark.errors import InputError

VERSION = 1
ORDER = 48
SOUND_SPEED = 343.0
DISPLACEMENT_M = 0.05  # of each image: breaks up the sweeping echoes of a perfect box
HIGHPASS_HZ = 30.0  # takes away the pressure that positive images alone would pile up
FADE_S = 0.01  # from the images to the diffuse tail
TAPS = 65  # of each image's fractional delay
PHASES = 32  # fractions of a sample that a delay is rounded to
REL_TOLERANCE, ABS_TOLERANCE_S = 0.10, 0.03
STEPS = 40
CLOSE_ENOUGH = 0.005

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Room:
    """A shoebox (m), a source and a microphone in it (m from one corner)."""

    size: tuple[float, float, float]
    source: tuple[float, float, float]
    microphone: tuple[float, float, float]


# Living rooms to small classrooms, 31 to 126 m3; a talker 0.7 to 1.6 m away, never on an axis of
# symmetry. All of them reach every RT60 from 0.1 to 3 s.
ROOMS = (
    Room((4.1, 3.2, 2.4), (1.30, 1.15, 1.45), (2.05, 1.62, 1.20)),
    Room((4.6, 3.7, 2.5), (3.10, 1.20, 1.60), (2.21, 1.77, 1.15)),
    Room((5.2, 3.9, 2.6), (1.55, 2.60, 1.50), (2.67, 2.02, 1.25)),
    Room((5.7, 4.4, 2.7), (4.05, 2.95, 1.65), (3.01, 2.11, 1.10)),
    Room((6.1, 4.8, 2.5), (2.20, 1.40, 1.40), (1.63, 2.37, 1.30)),
    Room((6.6, 5.1, 2.9), (2.75, 3.55, 1.70), (3.94, 2.72, 1.20)),
    Room((7.1, 5.3, 2.8), (5.15, 1.85, 1.55), (3.98, 2.81, 1.22)),
    Room((7.7, 5.6, 2.92), (2.35, 3.75, 1.60), (3.71, 2.94, 1.18)),
)


@dataclass(frozen=True)
class Response:
    """An impulse response: its cache key, float32 (L,) at 16 kHz with the direct path as a peak
    at index 0, and its measured T20 in seconds."""

    key: str
    samples: Wave
    t20: float


def tolerance(rt60: float) -> float:
    """Seconds by which T20 may differ from the RT60 asked for."""
    return max(REL_TOLERANCE * rt60, ABS_TOLERANCE_S)


def t20(response: npt.NDArray[np.floating], sample_rate: int) -> float:
    """Reverberation time in seconds from the decay between -5 and -25 dB (ISO 3382-2).

    `response` is an impulse response (L,) that begins with the direct path. NaN where it decays
    by less than 25 dB or has fewer than two samples in that range.
    """
    energy = np.cumsum(np.square(response, dtype=np.float64)[::-1])[::-1]
    energy = energy[energy > 0]
    if energy.size == 0:
        return float("nan")
    decay = 10 * np.log10(energy / energy[0])
    inside = np.flatnonzero((decay <= -5) & (decay >= -25))
    if inside.size < 2 or decay[-1] > -25:
        return float("nan")
    time = inside / sample_rate - np.mean(inside) / sample_rate
    slope = np.sum(time * decay[inside]) / np.sum(time**2)
    return float(-60 / slope)


def key(room: int, rt60: float) -> str:
    """The hash of everything that makes the response of room number `room` at `rt60` seconds."""
    made_by = [VERSION, ORDER, SOUND_SPEED, DISPLACEMENT_M, HIGHPASS_HZ, FADE_S, TAPS, PHASES]
    made_by += [STEPS, CLOSE_ENOUGH, SAMPLE_RATE]
    text = json.dumps([made_by, version("pyroomacoustics"), room, astuple(ROOMS[room]), rt60])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@lru_cache(maxsize=64)
def response(room: int, rt60: float) -> Response:
    """The response of room number `room` at `rt60` seconds: from memory, the cache, or made.

    A cached file that is damaged is made again. Where the cache cannot be written, a warning says
    so once per process, and the response is used all the same.
    """
    name = key(room, rt60)
    path = paths.rirs() / f"{name}.npy"
    samples = _load(path)
    if samples is None:
        samples = _make(room, rt60)
        _save(path, samples)
    samples.flags.writeable = False
    return Response(name, samples, t20(samples, SAMPLE_RATE))


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
    """Digest, then samples."""
    body = samples.astype("<f4").tobytes()
    try:
        files.write(path, hashlib.sha256(body).digest() + body)
    except InputError as error:
        cause = getattr(error.__cause__, "strerror", None) or error
        warnings.warn(
            f"room responses cannot be kept in {path.parent} ({cause}): they are made again",
            stacklevel=2,
        )


def _make(room: int, rt60: float) -> Wave:
    """Adjust the walls' reflection factor until T20 is `rt60`; float32 (rt60 seconds,)."""
    images = _images(room)
    size = round(rt60 * SAMPLE_RATE)
    tail = np.random.default_rng(room).standard_normal(size)
    tail *= 10 ** (-3 * np.arange(size) / size)
    # Eyring's absorption to begin with, then bisection: T20 grows with the reflection factor
    low, high = 0.0, 1.0
    factor = float(np.exp(-0.5 * 0.161 * images.volume / (images.surface * rt60)))
    best, least = tail, np.inf
    for _ in range(STEPS):
        made = _respond(images, factor, size, tail)
        measured = t20(made, SAMPLE_RATE)
        error = measured / rt60 - 1 if np.isfinite(measured) else -1.0
        if abs(error) < least:
            best, least = made, abs(error)
        if abs(error) < CLOSE_ENOUGH or high - low < 1e-5:
            break
        low, high = (factor, high) if error < 0 else (low, factor)
        factor = (low + high) / 2
    if least * rt60 > tolerance(rt60):
        raise AttackError(f"room {room} cannot be brought to an RT60 of {rt60:g} s")
    return (best / best[0]).astype(np.float32)


@dataclass(frozen=True)
class _Images:
    """Image sources by arrival: samples after the direct path, path in m, reflections."""

    delay: Samples
    distance: Samples
    order: npt.NDArray[np.int64]
    volume: float
    surface: float
    complete: float  # seconds up to which no image is missing


@lru_cache(maxsize=1)
def _images(room: int) -> _Images:
    import pyroomacoustics

    shape = ROOMS[room]
    box: Any = pyroomacoustics.ShoeBox(
        list(shape.size),
        fs=SAMPLE_RATE,
        max_order=ORDER,
        materials=pyroomacoustics.Material(0.5),
    )
    box.add_source(list(shape.source))
    box.add_microphone(list(shape.microphone))
    box.image_source_model()
    positions = np.asarray(box.sources[0].images, dtype=np.float64).T
    order = np.asarray(box.sources[0].orders, dtype=np.int64)
    # pyroomacoustics promises no order of the images: sort them, then displace
    rank = np.lexsort((*np.round(positions.T, 4), order))
    positions, order = positions[rank], order[rank]
    shift = np.random.default_rng(1000 + room).uniform(-1, 1, positions.shape) * DISPLACEMENT_M
    positions = positions + shift * (order > 1)[:, None]
    distance = np.linalg.norm(positions - np.asarray(shape.microphone), axis=1)
    direct = float(distance[order == 0][0])
    sides = np.asarray(shape.size)
    reach = (ORDER + 1) / np.sqrt(np.sum(sides**-2.0)) - float(np.linalg.norm(sides))
    inside = distance <= reach
    return _Images(
        delay=(distance[inside] - direct) / SOUND_SPEED * SAMPLE_RATE,
        distance=distance[inside],
        order=order[inside],
        volume=float(np.prod(sides)),
        surface=float(2 * (sides[0] * sides[1] + sides[1] * sides[2] + sides[0] * sides[2])),
        complete=(reach - direct) / SOUND_SPEED,
    )


def _respond(images: _Images, factor: float, size: int, tail: Samples) -> Samples:
    """The response (size,) with walls that reflect `factor` of the pressure."""
    near = images.delay < size - 1
    delay = images.delay[near]
    amplitude = factor ** images.order[near] / images.distance[near]
    numerator, denominator = butter(2, HIGHPASS_HZ, "highpass", fs=SAMPLE_RATE)
    early = np.asarray(lfilter(numerator, denominator, _delayed(delay, amplitude, size)))
    split = int(images.complete * SAMPLE_RATE)
    if split >= size:
        return early
    fade = round(FADE_S * SAMPLE_RATE)
    window = slice(max(0, split - 5 * fade), split)
    tail = tail * np.sqrt(np.mean(early[window] ** 2) / np.mean(tail[window] ** 2))
    ramp = 0.5 * np.pi * (np.arange(fade) + 0.5) / fade
    early[split - fade : split] *= np.cos(ramp)
    early[split:] = 0.0
    tail[: split - fade] = 0.0
    tail[split - fade : split] *= np.sin(ramp)
    return early + tail


def _delayed(delay: Samples, amplitude: Samples, size: int) -> Samples:
    """Impulses at fractional `delay` (samples), band-limited by Hann-windowed sincs."""
    steps = np.round(delay * PHASES).astype(np.int64)
    whole, phase = np.divmod(steps, PHASES)
    trains = np.zeros((PHASES, size + TAPS))
    np.add.at(trains, (phase, whole), amplitude)
    half = TAPS // 2
    n = np.arange(TAPS) - half - (np.arange(PHASES) / PHASES)[:, None]
    kernels = np.sinc(n) * np.cos(np.pi * n / (TAPS + 1)) ** 2
    full = fftconvolve(trains, kernels, axes=1).sum(axis=0)
    return np.asarray(full[half : half + size], dtype=np.float64)
