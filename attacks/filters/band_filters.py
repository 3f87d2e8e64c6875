"""Filters that take part of the band away, and the smoothing that blunts it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.ndimage import uniform_filter1d

from attacks.contract.base import Attack, Check, Facts, Severity, Wave, attack, integer, number
from attacks.filters.linear_phase import BandDesign, BandFilter
from attacks.filters.response_curve import Array, affected, response_check
from benchmark.core.errors import InputError

TOP_HZ = 7700.0


@attack("lowpass")
@dataclass(frozen=True)
class LowPass(BandFilter):
    """Linear-phase low-pass, its delay removed: -6 dB at `cutoff`.

    cutoff : Hz, 200 to 7700. The transition is a tenth of the cutoff wide, at least 100 and at
    most 500 Hz, and centred on it: the pass band (within 0.01 dB) ends half of that below the
    cutoff, and from half of that above it everything is at least 60 dB down.
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
        """Hz from which on the claimed attenuation holds."""
        return self.cutoff + self.transition / 2


@attack("highpass")
@dataclass(frozen=True)
class HighPass(BandFilter):
    """Linear-phase high-pass, its delay removed: -6 dB at `cutoff`.

    cutoff : Hz, 20 to 7000. The transition, centred on the cutoff, is half the cutoff wide and at
    most 500 Hz: below it everything is at least 60 dB down, above it the pass band is within
    0.01 dB.
    """

    cutoff: float = number(300.0, low=20.0, high=7000.0, unit="Hz")

    severity = Severity("cutoff", "Hz", (100.0, 300.0, 600.0, 1200.0, 2400.0))

    @property
    def design(self) -> BandDesign:
        return BandDesign((self.cutoff,), _lower_transition(self.cutoff), low_passes=False)


@attack("bandpass")
@dataclass(frozen=True)
class BandPass(BandFilter):
    """Linear-phase band-pass, its delay removed: -6 dB at `low` and at `high`.

    low  : Hz, 20 to 4000
    high : Hz, 400 to 7700, and more than twice `low`. Both transitions have one width, centred on
           the cutoffs: half of `low` or a tenth of `high` (100 Hz at least), whichever is less,
           and at most 500 Hz. Outside of them everything is at least 60 dB down.
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
    """Linear-phase notch (band-stop), its delay removed: -6 dB at `width` / 2 about `centre`.

    centre : Hz, 40 to 7500
    width  : Hz, 20 to 4000, its edges between 5 and 7900 Hz. The transitions, centred on the
             edges, are half the width wide and at most 500 Hz; between them everything is at
             least 60 dB down.
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
    """Moving average over `width` samples, centred: a crude low-pass that leaves side lobes.

    width : samples, 2 to 64. The response is sin(pi f w / r) / (w sin(pi f / r)) at the rate r,
    its first zero at r / w. An even width reaches one sample further back than ahead, so that it
    trails by half a sample. The samples beyond either end count as zeros.
    """

    width: int = integer(6, low=2, high=64, unit="samples")

    family = "filtering"
    severity = Severity("width", "samples", (3, 6, 10, 16, 24))
    measures = "response in third octaves"
    citation = ""

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        exact = wave.astype(np.float64)  # the running sum would gather rounding
        return uniform_filter1d(exact, self.width, mode="constant").astype(np.float32)

    def gain(self, hertz: Array, sample_rate: int) -> Array:
        """Magnitude of the response at `hertz`."""
        half_turn = np.pi * np.maximum(hertz, 1e-3) / sample_rate
        return np.abs(np.sin(half_turn * self.width) / (self.width * np.sin(half_turn)))

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        curve = partial(self.gain, sample_rate=sample_rate)
        return affected(wave, sample_rate, curve, self.residual_floor)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        curve = partial(self.gain, sample_rate=sample_rate)
        return [response_check(before, after, sample_rate, curve)]


def _upper_transition(cutoff: float) -> float:
    return float(np.clip(0.1 * cutoff, 100.0, 500.0))


def _lower_transition(cutoff: float) -> float:
    return min(0.5 * cutoff, 500.0)
