from dataclasses import dataclass

import numpy as np

from launderbench import Attack, attack, integer


@attack("crush")
@dataclass(frozen=True)
class Crush(Attack):
    """Requantise to a few bits."""

    family = "channel"
    bits: int = integer(8, low=2, high=15)

    def __call__(self, wave, sample_rate, rng):
        steps = np.float32(2 ** (self.bits - 1))
        return np.round(wave * steps) / steps
