"""Through another sample rate and back."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from attacks.base import Attack, Check, Facts, Severity, Wave, attack, integer
from attacks.spectrum import EFFECT_DB, Spectrum
from benchmark.audio import resample

CLAIM_DB = 70.0
KEPT_DB = -50.0  # energy of the change over the pass band's
PASSED_SHARE = 0.85  # of the smaller Nyquist frequency: where soxr HQ passes everything


@attack("resample")
@dataclass(frozen=True)
class Resample(Attack):
    """To `rate` and back to the utterance's own, both with soxr HQ.

    rate : Hz, 1000 to 192000. Below the utterance's own rate everything above rate / 2 is at
    least 70 dB down afterwards; from it on, the attack claims to be nearly the identity: below
    6.8 kHz (at 16 kHz) the change is at least 50 dB under the speech.

    The length is kept to the sample and there is no lag: soxr compensates its filters' delay.
    """

    rate: int = integer(8000, low=1000, high=192000, unit="Hz")

    family = "resampling"
    severity = Severity("rate", "Hz", (14000, 11025, 8000, 6000, 4000))

    @property
    def near_identity(self) -> bool:
        return self.rate >= 16000

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        # zeros behind the end, so that rounding the length down there costs nothing here
        spare = np.zeros(ceil(2 * sample_rate / self.rate) + 2, dtype=np.float32)
        there = resample(np.concatenate([wave, spare]), sample_rate, self.rate)
        return resample(there, self.rate, sample_rate)[: wave.size]

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        return Spectrum(wave, sample_rate).holds(self.rate / 2, sample_rate / 2, EFFECT_DB)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        old, new = Spectrum(before, sample_rate), Spectrum(after, sample_rate)
        edge = PASSED_SHARE * min(self.rate, sample_rate) / 2
        error = old.difference_db(new, 0.0, edge)
        if self.rate >= sample_rate:  # then to change next to nothing is the whole claim
            return [Check.at_most("change", "dB", KEPT_DB, error)]
        dropped = old.drop_db(new, self.rate / 2, sample_rate / 2)
        return [
            Check.at_least("stop band attenuation", "dB", CLAIM_DB, dropped),
            Check.at_most("pass band error", "dB", KEPT_DB, error, effect=False),
        ]
