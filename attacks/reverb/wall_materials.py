"""Walls that absorb by octave band, and the response of a room that has them.

The absorption is the mean over floor, ceiling and walls of materials in the table of Vorländer
(2008, "Auralization", annex), as pyroomacoustics has it. What counts is its shape: a condition
names the reverberation time of the middle bands, and a band that absorbs twice as much decays twice
as fast (Sabine). Each band of the response is that of the room with grey walls (the same at every
frequency) and the band's own time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from attacks.reverb.decay_time import t20
from benchmark.audio.reader import SAMPLE_RATE

BANDS_HZ = (125, 250, 500, 1000, 2000, 4000, 8000)
MIDDLE = (2, 3)  # 500 and 1000 Hz: the single figure of ISO 3382-1
CROSSOVER = 0.25  # octaves on either side of a band's edge
SPLIT_PAD = 8192  # samples of silence for the ends of the split's filters
CORRECTIONS, CLOSE_ENOUGH, MOST_CORRECTION = 3, 0.03, 1.4
MADE_BY = (CROSSOVER, SPLIT_PAD, CORRECTIONS, CLOSE_ENOUGH, MOST_CORRECTION)
LEAST_S = 0.5  # shorter, an octave holds too few reflections for a decay of its own
LEAST_BT = 16.0  # bandwidth times reverberation time from which a decay can be read (ISO 3382-2)
FLOOR, CEILING, SIDES = 0.25, 0.25, 0.5  # shares of the surface of a room

Samples = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Walls:
    """Absorption by octave of floor, ceiling and walls, each by the name of its material."""

    floor: str
    ceiling: str
    sides: str

    @property
    def absorption(self) -> tuple[float, ...]:
        """The mean absorption of the room's surface in every band, 0 to 1."""
        parts = zip(*(MATERIALS[n] for n in (self.floor, self.ceiling, self.sides)), strict=True)
        return tuple(FLOOR * a + CEILING * b + SIDES * c for a, b, c in parts)

    def times(self, rt60: float) -> tuple[float, ...]:
        """Return the reverberation time of every band, in s, if that of the middle is `rt60`."""
        inverse = 1 / np.array(self.absorption)
        return tuple(float(t) for t in rt60 * inverse / inverse[list(MIDDLE)].mean())


MATERIALS: Mapping[str, tuple[float, ...]] = {  # absorption in each band; 8 kHz as 4 kHz if unknown
    "carpet_thin": (0.02, 0.04, 0.08, 0.2, 0.35, 0.4, 0.4),
    "ceiling_fissured_tile": (0.49, 0.53, 0.53, 0.75, 0.92, 0.99, 0.99),
    "hard_surface": (0.02, 0.02, 0.03, 0.03, 0.04, 0.05, 0.05),
    "linoleum_on_concrete": (0.02, 0.03, 0.03, 0.03, 0.03, 0.02, 0.02),
    "plasterboard": (0.15, 0.1, 0.06, 0.04, 0.04, 0.05, 0.05),
    "rough_concrete": (0.02, 0.03, 0.03, 0.03, 0.04, 0.07, 0.07),
}
GREY = "grey"  # the same absorption at every frequency
WALLS: Mapping[str, Walls] = {
    "hard": Walls("linoleum_on_concrete", "rough_concrete", "hard_surface"),
    "office": Walls("carpet_thin", "ceiling_fissured_tile", "plasterboard"),
}


def response(grey: Callable[[float], Samples], walls: Walls, rt60: float) -> Samples:
    """Return the response whose octaves decay as the walls say.

    `grey` gives the response (L,) with grey walls for a reverberation time in s. Few modes of a
    room fall into a low octave, so one octave of a grey room decays faster or slower than the
    whole. The times that are asked of it are therefore corrected by those that are measured.
    """
    wanted = np.array(walls.times(rt60))
    asked = wanted.copy()
    parts = [grey(float(time)) for time in asked]
    for _ in range(CORRECTIONS):
        ratio = np.append(octave_t20(_joined(parts)) / wanted[:-1], 1.0)
        for band in np.flatnonzero(np.abs(ratio - 1) > CLOSE_ENOUGH):  # NaN is no reason
            asked[band] /= np.clip(ratio[band], 1 / MOST_CORRECTION, MOST_CORRECTION)
            parts[band] = grey(float(asked[band]))
    return _joined(parts)


def _joined(parts: Sequence[Samples]) -> Samples:
    """Join one octave of each response (L,) to one response, as long as the longest."""
    size = max(part.size for part in parts)
    length = size + SPLIT_PAD
    weights = split(np.fft.rfftfreq(length, 1 / SAMPLE_RATE))
    spectra = [w * np.fft.rfft(part, length) for w, part in zip(weights, parts, strict=True)]
    return np.fft.irfft(np.sum(spectra, axis=0), length)[:size]


def split(frequencies: Samples) -> Samples:
    """Return the share of every band at each frequency in Hz, (bands, n); they sum to 1."""
    octave = np.log2(np.maximum(frequencies, 1.0))
    edges = np.log2(BANDS_HZ[:-1]) + 0.5
    above = [np.clip((octave - edge) / (2 * CROSSOVER) + 0.5, 0, 1) for edge in edges]
    above = [np.sin(0.5 * np.pi * share) ** 2 for share in above]
    above = [np.ones_like(octave), *above, np.zeros_like(octave)]
    return np.array([low - high for low, high in pairwise(above)])


def octave_t20(samples: npt.NDArray[np.floating]) -> tuple[float, ...]:
    """Return T20 in s of a response at 16 kHz in each octave from 125 to 4000 Hz.

    The octaves are Butterworth bands of sixth order. NaN where the decay is too short for the band.
    """
    found = []
    for centre in BANDS_HZ[:-1]:
        edges = (centre / np.sqrt(2), centre * np.sqrt(2))
        band = butter(3, edges, "bandpass", fs=SAMPLE_RATE, output="sos")
        time = t20(sosfilt(band, samples), SAMPLE_RATE)
        found.append(time if time * (edges[1] - edges[0]) >= LEAST_BT else float("nan"))
    return tuple(found)


def middle(times: tuple[float, ...]) -> float:
    """Return the mean of the times at 500 and 1000 Hz, in s."""
    return float(np.mean([times[place] for place in MIDDLE]))
