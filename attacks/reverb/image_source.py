"""Response of a shoebox room from its image sources, for any reflection factor of the walls.

The early response comes from pyroomacoustics' image sources (Allen and Berkley 1979). The number of
images grows with the cube of time. Beyond the time that `ORDER` reflections cover, the response
therefore continues as diffuse noise that decays with the requested RT60 (Lehmann and Johansson
2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, fftconvolve, lfilter

from attacks.reverb.room_geometry import Room
from benchmark.audio.reader import SAMPLE_RATE

ORDER = 48
SOUND_SPEED = 343.0  # m/s
DISPLACEMENT_M = 0.05  # of each image; breaks up the sweeping echoes of a perfect box
HIGHPASS_HZ = 30.0  # removes the pressure that images, which are all positive, would build up
FADE_S = 0.01  # crossfade from the images to the diffuse tail
TAPS = 65  # of each image's fractional-delay filter
PHASES = 32  # fractions of a sample to which a delay is rounded
MADE_BY = (ORDER, SOUND_SPEED, DISPLACEMENT_M, HIGHPASS_HZ, FADE_S, TAPS, PHASES)

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Images:
    """Image sources by arrival: samples after the direct path, path length in m, reflections."""

    delay: Samples
    distance: Samples
    order: npt.NDArray[np.int64]
    complete: float  # seconds up to which no image is missing

    def response(self, factor: float, tail: Samples) -> Samples:
        """Return the response, as long as `tail`, with walls that reflect `factor` of the pressure.

        `tail` is noise that decays as the room should; it continues the response where images are
        missing.
        """
        size = tail.size
        early = self.early(factor, size)
        split = int(self.complete * SAMPLE_RATE)
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

    def early(self, factor: float, size: int) -> Samples:
        """Return the response of the images alone, (size,)."""
        near = self.delay < size - 1
        amplitude = factor ** self.order[near] / self.distance[near]
        numerator, denominator = butter(2, HIGHPASS_HZ, "highpass", fs=SAMPLE_RATE)
        return np.asarray(
            lfilter(numerator, denominator, _delayed(self.delay[near], amplitude, size))
        )


def images(room: Room, order: int = ORDER) -> Images:
    """Return the image sources of up to `order` reflections."""
    import pyroomacoustics

    box: Any = pyroomacoustics.ShoeBox(
        list(room.size),
        fs=SAMPLE_RATE,
        max_order=order,
        materials=pyroomacoustics.Material(0.5),
    )
    box.add_source(list(room.source))
    box.add_microphone(list(room.microphone))
    box.image_source_model()
    positions = np.asarray(box.sources[0].images, dtype=np.float64).T
    reflections = np.asarray(box.sources[0].orders, dtype=np.int64)
    # pyroomacoustics guarantees no order of the images: sort them, then displace
    rank = np.lexsort((*np.round(positions.T, 4), reflections))
    positions, reflections = positions[rank], reflections[rank]
    rng = np.random.default_rng(1000 + room.seed)
    shift = rng.uniform(-1, 1, positions.shape) * DISPLACEMENT_M
    positions = positions + shift * (reflections > 1)[:, None]
    distance = np.linalg.norm(positions - np.asarray(room.microphone), axis=1)
    direct = float(distance[reflections == 0][0])
    sides = np.asarray(room.size)
    reach = (order + 1) / np.sqrt(np.sum(sides**-2.0)) - float(np.linalg.norm(sides))
    inside = distance <= max(reach, direct)
    return Images(
        delay=(distance[inside] - direct) / SOUND_SPEED * SAMPLE_RATE,
        distance=distance[inside],
        order=reflections[inside],
        complete=(reach - direct) / SOUND_SPEED,
    )


def _delayed(delay: Samples, amplitude: Samples, size: int) -> Samples:
    """Return impulses at fractional `delay` (samples), band-limited by Hann-windowed sincs."""
    steps = np.round(delay * PHASES).astype(np.int64)
    whole, phase = np.divmod(steps, PHASES)
    trains = np.zeros((PHASES, size + TAPS))
    np.add.at(trains, (phase, whole), amplitude)
    half = TAPS // 2
    n = np.arange(TAPS) - half - (np.arange(PHASES) / PHASES)[:, None]
    kernels = np.sinc(n) * np.cos(np.pi * n / (TAPS + 1)) ** 2
    full = fftconvolve(trains, kernels, axes=1).sum(axis=0)
    return np.asarray(full[half : half + size], dtype=np.float64)
