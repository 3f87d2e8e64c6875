"""Response of a shoebox room by ray tracing: its walls scatter, while image sources only mirror.

The first reflections are image sources. Everything later comes from rays that leave the source in
all directions. At a wall a share of them continues in a random direction after Lambert's cosine
law, and the rest is mirrored. The rays that pass through a sphere around the microphone give the
energy over time, and noise is shaped to that envelope (Vorlaender 2008, Auralization, chapter 11).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attacks.reverb.image_source import SOUND_SPEED, Images, images
from attacks.reverb.room_geometry import Room
from benchmark.audio.reader import SAMPLE_RATE

RAYS = 10_000
SCATTERED = 0.2  # share of the energy that a wall scatters: furniture, shelves, curtains
MIRRORED_ORDER = 2  # reflections up to which image sources give the part that is not scattered
SPHERE_M = 0.4  # radius around the microphone
BIN_S = 0.005
MADE_BY = (RAYS, SCATTERED, MIRRORED_ORDER, SPHERE_M, BIN_S)

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rays:
    """Early images and arrivals of rays at the microphone, for any reflection factor.

    Each arrival has its 5 ms bin after the direct path, its number of reflections, and its energy
    for walls that absorb nothing.
    """

    mirrored: Images
    bins: npt.NDArray[np.int64]
    reflections: npt.NDArray[np.int64]
    energy: Samples

    def response(self, factor: float, tail: Samples) -> Samples:
        """Return the response, as long as `tail`, with walls that reflect `factor` of the pressure.

        Only the signs and fluctuations of the noise `tail` matter, not its decay.
        """
        size, step = tail.size, round(BIN_S * SAMPLE_RATE)
        count = -(-size // step)
        inside = self.bins < count
        weight = self.energy[inside] * factor ** (2.0 * self.reflections[inside])
        energy = np.bincount(self.bins[inside], weight, count)
        noise = np.pad(tail, (0, count * step - size)).reshape(count, step)
        power = np.sum(noise**2, axis=1)
        # scale the noise in each bin to the energy of its rays
        shaped = noise * np.sqrt(energy / np.maximum(power, 1e-300))[:, None]
        mirror = factor * (1 - SCATTERED) ** 0.5
        return self.mirrored.early(mirror, size) + shaped.ravel()[:size]


def trace(room: Room, seconds: float) -> Rays:
    """Trace the rays for `seconds` after the direct sound; the draws depend on the room's seed."""
    rng = np.random.default_rng(2000 + room.seed)
    sides, microphone = np.array(room.size), np.array(room.microphone)
    position = np.tile(np.array(room.source), (RAYS, 1))
    heading = _directions(rng, RAYS)
    travelled = np.zeros(RAYS)
    scattered = np.zeros(RAYS, dtype=bool)
    each = 4 * np.pi / RAYS / (4 / 3 * np.pi * SPHERE_M**3)  # direct sound has energy 1 / r2
    found: list[tuple[Samples, npt.NDArray[np.int64], Samples]] = []
    reflections, end = 0, room.distance + seconds * SOUND_SPEED
    while (travelled < end).any():
        with np.errstate(divide="ignore"):
            walls = np.where(heading > 0, sides - position, -position) / heading
        walls[heading == 0] = np.inf
        wall = np.argmin(walls, axis=1)
        length = np.maximum(walls[np.arange(RAYS), wall], 0.0)
        if reflections > 0:
            counted = scattered if reflections <= MIRRORED_ORDER else np.ones(RAYS, dtype=bool)
            path, chord = _through(position, heading, length, microphone)
            hit = counted & (chord > 0)
            count = np.full(int(hit.sum()), reflections)
            found.append(((travelled + path)[hit], count, each * chord[hit]))
        position = np.clip(position + length[:, None] * heading, 0.0, sides)
        travelled = travelled + length
        heading, just_scattered = _reflected(heading, wall, position, sides, rng)
        scattered |= just_scattered
        reflections += 1
    path, orders, energy = (np.concatenate(part) for part in zip(*found, strict=True))
    bins = np.floor((path - room.distance) / SOUND_SPEED / BIN_S).astype(np.int64)
    return Rays(images(room, MIRRORED_ORDER), np.maximum(bins, 0), orders, energy)


def _directions(rng: np.random.Generator, count: int) -> Samples:
    """Return unit vectors (count, 3), all directions equally likely."""
    drawn = rng.standard_normal((count, 3))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def _through(
    place: Samples, heading: Samples, length: Samples, centre: Samples
) -> tuple[Samples, Samples]:
    """Return the midpoint and the length (m) of each segment's chord through the sphere."""
    to_centre = centre - place
    nearest = np.einsum("ij,ij->i", to_centre, heading)
    missed = np.einsum("ij,ij->i", to_centre, to_centre) - nearest**2
    half = np.sqrt(np.maximum(SPHERE_M**2 - missed, 0.0))
    enters, leaves = np.maximum(nearest - half, 0.0), np.minimum(nearest + half, length)
    return (enters + leaves) / 2, np.maximum(leaves - enters, 0.0)


def _reflected(
    heading: Samples,
    wall: npt.NDArray[np.int64],
    place: Samples,
    sides: Samples,
    rng: np.random.Generator,
) -> tuple[Samples, npt.NDArray[np.bool_]]:
    """Return the headings after the walls numbered `wall` (axis), and which are scattered."""
    rows = np.arange(wall.size)
    mirrored = heading.copy()
    mirrored[rows, wall] *= -1
    inward = np.zeros_like(heading)
    inward[rows, wall] = np.where(place[rows, wall] > sides[wall] / 2, -1.0, 1.0)
    lambert = _directions(rng, wall.size) + inward  # a unit sphere on the wall: the cosine law
    lambert /= np.maximum(np.linalg.norm(lambert, axis=1, keepdims=True), 1e-12)
    scattered = rng.random(wall.size) < SCATTERED
    return np.where(scattered[:, None], lambert, mirrored), scattered
