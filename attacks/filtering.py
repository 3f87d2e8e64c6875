"""Filters that take part of the band away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin, kaiser_beta, kaiserord, oaconvolve

from attacks.base import Attack, AttackError, Check, Facts, Severity, Wave, attack, number
from attacks.spectrum import Spectrum

STOP_DB = 80.0  # what the filter is designed for
CLAIM_DB = 60.0  # what it claims, and every utterance is held to
LENGTHS = 4  # of the filter that a wave must have, or its ends decide the measurement
TOP_HZ = 7700.0
MARGIN_DB = 1.0  # over the least effect, for what rounding may cost


@attack("lowpass")
@dataclass(frozen=True)
class LowPass(Attack):
    """Linear-phase low-pass, its delay removed: -6 dB at `cutoff`.

    cutoff : Hz, 200 to 7700. The transition is a tenth of the cutoff wide, at least 100 and at
    most 500 Hz, and centred on it: the pass band (within 0.01 dB) ends half of that below the
    cutoff, and from half of that above it everything is at least 60 dB down.

    A Kaiser-window FIR (Kaiser 1974; Oppenheim and Schafer, Discrete-Time Signal Processing,
    7.5.3) designed for 80 dB. The samples beyond either end of the utterance count as zeros.
    """

    cutoff: float = number(7000.0, low=200.0, high=TOP_HZ, unit="Hz")

    family = "filtering"
    severity = Severity("cutoff", "Hz", (7000.0, 5500.0, 4000.0, 2800.0, 1500.0))

    @property
    def transition(self) -> float:
        """Width in Hz between the end of the pass band and the start of the stop band."""
        return float(np.clip(0.1 * self.cutoff, 100.0, 500.0))

    @property
    def stop_edge(self) -> float:
        """Hz from which on the claimed attenuation holds."""
        return self.cutoff + self.transition / 2

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        if self.stop_edge >= sample_rate / 2:
            raise AttackError(f"cutoff {self.cutoff:g} Hz does not fit {sample_rate} Hz")
        taps = _taps(self.cutoff, self.transition, sample_rate)
        return np.asarray(oaconvolve(wave, taps)[taps.size // 2 :][: wave.size], dtype=np.float32)

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        """True where what such a filter takes away, from its pass band's end on, can show.

        Its transition counts for what it takes, so that a recording whose band ends inside of it
        is measurable; what the wave's abrupt ends lose does not count.
        """
        taps = _taps(self.cutoff, self.transition, sample_rate)
        inner = wave[taps.size // 2 : -(taps.size // 2)]
        if wave.size < taps.size:
            return False
        lost = np.square(inner - oaconvolve(wave, taps, mode="valid"), dtype=np.float64)
        faint = 10 ** ((self.residual_floor + MARGIN_DB) / 10)
        return bool(np.sum(lost) > faint * np.sum(np.square(wave, dtype=np.float64)))

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        old, new = Spectrum(before, sample_rate), Spectrum(after, sample_rate)
        stopped = old.drop_db(new, self.stop_edge, sample_rate / 2)
        passed = old.difference_db(new, 0.0, self.cutoff - self.transition / 2)
        if before.size < LENGTHS * _taps(self.cutoff, self.transition, sample_rate).size:
            passed = None
        return [
            Check.at_least("stop band attenuation", "dB", CLAIM_DB, stopped),
            Check.at_most("pass band error", "dB", -50.0, passed, effect=False),
        ]


@lru_cache(maxsize=64)
def _taps(cutoff: float, transition: float, sample_rate: int) -> npt.NDArray[np.float32]:
    count, _ = kaiserord(STOP_DB, transition / (sample_rate / 2))
    taps = firwin(count | 1, cutoff, window=("kaiser", kaiser_beta(STOP_DB)), fs=sample_rate)
    return taps.astype(np.float32)
