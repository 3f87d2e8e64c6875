"""Linear-phase filters with stop bands: designed, applied without lag, verified on every utterance.

A Kaiser-window FIR (Kaiser 1974; Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3)
designed for 80 dB. The samples beyond either end of the utterance count as zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin, kaiser_beta, kaiserord, oaconvolve

from attacks.contract.base import Attack, AttackError, Check, Facts, Wave
from attacks.filters.band_levels import Spectrum, spectrum_of

STOP_DB = 80.0  # what the filter is designed for
CLAIM_DB = 60.0  # what it claims, and every utterance is held to
PASSED_DB = -50.0  # energy of the change over the pass bands'
LENGTHS = 4  # of the filter that a wave must have, or its ends decide the measurement
MARGIN_DB = 1.0  # over the least effect, for what rounding may cost

Band = tuple[float, float]


@dataclass(frozen=True)
class BandDesign:
    """Which bands pass.

    cutoffs    : Hz, rising; at each the response is -6 dB and passing turns into stopping
    transition : Hz; its width around every cutoff
    low_passes : whether the band from 0 Hz to the first cutoff passes
    """

    cutoffs: tuple[float, ...]
    transition: float
    low_passes: bool

    def bands(self, sample_rate: int) -> tuple[list[Band], list[Band]]:
        """The stop bands and the pass bands, in Hz, without the transitions."""
        half = self.transition / 2
        starts = [0.0, *(cutoff + half for cutoff in self.cutoffs)]
        ends = [*(cutoff - half for cutoff in self.cutoffs), sample_rate / 2]
        bands = list(zip(starts, ends, strict=True))
        first, second = bands[0::2], bands[1::2]
        return (second, first) if self.low_passes else (first, second)

    def fits(self, sample_rate: int) -> bool:
        """True when every band is left some width between 0 Hz and half the sample rate."""
        stop, passed = self.bands(sample_rate)
        return all(low < high for low, high in (*stop, *passed))


@dataclass(frozen=True)
class BandFilter(Attack):
    """Base of filters with stop bands; subclasses give the `design` of their parameters."""

    family = "filtering"
    measures = "attenuation of the stop band, error in the pass band"
    citation = ""

    @property
    def design(self) -> BandDesign:
        """The bands that the parameters ask for."""
        raise NotImplementedError

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        if not self.design.fits(sample_rate):
            cutoffs = " and ".join(f"{cutoff:g}" for cutoff in self.design.cutoffs)
            raise AttackError(f"cutoff {cutoffs} Hz does not fit {sample_rate} Hz")
        taps = kaiser_taps(self.design, sample_rate)
        return np.asarray(oaconvolve(wave, taps)[taps.size // 2 :][: wave.size], dtype=np.float32)

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        """True where what such a filter takes away, from its pass band's end on, can show.

        Its transition counts for what it takes, so that a recording whose band ends inside of it
        is measurable; what the wave's abrupt ends lose does not count.
        """
        taps = kaiser_taps(self.design, sample_rate)
        inner = wave[taps.size // 2 : -(taps.size // 2)]
        if wave.size < taps.size:
            return False
        lost = np.square(inner - oaconvolve(wave, taps, mode="valid"), dtype=np.float64)
        faint = 10 ** ((self.residual_floor + MARGIN_DB) / 10)
        return bool(np.sum(lost) > faint * np.sum(np.square(wave, dtype=np.float64)))

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        old, new = spectrum_of(before, sample_rate), Spectrum(after, sample_rate)
        stop, passed = self.design.bands(sample_rate)
        if before.size < LENGTHS * kaiser_taps(self.design, sample_rate).size:
            # the window then reaches from strong bands far into the narrow ones beside them
            stop, passed = [band for band in stop if band[1] == sample_rate / 2], []
        drops = [old.drop_db(new, *band) for band in stop]
        errors = [old.difference_db(new, *band) for band in passed]
        stopped = min((drop for drop in drops if drop is not None), default=None)
        changed = max((error for error in errors if error is not None), default=None)
        return [
            Check.at_least("stop band attenuation", "dB", CLAIM_DB, stopped),
            Check.at_most("pass band error", "dB", PASSED_DB, changed, effect=False),
        ]


@lru_cache(maxsize=64)
def kaiser_taps(design: BandDesign, sample_rate: int) -> npt.NDArray[np.float32]:
    """The impulse response, float32, symmetric and of odd length."""
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
