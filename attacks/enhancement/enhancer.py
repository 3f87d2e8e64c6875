"""Base of the attacks that clean up speech with a model or a library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from attacks.contract.base import Attack, AttackError, Check, Facts, SampleLimits, Wave
from attacks.contract.launder import mismatch
from attacks.contract.sample_checks import HOP_S, speech_of
from attacks.contract.spectral_distortion import DISTORTION, Band, distortion
from attacks.enhancement.pauses import floor_change
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError

HEAD_S = 1.0  # of speech that is enhanced a second time
BLOCK = 512  # samples of a spectrum
_HANN = np.hanning(BLOCK).astype(np.float32)
MARGIN_S = 0.15  # further input for it, beyond what any of the models looks ahead
SAME_DB = -90.0  # the same arithmetic on one machine
FAINT_RMS = 1e-5  # a quieter head says nothing
# On the embedded dev speech 0.27 to 3.6 dB clean, up to 13.7 with white noise at 10 dB. It is wide,
# because the head enhanced anew ties the output to the input.
DISTORTS = (0.05, 25.0)
MOST_ADDED_DB = -15.0  # suppressors add -26 dB at most, a copy 20 ms late -7 dB
FLOOR, ADDED, ANEW = "floor in pauses", "energy added", "head enhanced anew"


@dataclass(frozen=True)
class Enhancer(Attack):
    """Base of the enhancers; subclasses define `enhance`.

    All of them are causal, up to a short look-ahead. So the beginning of an utterance, up to 1 s
    after its first active frame, is enhanced a second time, from the samples before the attack; it
    must be that of the samples returned. Over the whole utterance, suppression removes and adds
    nothing: hardly any energy may lie where the input's short-time spectrum has less. How much of a
    voice it takes for noise is its own affair. The effect is shown by the spectral distortion of
    speech, within the band `distorts`, and by the level in pauses, where they hold a noise floor.

    The engines take samples within -1 to 1. A wave with a higher peak is attenuated to a peak of 1
    before and restored afterwards.

    distorts : least and most spectral distortion in dB
    removes  : True if it only removes: it raises no pause and adds no energy
    same_db  : most difference of the head enhanced anew in dB
    """

    family = "enhance"
    measures = "beginning enhanced anew, spectral distortion, level in pauses, energy added"
    distorts: ClassVar[Band] = DISTORTS
    removes: ClassVar[bool] = True
    same_db: ClassVar[float] = SAME_DB
    limits = SampleLimits(lag=15.0, level=None, alive=None, envelope=None)

    def enhance(self, wave: Wave) -> Wave:
        """Return `wave`, float32 (T,) at 16 kHz, enhanced: (T,), without the engine's delay."""
        raise NotImplementedError

    def enhance_anew(self, wave: Wave) -> Wave:
        """Enhance by another path, where there is one, for the comparison."""
        return self.enhance(wave)

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"needs {SAMPLE_RATE} Hz, not {sample_rate}")
        if cause := self.unavailable():
            raise InputError(f"{self.name} is not available: {cause}")
        peak = _peak(wave)
        out = self.enhance(wave / peak) * peak
        if out.size != wave.size:
            raise AttackError(f"the engine returned {out.size} samples, not {wave.size}")
        return out

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        changed = distortion(before, after, sample_rate)
        checks = [Check.within(DISTORTION, "dB", self.distorts, changed)]
        if self.removes:
            fallen = floor_change(before, after, sample_rate)
            added = added_energy(before, after)
            checks.append(Check.at_most(FLOOR, "dB", 0.0, fallen))
            checks.append(Check.at_most(ADDED, "dB", MOST_ADDED_DB, added, effect=False))
        error = self._head_error(before, after)
        checks.append(Check.at_most(ANEW, "dB", self.same_db, error, effect=False))
        return checks

    def _head_error(self, before: Wave, after: Wave) -> float | None:
        """Return the energy by which the head differs from that enhanced anew, in dB."""
        size = head(before)
        peak = _peak(before)
        again = self.enhance_anew(before[: size + round(MARGIN_S * SAMPLE_RATE)] / peak)[:size]
        return mismatch(again * peak, after[:size], FAINT_RMS)


def _peak(wave: Wave) -> np.float32:
    """Return the factor by which a wave exceeds full scale, at least 1."""
    return np.maximum(np.abs(wave).max(), np.float32(1.0))


def head(wave: Wave) -> int:
    """Return the samples up to 1 s after the first active frame; all if none is active."""
    active = np.flatnonzero(speech_of(wave, SAMPLE_RATE).active)
    if active.size == 0:
        return wave.size
    return min(wave.size, round((float(active[0]) * HOP_S + HEAD_S) * SAMPLE_RATE))


def added_energy(before: Wave, after: Wave) -> float | None:
    """Return the energy in `after` beyond twice that of `before`, bin by bin, over all of `before`.

    In dB, over spectra of 32 ms; None for silence and for waves that are shorter or of other
    lengths.
    """
    if before.size != after.size or before.size < BLOCK:
        return None
    old, new = (_powers(wave) for wave in (before, after))
    whole = float(old.sum())
    if whole <= old.size * BLOCK * FAINT_RMS**2:
        return None
    added = float(np.maximum(new - 2 * old, 0.0).sum())
    return 10 * float(np.log10(max(added / whole, 1e-20)))


def _powers(wave: Wave) -> npt.NDArray[np.float64]:
    blocks = sliding_window_view(wave, BLOCK)[:: BLOCK // 2] * _HANN
    bins = rfft(blocks)
    return np.asarray(bins.real**2 + bins.imag**2, dtype=np.float64)
