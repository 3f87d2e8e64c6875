"""Filters that stop part of the band, and smoothing by a moving average."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.ndimage import uniform_filter1d

from attacks.contract.base import Attack, Check, Facts, Severity, Wave, attack, integer, number
from attacks.filters.linear_phase import BandDesign, BandFilter
from attacks.filters.response_curve import FILTERED, Array, Response, affected, response_checks
from benchmark.core.errors import InputError

TOP_HZ = 7700.0


@attack("lowpass")
@dataclass(frozen=True)
class LowPass(BandFilter):
    """Linear-phase low-pass with its delay removed: -6 dB at `cutoff`.

    cutoff : Hz, 200 to 7700. The transition is centred on the cutoff and a tenth of it wide, at
             least 100 and at most 500 Hz. The pass band (within 0.01 dB) ends half a transition
             below the cutoff. From half a transition above it on, everything is attenuated by at
             least 60 dB
    """

    cutoff: float = number(7000.0, low=200.0, high=TOP_HZ, unit="Hz")

    severity = Severity("cutoff", "Hz", (7000.0, 5500.0, 4000.0, 2800.0, 1500.0))

    @property
    def design(self) -> BandDesign:
        return BandDesign((self.cutoff,), self.transition, low_passes=True)

    @property
    def transition(self) -> float:
        """Width in Hz between the end of the pass band and the start of the stop band."""
        return _upper_transition(self.cutoff)

    @property
    def stop_edge(self) -> float:
        """Frequency in Hz from which on the claimed attenuation holds."""
        return self.cutoff + self.transition / 2


@attack("highpass")
@dataclass(frozen=True)
class HighPass(BandFilter):
    """Linear-phase high-pass with its delay removed: -6 dB at `cutoff`.

    cutoff : Hz, 20 to 7000. The transition is centred on the cutoff, half of it wide and at most
             500 Hz. Below the transition everything is attenuated by at least 60 dB; above it the
             pass band is within 0.01 dB
    """

    cutoff: float = number(300.0, low=20.0, high=7000.0, unit="Hz")

    severity = Severity("cutoff", "Hz", (100.0, 300.0, 600.0, 1200.0, 2400.0))

    @property
    def design(self) -> BandDesign:
        return BandDesign((self.cutoff,), _lower_transition(self.cutoff), low_passes=False)


@attack("bandpass")
@dataclass(frozen=True)
class BandPass(BandFilter):
    """Linear-phase band-pass with its delay removed: -6 dB at `low` and at `high`.

    low  : Hz, 20 to 4000
    high : Hz, 400 to 7700, and more than twice `low`. Both transitions have the same width and are
           centred on the cutoffs. The width is half of `low` or a tenth of `high` (at least
           100 Hz), whichever is less, and at most 500 Hz. Outside the transitions everything is
           attenuated by at least 60 dB
    """

    low: float = number(300.0, low=20.0, high=4000.0, unit="Hz")
    high: float = number(3400.0, low=400.0, high=TOP_HZ, unit="Hz")

    severity = Severity("high", "Hz", (7000.0, 5500.0, 4000.0, 2800.0, 1500.0))

    def validate(self) -> None:
        if self.high <= 2 * self.low:
            raise InputError(
                f"bandpass: high={self.high:g} Hz must be more than twice low={self.low:g} Hz"
            )

    @property
    def design(self) -> BandDesign:
        transition = min(_lower_transition(self.low), _upper_transition(self.high))
        return BandDesign((self.low, self.high), transition, low_passes=False)


@attack("notch")
@dataclass(frozen=True)
class Notch(BandFilter):
    """Linear-phase notch (band-stop) with its delay removed: -6 dB at `width` / 2 from `centre`.

    centre : Hz, 40 to 7500
    width  : Hz, 20 to 4000, with the edges and their transitions between 5 and 7900 Hz. The
             transitions are centred on the edges, half the width wide and at most 500 Hz. Between
             them everything is attenuated by at least 60 dB
    """

    centre: float = number(1000.0, low=40.0, high=7500.0, unit="Hz")
    width: float = number(200.0, low=20.0, high=4000.0, unit="Hz")

    severity = Severity("width", "Hz", (50.0, 100.0, 200.0, 500.0, 1000.0))

    def validate(self) -> None:
        low, high = self._edges
        half = self.design.transition / 2
        if low - half < 5.0 or high + half > 7900.0:
            raise InputError(
                f"notch: a width of {self.width:g} Hz about {self.centre:g} Hz, with its"
                " transitions, does not fit between 5 and 7900 Hz"
            )

    @property
    def _edges(self) -> tuple[float, float]:
        return self.centre - self.width / 2, self.centre + self.width / 2

    @property
    def design(self) -> BandDesign:
        return BandDesign(self._edges, min(0.5 * self.width, 500.0), low_passes=True)


@attack("smoothing")
@dataclass(frozen=True)
class Smoothing(Attack):
    """Moving average over `width` samples, centred: a crude low-pass with side lobes.

    width : samples, 2 to 64. The response is sin(pi f w / r) / (w sin(pi f / r)) at the rate r,
            with its first zero at r / w. An even width reaches one sample further back than ahead,
            so it trails by half a sample. Samples beyond either end count as zeros
    """

    width: int = integer(6, low=2, high=64, unit="samples")

    family = "filtering"
    severity = Severity("width", "samples", (3, 6, 10, 16, 24))
    measures = "response in third octaves"
    citation = ""
    limits = FILTERED

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        exact = wave.astype(np.float64)  # a running sum in float32 would accumulate rounding errors
        return uniform_filter1d(exact, self.width, mode="constant").astype(np.float32)

    def response(self, hertz: Array, sample_rate: int) -> Response:
        """Return the response at `hertz`; an even width trails by half a sample."""
        half_turn = np.pi * np.maximum(hertz, 1e-3) / sample_rate
        real = np.sin(half_turn * self.width) / (self.width * np.sin(half_turn))
        return real if self.width % 2 else real * np.exp(-1j * half_turn)

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        curve = partial(self.response, sample_rate=sample_rate)
        return affected(wave, sample_rate, curve, self.residual_floor)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        curve = partial(self.response, sample_rate=sample_rate)
        return response_checks(before, after, sample_rate, curve)


def _upper_transition(cutoff: float) -> float:
    return float(np.clip(0.1 * cutoff, 100.0, 500.0))


def _lower_transition(cutoff: float) -> float:
    return min(0.5 * cutoff, 500.0)
