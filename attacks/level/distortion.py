"""Distortion of each sample on its own: clipping, quantisation, an offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attacks.contract.base import (
    Attack,
    Check,
    Facts,
    SampleLimits,
    Severity,
    Wave,
    attack,
    choice,
    integer,
    number,
)
from attacks.contract.launder import residual

MARGIN_DB = 1.0  # over the smallest effect, for rounding
ROUNDING = 1e-4  # relative tolerance of a level in float32
ON_GRID = 0.02  # tolerance in steps


@dataclass(frozen=True)
class Amplitude(Attack):
    """Base of these attacks: a curve from input to output amplitude, fixed per wave."""

    family = "channel"
    citation = ""

    def shape(self, wave: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the samples (T,) after the curve; `wave` (T,) has at least one non-zero sample."""
        raise NotImplementedError

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        if not wave.any():
            return wave.copy()
        return self.shape(wave.astype(np.float64)).astype(np.float32)

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        """Return False if only the level could change, as in a wave of one amplitude."""
        exact = wave.astype(np.float64)
        change = residual(wave, self.shape(exact).astype(np.float32)) if wave.any() else None
        return change is not None and change > self.residual_floor + MARGIN_DB


@attack("clipping")
@dataclass(frozen=True)
class Clipping(Amplitude):
    """Clipping at `depth` dB below the utterance's peak, as in an overdriven input.

    depth : dB, 0.5 to 40
    kind  : hard (flat above the threshold c) or soft (c tanh(x / c), which also bends below it)

    The level is not restored, because the peak afterwards is the claim. With soft clipping the peak
    is lower than the threshold, by tanh of the overdrive.
    """

    depth: float = number(12.0, low=0.5, high=40.0, unit="dB")
    kind: str = choice("hard", "hard", "soft")

    severity = Severity("depth", "dB", (3.0, 6.0, 12.0, 18.0, 24.0))
    measures = "peak against the threshold, samples over it"

    def shape(self, wave: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        threshold = _peak(wave) * 10 ** (-self.depth / 20)
        if self.kind == "soft":
            return threshold * np.tanh(wave / threshold)
        return np.clip(wave, -threshold, threshold)

    @property
    def limits(self) -> SampleLimits:
        return SampleLimits(level=(-self.depth - 3.0, 0.5), alive=None, envelope=0.5, clipping=None)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        peak = _peak(before)
        claimed = -self.depth
        if self.kind == "soft":
            claimed += 20 * float(np.log10(np.tanh(10 ** (self.depth / 20))))
        if peak == 0.0 or before.size != after.size:
            return [Check.near("peak", "dB", claimed, None, 0.01)]
        found = 20 * float(np.log10(max(_peak(after) / peak, 1e-10)))
        checks = [Check.near("peak", "dB", claimed, found, 0.01)]
        if self.kind == "hard":
            threshold = peak * 10 ** (-self.depth / 20)
            over = int(np.count_nonzero(np.abs(before) > threshold * (1 + ROUNDING)))
            flat = int(np.count_nonzero(np.abs(after) >= threshold * (1 - ROUNDING)))
            near = int(np.count_nonzero(np.abs(before) >= threshold * (1 - 2 * ROUNDING)))
            below = np.abs(before) < threshold * (1 - ROUNDING)
            changed = int(np.count_nonzero(after[below] != before[below]))
            checks += [
                Check.near("samples clipped", "samples", over, flat, near - over),
                Check.at_most("samples changed", "samples", 0, changed, effect=False),
            ]
        return checks


@attack("quantise")
@dataclass(frozen=True)
class Quantise(Amplitude):
    """Uniform quantisation to `bits` bits, mid-tread, full scale at the utterance's peak.

    bits : 2 to 15. There are 2^bits - 1 levels, symmetric about zero and including zero. The step
           is the peak / (2^(bits - 1) - 1), without dither. The error is at most half a step. Its
           level over that of a wave that fills the range evenly is -6.02 dB per bit
    """

    bits: int = integer(8, low=2, high=15, unit="bits")

    severity = Severity("bits", "bits", (10, 8, 6, 4, 3))
    measures = "distance from the grid, error in steps"

    @property
    def near_identity(self) -> bool:
        return self.bits > 10

    def _step(self, wave: npt.NDArray[np.floating]) -> float:
        return _peak(wave) / (2 ** (self.bits - 1) - 1)

    def shape(self, wave: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        step = self._step(wave)
        return np.rint(wave / step) * step

    @property
    def limits(self) -> SampleLimits:
        if self.bits >= 8:
            return SampleLimits(silence=None)
        return SampleLimits(alive=None, envelope=0.3, silence=None, clipping=0.2)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        distance = error = None
        if before.any() and before.size == after.size:
            step = self._step(before)
            levels = after.astype(np.float64) / step
            distance = float(np.abs(levels - np.rint(levels)).max())
            error = float(np.abs(levels - before / step).max())
        return [
            Check.at_most("distance from the grid", "steps", ON_GRID, distance),
            Check.at_most("error", "steps", 0.5 + ON_GRID, error, effect=False),
        ]


@attack("dc_offset")
@dataclass(frozen=True)
class DcOffset(Amplitude):
    """A constant added to every sample, as by a cheap sound card.

    offset : share of full scale, 0.002 to 0.5. Samples may leave the range from -1 to 1
    """

    offset: float = number(0.05, low=0.002, high=0.5, unit="full scale")

    severity = Severity("offset", "full scale", (0.005, 0.02, 0.05, 0.1, 0.2))
    measures = "mean added, and nothing but it"

    def shape(self, wave: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return wave + self.offset

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        return self.shape(wave.astype(np.float64)).astype(np.float32)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        added = after.astype(np.float64) - before
        rounding = float(np.finfo(np.float32).eps) * (_peak(before) + self.offset)
        tolerance = max(ROUNDING * self.offset, rounding)
        spread = float(np.abs(added - added.mean()).max())
        return [
            Check.near("offset", "full scale", self.offset, float(added.mean()), tolerance),
            Check.at_most("ripple", "full scale", tolerance, spread, effect=False),
        ]


def _peak(wave: npt.NDArray[np.floating]) -> float:
    return float(np.abs(wave).max())
