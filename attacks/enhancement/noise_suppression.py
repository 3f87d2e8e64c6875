"""Noise suppression, as in call software and podcast tools."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attacks.contract.base import (
    Attack,
    Check,
    Facts,
    SampleLimits,
    Severity,
    Wave,
    attack,
    flag,
    number,
)
from attacks.enhancement.pauses import FRAME_S, pauses

BLOCK = 1024  # samples of a spectrum in the pauses, as in the gate itself
BANDS = slice(8, 400)  # its bins from 125 Hz to 6 kHz at 16 kHz
DEEPEST = 0.1  # share of the bins in pauses that counts as fully gated
LEAST_BLOCKS = 3
SHARE_TOLERANCE = 0.02
PADDING = 30000  # zeros on either side; noisereduce's default
WINDOW = 1024  # also its default: samples that its statistics need; short waves are repeated


@attack("denoise")
@dataclass(frozen=True)
class Denoise(Attack):
    """Noise suppression by spectral gating (noisereduce).

    strength   : 0.05 to 1, the share of a gated bin's amplitude that is removed
    stationary : true gates with one threshold per band, from the statistics of the whole utterance;
                 false follows the noise over 2 s

    All other settings are the library's defaults, with the whole utterance in one piece (Sainburg,
    Thielk and Gentner, PLoS Computational Biology 16(10), 2020). In pauses with a noise floor, the
    gate is closed in most bins, and these lose the share `strength` of their amplitude, no more and
    no less. The claim is about the tenth of the bins that lost most, because the gate also opens in
    pauses, where something ticks or breathes.
    """

    strength: float = number(0.8, low=0.05, high=1.0)
    stationary: bool = flag(False)

    family = "enhance"
    severity = Severity("strength", "share", (0.2, 0.4, 0.6, 0.8, 1.0))
    measures = "share of the amplitude removed in pauses, where they are a noise floor"
    citation = "sainburg2024noisereduce"
    limits = SampleLimits(level=(-16.0, 0.5), alive=0.6, envelope=0.7)

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        import noisereduce  # slow to import

        if not np.any(wave):
            return wave
        gated = noisereduce.reduce_noise(
            wave,
            sample_rate,
            y_noise=np.resize(wave, max(wave.size, WINDOW)) if self.stationary else None,
            stationary=self.stationary,
            prop_decrease=self.strength,
            chunk_size=None,
            padding=PADDING,
        )
        return np.asarray(gated, dtype=np.float32)

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        return pauses(wave, sample_rate) is not None

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        removed = None
        if before.size == after.size:
            removed = _removed(before, after, sample_rate)
        quantity = "share removed in pauses"
        return [Check.near(quantity, "share", self.strength, removed, SHARE_TOLERANCE)]


def _removed(before: Wave, after: Wave, sample_rate: int) -> float | None:
    """Return the share of the amplitude that the most gated tenth of the bins in pauses lost."""
    quiet = pauses(before, sample_rate)
    if quiet is None:
        return None
    length = round(FRAME_S * sample_rate)
    starts = quiet * length + (length - BLOCK) // 2
    starts = starts[(starts >= 0) & (starts + BLOCK <= before.size)]
    if starts.size < LEAST_BLOCKS:
        return None
    blocks = starts[:, None] + np.arange(BLOCK)
    old, new = (
        np.abs(np.fft.rfft(wave[blocks] * np.hanning(BLOCK)))[:, BANDS] for wave in (before, after)
    )
    sounding = old > 0.0
    return 1 - float(np.quantile(new[sounding] / old[sounding], DEEPEST))
