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

FRAME_S = 0.032
LEAST_S = 2.0  # over which the gate follows the noise; in a shorter wave it takes noise for signal
SHARE = 0.1  # of the frames that count as the quietest, and as the loudest
DISTANCE_DB = 12.0  # least distance of the two; with less the quiet frames are no pauses
SILENT_DB = -85.0  # below the 16-bit step there is no floor to lower
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
        return _pauses(wave, sample_rate) is not None

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        removed = None
        if before.size == after.size:
            removed = _removed(before, after, sample_rate)
        quantity = "share removed in pauses"
        return [Check.near(quantity, "share", self.strength, removed, SHARE_TOLERANCE)]


def _removed(before: Wave, after: Wave, sample_rate: int) -> float | None:
    """Return the share of the amplitude that the most gated tenth of the bins in pauses lost."""
    pauses = _pauses(before, sample_rate)
    if pauses is None:
        return None
    length = round(FRAME_S * sample_rate)
    starts = pauses * length + (length - BLOCK) // 2
    starts = starts[(starts >= 0) & (starts + BLOCK <= before.size)]
    if starts.size < LEAST_BLOCKS:
        return None
    blocks = starts[:, None] + np.arange(BLOCK)
    old, new = (
        np.abs(np.fft.rfft(wave[blocks] * np.hanning(BLOCK)))[:, BANDS] for wave in (before, after)
    )
    sounding = old > 0.0
    return 1 - float(np.quantile(new[sounding] / old[sounding], DEEPEST))


def _levels(wave: Wave, sample_rate: int) -> np.ndarray:
    """Return the mean square of each frame."""
    length = round(FRAME_S * sample_rate)
    frames = wave[: wave.size // length * length].reshape(-1, length)
    return np.mean(np.square(frames, dtype=np.float64), axis=1)


def _pauses(wave: Wave, sample_rate: int) -> np.ndarray | None:
    """Return the indices of frames that hold only a noise floor; None if there is no floor."""
    levels = _levels(wave, sample_rate)
    count = round(SHARE * levels.size)
    if wave.size < LEAST_S * sample_rate:
        return None
    order = np.argsort(levels, kind="stable")
    quiet, loud = np.median(levels[order[:count]]), np.median(levels[order[-count:]])
    if quiet < 10 ** (SILENT_DB / 10) or quiet > loud * 10 ** (-DISTANCE_DB / 10):
        return None
    return order[:count]
