"""A shoebox room's response by ray tracing: walls that scatter, where image sources only mirror.

The first reflections are image sources. Everything later comes from rays that leave the source
in all directions; at a wall a share of them goes on in a random direction after Lambert's cosine
law, the rest is mirrored. What passes through a sphere around the microphone gives the energy
over time, and noise takes on that envelope (Vorlaender 2008, Auralization, chapter 11).
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
MIRRORED_ORDER = 2  # reflections up to which image sources stand for what is not scattered
SPHERE_M = 0.4  # radius around the microphone
BIN_S = 0.005
MADE_BY = (RAYS, SCATTERED, MIRRORED_ORDER, SPHERE_M, BIN_S)

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rays:
    """Arrivals at the microphone for any reflection factor: early images, and rays.

    Each arrival has its 5 ms bin after the direct path, its number of reflections and its energy
    with walls that take none.
    """

    mirrored: Images
    bins: npt.NDArray[np.int64]
    reflections: npt.NDArray[np.int64]
    energy: Samples

    def response(self, factor: float, tail: Samples) -> Samples:
        """The response, as long as `tail`, with walls that reflect `factor` of the pressure.

        Of the noise `tail` only the signs and fluctuations count, not how it decays.
        """
        size, step = tail.size, round(BIN_S * SAMPLE_RATE)
        count = -(-size // step)
        inside = self.bins < count
        weight = self.energy[inside] * factor ** (2.0 * self.reflections[inside])
        energy = np.bincount(self.bins[inside], weight, count)
        noise = np.pad(tail, (0, count * step - size)).reshape(count, step)
        power = np.sum(noise**2, axis=1)
        # in each bin the noise gets the energy that the rays brought
        shaped = noise * np.sqrt(energy / np.maximum(power, 1e-300))[:, None]
        mirror = factor * (1 - SCATTERED) ** 0.5
        return self.mirrored.early(mirror, size) + shaped.ravel()[:size]


def trace(room: Room, seconds: float) -> Rays:
    """Follow the rays for `seconds` after the direct sound; the draws hang on the room's seed."""
    rng = np.random.default_rng(2000 + room.seed)
    sides, microphone = np.array(room.size), np.array(room.microphone)
    place = np.tile(np.array(room.source), (RAYS, 1))
    heading = _directions(rng, RAYS)
    travelled = np.zeros(RAYS)
    scattered = np.zeros(RAYS, dtype=bool)
    each = 4 * np.pi / RAYS / (4 / 3 * np.pi * SPHERE_M**3)  # direct sound has energy 1 / r2
    found: list[tuple[Samples, npt.NDArray[np.int64], Samples]] = []
    reflections, end = 0, room.distance + seconds * SOUND_SPEED
    while (travelled < end).any():
        with np.errstate(divide="ignore"):
            walls = np.where(heading > 0, sides - place, -place) / heading
        walls[heading == 0] = np.inf
        wall = np.argmin(walls, axis=1)
        length = np.maximum(walls[np.arange(RAYS), wall], 0.0)
        if reflections > 0:
            heard = scattered if reflections <= MIRRORED_ORDER else np.ones(RAYS, dtype=bool)
            path, chord = _through(place, heading, length, microphone)
            hit = heard & (chord > 0)
            count = np.full(int(hit.sum()), reflections)
            found.append(((travelled + path)[hit], count, each * chord[hit]))
        place = np.clip(place + length[:, None] * heading, 0.0, sides)
        travelled = travelled + length
        heading, now = _reflected(heading, wall, place, sides, rng)
        scattered |= now
        reflections += 1
    path, orders, energy = (np.concatenate(part) for part in zip(*found, strict=True))
    bins = np.floor((path - room.distance) / SOUND_SPEED / BIN_S).astype(np.int64)
    return Rays(images(room, MIRRORED_ORDER), np.maximum(bins, 0), orders, energy)


def _directions(rng: np.random.Generator, count: int) -> Samples:
    """Unit vectors (count, 3), all directions equally likely."""
    drawn = rng.standard_normal((count, 3))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def _through(
    place: Samples, heading: Samples, length: Samples, centre: Samples
) -> tuple[Samples, Samples]:
    """Of each segment's way through the sphere: how far along it is, and how long (m)."""
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
    """The headings after the walls numbered `wall` (axis), and which of them are scattered."""
    rows = np.arange(wall.size)
    mirrored = heading.copy()
    mirrored[rows, wall] *= -1
    inward = np.zeros_like(heading)
    inward[rows, wall] = np.where(place[rows, wall] > sides[wall] / 2, -1.0, 1.0)
    lambert = _directions(rng, wall.size) + inward  # a unit sphere on the wall: the cosine law
    lambert /= np.maximum(np.linalg.norm(lambert, axis=1, keepdims=True), 1e-12)
    now = rng.random(wall.size) < SCATTERED
    return np.where(now[:, None], lambert, mirrored), now
