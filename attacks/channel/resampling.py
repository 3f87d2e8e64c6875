"""Resampling to another rate and back, or, as a published mistake, without the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, gcd

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from attacks.contract.base import (
    Attack,
    AttackError,
    Check,
    Facts,
    SampleLimits,
    Severity,
    Wave,
    attack,
    choice,
    flag,
    integer,
)
from attacks.filters.band_levels import EFFECT_DB, Spectrum, spectrum_of
from benchmark.audio.reader import SAMPLE_RATE, resample

INTERPOLATED_DB = -80.0  # error of linear interpolation against integer arithmetic


@dataclass(frozen=True)
class ResamplerQuality:
    """Claims of a resampler for the way to another rate and back.

    stop_db    : least attenuation in dB of what remains above the new band
    mirrored   : True if it is relative to the whole utterance, because the resampler leaves images
                 above the new band; False if it is relative to what that band held
    stop_share : where "above the new band" begins, as a share of the smaller Nyquist frequency
    kept_db    : largest change within the new band, in dB relative to the speech
    kept_share : where "within the new band" ends, as a share of the smaller Nyquist frequency
    """

    stop_db: float
    mirrored: bool
    stop_share: float
    kept_db: float
    kept_share: float


FILTERED: Mapping[str, ResamplerQuality] = {
    "soxr_hq": ResamplerQuality(70.0, False, 1.0, -50.0, 0.85),
    # a Kaiser window (beta 5) over ten zero crossings on either side: half the amplitude passes at
    # the Nyquist frequency; from 16 % above it on, images of strong components are 53 dB down
    "polyphase": ResamplerQuality(45.0, True, 1.2, -40.0, 0.8),
}
LINEAR = "linear"
POLYPHASE_REACH = 22  # samples at the lower rate: ten on either side, both ways


@attack("resample")
@dataclass(frozen=True)
class Resample(Attack):
    """Resampling to `rate` and back to the utterance's own sample rate.

    rate     : Hz, 1000 to 192000
    quality  : the resampler, both ways: soxr_hq; polyphase (a short FIR, the default of scipy's
               resample_poly: some aliasing around the Nyquist frequency); linear (interpolation
               between neighbours without a filter: everything above rate / 2 aliases)
    returned : true; false reproduces a published mistake: the samples stay at `rate` and are read
               as 16 kHz audio. Speech becomes slower and lower (above 16 kHz) or faster and higher
               (below), by the factor rate / 16000

    Below the utterance's own rate, everything above rate / 2 is attenuated by at least 70 dB
    (polyphase: what remains above 0.6 rate is 45 dB below the whole utterance). From its own rate
    on, the attack claims to be nearly the identity: below 6.8 kHz (at 16 kHz) the change is at
    least 50 dB below the speech (polyphase: 40 dB, below 6.4 kHz). Linear interpolation makes no
    claim about bands, but about the value of every sample.

    The length is kept to the sample, unless `returned` is false, and there is no lag.
    """

    rate: int = integer(8000, low=1000, high=192000, unit="Hz")
    quality: str = choice("soxr_hq", *FILTERED, LINEAR)
    returned: bool = flag(True)

    family = "resampling"
    severity = Severity("rate", "Hz", (14000, 11025, 8000, 6000, 4000))
    measures = "attenuation above the new band, error within; linear: the interpolation"
    citation = ""

    @property
    def warp(self) -> float | None:
        return 1.0 if self.returned else self.rate / SAMPLE_RATE

    @property
    def near_identity(self) -> bool:
        return self.rate >= SAMPLE_RATE

    @property
    def limits(self) -> SampleLimits:
        free = {} if self.returned else {"lag": None}  # undone for its own check instead
        if self.quality == LINEAR:  # its own check compares every sample
            free["clipping"] = None
        return SampleLimits(level=(-60.0, 3.0), alive=None, envelope=None, **free)

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        if not self.returned and sample_rate != SAMPLE_RATE:
            raise AttackError(f"returned=false needs {SAMPLE_RATE} Hz, not {sample_rate}")
        if self.quality == LINEAR:
            there = _linear(wave, sample_rate, self.rate, _size(wave.size, sample_rate, self.rate))
            return _linear(there, self.rate, sample_rate, wave.size) if self.returned else there
        if not self.returned:
            out = _filtered(wave, sample_rate, self.rate, self.quality)
            return out if out.size else np.zeros(1, dtype=np.float32)
        # zeros after the end, so that rounding the length at the other rate loses no sample
        spare = np.zeros(self._spare(sample_rate), dtype=np.float32)
        there = _filtered(np.concatenate([wave, spare]), sample_rate, self.rate, self.quality)
        return _filtered(there, self.rate, sample_rate, self.quality)[: wave.size]

    def _spare(self, sample_rate: int) -> int:
        if self.quality == "polyphase":  # its filters also need room to end
            return ceil(POLYPHASE_REACH * max(1.0, sample_rate / self.rate))
        return ceil(2 * sample_rate / self.rate) + 2

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        return spectrum_of(wave, sample_rate).holds(self.rate / 2, sample_rate / 2, EFFECT_DB)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        if self.quality == LINEAR:
            error = self._interpolation_error_db(before, after, sample_rate)
            return [Check.at_most("interpolation error", "dB", INTERPOLATED_DB, error)]
        claims = FILTERED[self.quality]
        if not self.returned:
            # undo the change of rate with the other resampler
            other = next(quality for quality in FILTERED if quality != self.quality)
            spare = np.zeros(ceil(sample_rate / self.rate) + 1, dtype=np.float32)
            back = _filtered(after, self.rate, sample_rate, other)
            after = np.concatenate([back, spare])[: before.size]
            claims = FILTERED["polyphase"]
        old, new = spectrum_of(before, sample_rate), Spectrum(after, sample_rate)
        nyquist = min(self.rate, sample_rate) / 2
        error = old.difference_db(new, 0.0, claims.kept_share * nyquist)
        if not self.returned:
            return [Check.at_most("error once undone", "dB", claims.kept_db, error)]
        if self.rate >= sample_rate:  # near identity is then the whole claim
            return [Check.at_most("change", "dB", claims.kept_db, error)]
        above = claims.stop_share * nyquist, sample_rate / 2
        if claims.mirrored:
            left = old.level_db(new, *above) if old.holds(*above, EFFECT_DB) else None
            stopped = Check.at_most("left above the new band", "dB", -claims.stop_db, left)
        else:
            dropped = old.drop_db(new, *above)
            stopped = Check.at_least("stop band attenuation", "dB", claims.stop_db, dropped)
        return [
            stopped,
            Check.at_most("pass band error", "dB", claims.kept_db, error, effect=False),
        ]

    def _interpolation_error_db(self, before: Wave, after: Wave, sample_rate: int) -> float | None:
        """Return the error against linear interpolation at instants computed in integers, in dB."""
        size = _size(before.size, sample_rate, self.rate)
        want = _linear_exactly(before.astype(np.float64), sample_rate, self.rate, size)
        if self.returned:
            want = _linear_exactly(want, self.rate, sample_rate, before.size)
        energy = float(np.sum(want**2))
        if energy == 0.0 or want.size != after.size:
            return None
        return 10 * float(np.log10(max(float(np.sum((after - want) ** 2)) / energy, 1e-20)))


def _size(size: int, rate: int, to: int) -> int:
    """Return the length at `to` Hz of a wave of `size` samples at `rate` Hz; at least one."""
    return max(1, round(size * to / rate))


def _filtered(wave: Wave, rate: int, to: int, quality: str) -> Wave:
    if quality == "soxr_hq":
        return resample(wave, rate, to)
    common = gcd(rate, to)
    exact = resample_poly(wave.astype(np.float64), to // common, rate // common)
    return np.asarray(exact, dtype=np.float32)


def _linear(wave: Wave, rate: int, to: int, size: int) -> Wave:
    """Return `size` samples at `to` Hz by linear interpolation of `wave`.

    After the last sample its value is held.
    """
    at = np.arange(size) * (rate / to)
    return np.interp(at, np.arange(wave.size), wave).astype(np.float32)


def _linear_exactly(
    wave: npt.NDArray[np.float64], rate: int, to: int, size: int
) -> npt.NDArray[np.float64]:
    whole, part = np.divmod(np.arange(size, dtype=np.int64) * rate, to)
    left = np.minimum(whole, wave.size - 1)
    right = np.minimum(whole + 1, wave.size - 1)
    return np.asarray(wave[left] + (wave[right] - wave[left]) * (part / to))
