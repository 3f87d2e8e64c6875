"""Linear-phase filters with stop bands: designed, applied without lag, verified per utterance.

A Kaiser-window FIR (Kaiser 1974; Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3)
designed for 80 dB. Samples beyond either end of the utterance count as zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft
from scipy.signal import firwin, kaiser_beta, kaiserord, oaconvolve

from attacks.contract.base import Attack, AttackError, Check, Facts, Wave
from attacks.filters.band_levels import Spectrum, spectrum_of
from attacks.filters.response_curve import FILTERED

STOP_DB = 80.0  # attenuation of the design
CLAIM_DB = 60.0  # attenuation that is claimed, and checked on every utterance
PASSED_DB = -50.0  # largest energy of the change in the pass bands, over their energy
LENGTHS = 4  # filter lengths in the shortest wave to measure; in a shorter one the ends dominate
MARGIN_DB = 1.0  # over the smallest effect, for rounding

Band = tuple[float, float]


@dataclass(frozen=True)
class BandDesign:
    """The bands that a filter passes.

    cutoffs    : Hz, rising; the response is -6 dB at each, between a pass band and a stop band
    transition : Hz; its width around every cutoff
    low_passes : whether the band from 0 Hz to the first cutoff passes
    """

    cutoffs: tuple[float, ...]
    transition: float
    low_passes: bool

    def bands(self, sample_rate: int) -> tuple[list[Band], list[Band]]:
        """Return the stop bands and the pass bands, in Hz, without the transitions."""
        half = self.transition / 2
        starts = [0.0, *(cutoff + half for cutoff in self.cutoffs)]
        ends = [*(cutoff - half for cutoff in self.cutoffs), sample_rate / 2]
        bands = list(zip(starts, ends, strict=True))
        first, second = bands[0::2], bands[1::2]
        return (second, first) if self.low_passes else (first, second)

    def fits(self, sample_rate: int) -> bool:
        """Return True if every band has some width between 0 Hz and half the sample rate."""
        stop, passed = self.bands(sample_rate)
        return all(low < high for low, high in (*stop, *passed))


@dataclass(frozen=True)
class BandFilter(Attack):
    """Base of filters with stop bands; subclasses derive `design` from their parameters."""

    family = "filtering"
    measures = "attenuation of the stop band, error in the pass band"
    citation = ""
    limits = FILTERED

    @property
    def design(self) -> BandDesign:
        """The bands that the parameters define."""
        raise NotImplementedError

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        if not self.design.fits(sample_rate):
            cutoffs = " and ".join(f"{cutoff:g}" for cutoff in self.design.cutoffs)
            raise AttackError(f"cutoff {cutoffs} Hz does not fit {sample_rate} Hz")
        taps = kaiser_taps(self.design, sample_rate)
        return np.asarray(oaconvolve(wave, taps)[taps.size // 2 :][: wave.size], dtype=np.float32)

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        """Return True if what the filter removes, from its pass band's end on, is measurable.

        What the transition removes counts, so a recording whose band ends inside the transition is
        measurable. What the wave's abrupt ends lose does not count.
        """
        if wave.size < kaiser_taps(self.design, sample_rate).size:
            return False
        spectrum = spectrum_of(wave, sample_rate)
        powers = spectrum.bins.real**2 + spectrum.bins.imag**2
        removed = _removed(self.design, sample_rate, spectrum.size)
        faint = 10 ** ((self.residual_floor + MARGIN_DB) / 10)
        return bool(np.einsum("i,i->", powers, removed) > faint * powers.sum())

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        old, new = spectrum_of(before, sample_rate), Spectrum(after, sample_rate)
        stop, passed = self.design.bands(sample_rate)
        if before.size < LENGTHS * kaiser_taps(self.design, sample_rate).size:
            # the window then spreads strong bands far into narrow neighbours
            stop, passed = [band for band in stop if band[1] == sample_rate / 2], []
        drops = [old.drop_db(new, *band) for band in stop]
        errors = [old.difference_db(new, *band) for band in passed]
        stopped = min((drop for drop in drops if drop is not None), default=None)
        changed = max((error for error in errors if error is not None), default=None)
        return [
            Check.at_least("stop band attenuation", "dB", CLAIM_DB, stopped),
            Check.at_most("pass band error", "dB", PASSED_DB, changed, effect=False),
        ]


@lru_cache(maxsize=16)
def _removed(design: BandDesign, sample_rate: int, size: int) -> npt.NDArray[np.float64]:
    """Return the share of the energy that the filter removes from each bin of a spectrum."""
    taps = kaiser_taps(design, sample_rate)
    centred = np.roll(np.pad(taps, (0, size - taps.size)), -(taps.size // 2))
    return np.asarray((1 - rfft(centred.astype(np.float64)).real) ** 2)


@lru_cache(maxsize=64)
def kaiser_taps(design: BandDesign, sample_rate: int) -> npt.NDArray[np.float32]:
    """Return the impulse response: float32, symmetric, of odd length."""
    count, _ = kaiserord(STOP_DB, design.transition / (sample_rate / 2))
    taps = firwin(
        count | 1,
        design.cutoffs,
        window=("kaiser", kaiser_beta(STOP_DB)),
        pass_zero=design.low_passes,
        fs=sample_rate,
    )
    rounded = taps.astype(np.float32)
    rounded.flags.writeable = False
    return rounded
