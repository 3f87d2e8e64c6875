"""The rooms of the reverberation attack: shoeboxes with a talker and a microphone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError

CLEARANCE_M = 0.3  # of talker and microphone from every wall
LEAST_DISTANCE_M, MOST_DISTANCE_M = 0.1, 10.0

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Room:
    """A shoebox (m), a source and a microphone in it (m from one corner), and the room's seed."""

    seed: int
    size: Point
    source: Point
    microphone: Point

    @property
    def volume(self) -> float:
        """Volume in m3."""
        return math.prod(self.size)

    @property
    def surface(self) -> float:
        """Area of the six walls in m2."""
        a, b, c = self.size
        return 2 * (a * b + b * c + c * a)

    @property
    def distance(self) -> float:
        """Distance from the source to the microphone in m."""
        return math.dist(self.source, self.microphone)

    def at(self, distance: float) -> Room:
        """Return the same room with source and microphone `distance` m apart.

        Both move along their line in plan, whose middle stays as close to its place as the walls
        allow. They keep their heights unless these differ by more than half the distance. Raises
        `InputError` with the largest distance that the room allows.
        """
        source, microphone = np.array(self.source), np.array(self.microphone)
        middle = (source + microphone) / 2
        rise = float(np.clip(source[2] - microphone[2], -distance / 2, distance / 2))
        flat = math.sqrt(distance**2 - rise**2)
        along = (source - microphone)[:2]
        along /= np.linalg.norm(along)
        # where the line comes too close to a wall, in metres from its middle
        walls = np.array([[CLEARANCE_M] * 2, np.array(self.size[:2]) - CLEARANCE_M])
        crossings = np.sort((walls - middle[:2]) / along, axis=0)
        low, high = float(crossings[0].max()), float(crossings[1].min())
        if flat > high - low:
            shown = " x ".join(f"{side:g}" for side in self.size)
            most = math.floor(10 * math.hypot(high - low, rise)) / 10
            raise InputError(
                f"a distance of {distance:g} m does not fit into a room of {shown} m:"
                f" at most {most:g} m"
            )
        middle[:2] += along * min(max(0.0, low + flat / 2), high - flat / 2)
        half = np.array([*(along * flat / 2), rise / 2])
        return replace(self, source=_point(middle + half), microphone=_point(middle - half))


def _point(values: npt.NDArray[np.float64]) -> Point:
    x, y, z = map(float, values)
    return x, y, z


# Living rooms to small classrooms, 31 to 126 m3, with the talker 0.9 to 1.6 m away and never on an
# axis of symmetry. The second table holds as many similar rooms for training.
_EVALUATION: tuple[tuple[Point, Point, Point], ...] = (
    ((4.1, 3.2, 2.4), (1.30, 1.15, 1.45), (2.05, 1.62, 1.20)),
    ((4.6, 3.7, 2.5), (3.10, 1.20, 1.60), (2.21, 1.77, 1.15)),
    ((5.2, 3.9, 2.6), (1.55, 2.60, 1.50), (2.67, 2.02, 1.25)),
    ((5.7, 4.4, 2.7), (4.05, 2.95, 1.65), (3.01, 2.11, 1.10)),
    ((6.1, 4.8, 2.5), (2.20, 1.40, 1.40), (1.63, 2.37, 1.30)),
    ((6.6, 5.1, 2.9), (2.75, 3.55, 1.70), (3.94, 2.72, 1.20)),
    ((7.1, 5.3, 2.8), (5.15, 1.85, 1.55), (3.98, 2.81, 1.22)),
    ((7.7, 5.6, 2.92), (2.35, 3.75, 1.60), (3.71, 2.94, 1.18)),
)
_TRAINING: tuple[tuple[Point, Point, Point], ...] = (
    ((4.3, 3.4, 2.45), (2.95, 1.05, 1.55), (2.10, 1.66, 1.18)),
    ((4.8, 3.5, 2.6), (1.35, 2.35, 1.45), (2.25, 1.68, 1.22)),
    ((5.4, 4.1, 2.5), (3.75, 1.30, 1.62), (2.58, 1.95, 1.13)),
    ((5.9, 4.2, 2.8), (1.70, 1.25, 1.48), (2.80, 2.05, 1.27)),
    ((6.3, 4.6, 2.6), (4.05, 3.20, 1.58), (3.00, 2.21, 1.16)),
    ((6.9, 5.4, 2.7), (2.30, 1.75, 1.66), (3.31, 2.60, 1.21)),
    ((7.3, 5.0, 3.0), (4.85, 3.40, 1.52), (3.82, 2.43, 1.24)),
    ((7.9, 5.8, 2.85), (3.05, 1.90, 1.57), (4.15, 2.71, 1.15)),
)
# Fixed sizes (a box room, a living room, a lecture hall; 17, 66, 394 m3): one box for evaluation,
# one for training. Source and microphone have four places, in shares of the sides.
_BOXES: Mapping[str, tuple[Point, Point]] = {
    "small": ((2.9, 2.6, 2.3), (3.1, 2.4, 2.4)),
    "medium": ((5.6, 4.5, 2.6), (5.3, 4.7, 2.7)),
    "large": ((12.3, 8.9, 3.6), (11.6, 9.4, 3.5)),
}
_PLACES: tuple[tuple[Point, Point], ...] = (
    ((0.27, 0.36, 0.62), (0.46, 0.53, 0.50)),
    ((0.66, 0.31, 0.66), (0.43, 0.44, 0.48)),
    ((0.34, 0.68, 0.60), (0.57, 0.53, 0.52)),
    ((0.72, 0.63, 0.64), (0.52, 0.41, 0.47)),
)


def _placed(seed: int, box: Point) -> tuple[Room, ...]:
    def inside(share: Point) -> Point:
        return (share[0] * box[0], share[1] * box[1], share[2] * box[2])

    return tuple(
        Room(seed + place, box, inside(source), inside(microphone))
        for place, (source, microphone) in enumerate(_PLACES)
    )


# The room of "Is Audio Spoof Detection Robust to Laundering Attacks?" (2024), with one place: size,
# distance (4 m) and lead-in (0.5 s) of the study are those of the example of pyroomacoustics.
_PUBLISHED: tuple[Point, Point, Point] = ((10.0, 7.5, 3.5), (2.5, 3.73, 1.76), (6.3, 4.87, 1.2))
_LIKE_PUBLISHED: tuple[Point, Point, Point] = ((9.4, 7.9, 3.4), (6.8, 3.2, 1.7), (3.05, 4.6, 1.25))

DRAWN, PUBLISHED = "drawn", "published"
EVALUATION: Mapping[str, tuple[Room, ...]] = {
    DRAWN: tuple(Room(seed, *shape) for seed, shape in enumerate(_EVALUATION)),
    **{name: _placed(100 + 10 * i, box[0]) for i, (name, box) in enumerate(_BOXES.items())},
    PUBLISHED: (Room(140, *_PUBLISHED),),
}
TRAINING: Mapping[str, tuple[Room, ...]] = {
    DRAWN: tuple(Room(200 + seed, *shape) for seed, shape in enumerate(_TRAINING)),
    **{name: _placed(300 + 10 * i, box[1]) for i, (name, box) in enumerate(_BOXES.items())},
    PUBLISHED: (Room(340, *_LIKE_PUBLISHED),),
}
