"""Noise suppression, as in call software and podcast tools."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attacks.contract.base import Attack, Check, Facts, Severity, Wave, attack, flag, number

FRAME_S = 0.032
LEAST_S = 2.0  # over which the gate follows the noise; in a shorter wave it takes noise for signal
SHARE = 0.1  # of the frames that count as the quietest, and as the loudest
DISTANCE_DB = 12.0  # least distance of the two; with less the quiet frames are no pauses
SILENT_DB = -85.0  # below the 16-bit step there is no floor to lower
GATED = 0.6  # least share removed from a pause's median frame at strength 1; observed: 0.69 or more
FLOOR = 1e-16  # mean square; far below the 16-bit step
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
    floor falls by at least -20 log10(1 - 0.6 strength) dB in the median frame. The claim is about
    the median because the gate also opens in pauses, where something ticks or breathes.
    """

    strength: float = number(0.8, low=0.05, high=1.0)
    stationary: bool = flag(False)

    family = "enhance"
    severity = Severity("strength", "share", (0.2, 0.4, 0.6, 0.8, 1.0))
    measures = "fall in level of the quietest tenth of the frames, where they are a noise floor"
    citation = "sainburg2024noisereduce"

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
        pauses, fall = _pauses(before, sample_rate), None
        if pauses is not None and before.size == after.size:
            old, new = (_levels(wave, sample_rate)[pauses] for wave in (before, after))
            fall = 10 * float(np.log10(np.median(old / np.maximum(new, FLOOR))))
        claim = -20 * float(np.log10(1 - GATED * self.strength))
        return [Check.at_least("fall of the noise floor", "dB", claim, fall)]


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
