"""Equalisers, which change the balance between bands but remove none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attacks.contract.base import Attack, Check, Facts, Severity, Wave, attack, number
from attacks.filters.response_curve import (
    SHAPED,
    Array,
    Curve,
    affected,
    broad,
    peak,
    response_checks,
    shaped,
)

GAIN_STEP_DB = 1e-4  # to which the gains are rounded
OCTAVES_HZ = (62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)


@attack("eq")
@dataclass(frozen=True)
class Equaliser(Attack):
    """Graphic equaliser: a gain per octave, drawn for every utterance.

    gain : dB, 1 to 24: how far the most changed octave is raised or lowered

    The gains at 62.5, 125, ..., 8000 Hz are drawn uniformly, centred on a mean of 0 dB, and scaled
    so that the largest is `gain` up or down. Between these frequencies they are linear in dB over
    the logarithm of frequency. They are drawn before they are scaled, so their pattern is the same
    at every level. The gains are facts. Zero phase, hence no lag.
    """

    gain: float = number(6.0, low=1.0, high=24.0, unit="dB")

    family = "filtering"
    version = 2
    severity = Severity("gain", "dB", (3.0, 6.0, 9.0, 12.0, 18.0))
    measures = "response in third octaves"
    citation = ""
    limits = SHAPED

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        pattern = rng.random(len(OCTAVES_HZ))
        pattern -= pattern.mean()
        gains = [round(self.gain * float(g), 4) for g in pattern / np.abs(pattern).max()]
        return shaped(wave, _graphic(gains), sample_rate), {"gains": gains}

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        return broad(wave, sample_rate)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        largest = max(map(abs, facts["gains"]))
        return [
            *response_checks(before, after, sample_rate, _graphic(facts["gains"])),
            Check.near("largest gain", "dB", self.gain, largest, GAIN_STEP_DB, effect=False),
        ]


@attack("peaking")
@dataclass(frozen=True)
class Peaking(Attack):
    """One equaliser band: `gain` dB at `centre`, with the quality factor `q`.

    centre : Hz, 100 to 7000
    gain   : dB, -24 to 24; less than 1 either way is nearly the identity
    q      : 0.3 to 6; at 1.4 the band is an octave wide

    The magnitude is that of the analogue peaking equaliser. Zero phase, hence no lag. Several bands
    are a chain: `peaking(centre=300) | peaking(centre=3000, gain=-6)`.
    """

    centre: float = number(1000.0, low=100.0, high=7000.0, unit="Hz")
    gain: float = number(6.0, low=-24.0, high=24.0, unit="dB")
    q: float = number(1.4, low=0.3, high=6.0)

    family = "filtering"
    version = 2
    severity = Severity("gain", "dB", (3.0, 6.0, 9.0, 12.0, 18.0))
    measures = "response in third octaves"
    citation = ""
    limits = SHAPED

    @property
    def near_identity(self) -> bool:
        return abs(self.gain) < 1.0

    def _curve(self, hertz: Array) -> Array:
        return peak(hertz, self.centre, self.gain, self.q)

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        return shaped(wave, self._curve, sample_rate)

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        return affected(wave, sample_rate, self._curve, self.residual_floor)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        return response_checks(before, after, sample_rate, self._curve)


def _graphic(gains: list[float]) -> Curve:
    def curve(hertz: Array) -> Array:
        octaves = np.log2(np.maximum(hertz, 1.0))
        return np.asarray(10 ** (np.interp(octaves, np.log2(OCTAVES_HZ), gains) / 20))

    return curve
