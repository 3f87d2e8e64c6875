"""SVG path data from coordinates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def polyline(x: npt.ArrayLike, y: npt.ArrayLike) -> str:
    """Return SVG path data through points (k,), rounded to whole units; '' without points.

    Steps are relative, and steps in one direction are joined, to keep pages small.

    >>> polyline([0, 10, 20, 20], [0, 0, 0, -5.2])
    'M0 0l20 0 0-5'
    """
    points = np.rint(np.stack([np.asarray(x, float), np.asarray(y, float)], axis=-1)).astype(int)
    if not len(points):
        return ""
    steps = np.diff(points, axis=0)
    steps = steps[steps.any(axis=1)]
    start = f"M{points[0, 0]} {points[0, 1]}"
    if not len(steps):
        return start
    heading = steps // np.gcd(np.abs(steps[:, 0]), np.abs(steps[:, 1]))[:, None]
    turns = np.flatnonzero((heading[1:] != heading[:-1]).any(axis=1)) + 1
    joined = np.add.reduceat(steps, np.append(0, turns), axis=0)
    return f"{start}l{_spaced(joined.ravel())}"


def polygon(x: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> str:
    """Return SVG path data of the band between two polylines over the same x (k,)."""
    along = np.append(np.asarray(x, float), np.asarray(x, float)[::-1])
    edge = np.append(np.asarray(high, float), np.asarray(low, float)[::-1])
    outline = polyline(along, edge)
    return f"{outline}z" if outline else ""


def steps(heights: npt.ArrayLike, width: float, floor: float) -> str:
    """Return SVG path data of a histogram: bars (k,) of equal width on y = floor.

    >>> steps([0.0, 4.0], 10, 100)
    'M0 100h10v-4h10v4z'
    """
    edges = np.rint(np.arange(np.size(heights) + 1) * width).astype(int)
    tops = np.rint(floor - np.asarray(heights, float)).astype(int)
    rises = np.diff(np.concatenate([[round(floor)], tops, [round(floor)]]))
    parts = [f"M0 {round(floor)}"]
    run = 0
    for rise, across in zip(rises, np.append(np.diff(edges), 0), strict=True):
        if rise:
            parts += [f"h{run}"] * bool(run) + [f"v{rise}"]
            run = 0
        run += int(across)
    return "".join(parts) + (f"h{run}" if run else "") + "z"


def dots(x: npt.ArrayLike, y: npt.ArrayLike) -> str:
    """Return points as lines of zero length; round caps make them dots.

    This takes a third of the bytes of circles.
    """
    return "".join(
        f"M{round(a)} {round(b)}h0" for a, b in zip(np.asarray(x), np.asarray(y), strict=True)
    )


def _spaced(numbers: npt.NDArray[np.int_]) -> str:
    """Join numbers with a space, except before a minus sign."""
    texts = [str(number) for number in numbers]
    return texts[0] + "".join(text if text[0] == "-" else f" {text}" for text in texts[1:])
