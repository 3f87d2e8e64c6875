"""Dynamics: a compressor with a fast gain, and an automatic gain control with a slow one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from attacks.contract.base import Attack, Check, Facts, SampleLimits, Severity, Wave, attack, number
from attacks.contract.launder import residual
from benchmark.audio.speech_level import active_level

Array = npt.NDArray[np.float64]

MARGIN_DB = 1.0  # over the smallest effect, for rounding
LEAST_DB = -120.0  # relative to the peak: lowest detected level
STRONG_DB = -50.0  # relative to the peak: weakest sample from which a gain can be read
GAIN_TOLERANCE_DB = 0.1
RELEASE_DB = 10.0  # fall of the detected level in one release time
SETTLED = (4.0, 6.0)  # attack times after the peak between which the gain is read
PROBES = 32
REACH = 30  # time constants after which a sample no longer counts
BEGUN_S = 0.01  # start of the wave that sets the first gain


@dataclass(frozen=True)
class Dynamics(Attack):
    """Base of these attacks: a gain per sample from the wave's level, then the level restored."""

    family = "channel"
    citation = ""

    # A fast gain levels the syllables and leaves no envelope to align. The gains are read sample by
    # sample, so speech that is late, another's or gone fails the claim itself.
    limits = SampleLimits(lag=None, envelope=None)

    def gains_db(self, wave: Array, sample_rate: int) -> Array:
        """Return the gain in dB of each sample of a wave (T,) that is not silent: (T,)."""
        raise NotImplementedError

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        if not wave.any():
            return wave.copy(), {"gain": 1.0}
        out = self._with_gains(wave, sample_rate)
        level = active_level(out, sample_rate)
        gain = active_level(wave, sample_rate) / level if level > 0.0 else 1.0
        return (out * gain).astype(np.float32), {"gain": float(gain)}

    def _with_gains(self, wave: Wave, sample_rate: int) -> Array:
        exact = wave.astype(np.float64)
        return np.asarray(exact * 10 ** (self.gains_db(exact, sample_rate) / 20))

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        """Return False if the level is so even that the gain does not move."""
        if not wave.any():
            return False
        change = residual(wave, self._with_gains(wave, sample_rate).astype(np.float32))
        return change is not None and change > self.residual_floor + MARGIN_DB


@attack("compression")
@dataclass(frozen=True)
class Compression(Dynamics):
    """Dynamic-range compressor: each dB above a threshold becomes 1 / `ratio` dB.

    ratio   : 1.2 to 50; dB above the threshold at the input per dB above it at the output
    depth   : dB, 3 to 60: how far the threshold is below the utterance's peak
    attack  : ms, 0.5 to 50; time constant of the gain
    release : ms, 10 to 2000; time in which the detected level falls by 10 dB

    A feed-forward design (Giannoulis, Massberg and Reiss 2012): a peak detector that falls linearly
    in dB, a hard knee, and one-pole smoothing of the gain in dB. The gain starts as if the loudest
    of the first 10 ms had already lasted for a long time. Onsets overshoot for an attack time, as
    in any such device. The active speech level (ITU-T P.56) is restored; the gain for this is a
    fact.
    """

    ratio: float = number(4.0, low=1.2, high=50.0)
    depth: float = number(24.0, low=3.0, high=60.0, unit="dB")
    attack: float = number(5.0, low=0.5, high=50.0, unit="ms")
    release: float = number(100.0, low=10.0, high=2000.0, unit="ms")

    severity = Severity("ratio", "", (1.5, 2.0, 4.0, 8.0, 20.0))
    measures = "gain just after the peak against the static curve; gain bounds"

    @property
    def most_db(self) -> float:
        """Gain reduction in dB for a level that stays at the peak, by the static curve."""
        return self.depth * (1 - 1 / self.ratio)

    def gains_db(self, wave: Array, sample_rate: int) -> Array:
        amplitude = np.abs(wave)
        level = 20 * np.log10(np.maximum(amplitude / amplitude.max(), 10 ** (LEAST_DB / 20)))
        fallen = self._fall(sample_rate) * np.arange(wave.size)
        detected = np.maximum.accumulate(level + fallen) - fallen
        wanted = np.maximum(detected + self.depth, 0.0) * (1 - 1 / self.ratio)
        pole = np.exp(-1000.0 / (self.attack * sample_rate))
        # avoids a click where a recording starts in the middle of speech
        begun = wanted[: max(1, round(BEGUN_S * sample_rate))].max()
        reduction, _ = lfilter([1 - pole], [1, -pole], wanted, zi=[pole * begun])
        return np.asarray(-reduction)

    def _fall(self, sample_rate: int) -> float:
        """Return the fall of the detected level in dB per sample."""
        return RELEASE_DB * 1000.0 / (self.release * sample_rate)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        gains = _read_gains_db(before, after, facts["gain"])
        bound = float(-np.nanmin(gains)) if np.isfinite(gains).any() else None
        over = float(np.nanmax(gains)) if bound is not None else None
        low, high, read = self._after_the_peak(before, gains, sample_rate)
        return [
            Check.near(
                "gain reduction after the peak",
                "dB",
                (low + high) / 2,
                read,
                (high - low) / 2 + GAIN_TOLERANCE_DB,
            ),
            Check.at_most(
                "gain reduction", "dB", self.most_db + GAIN_TOLERANCE_DB, bound, effect=False
            ),
            Check.at_most("gain", "dB", GAIN_TOLERANCE_DB, over, effect=False),
        ]

    def _after_the_peak(
        self, before: Wave, gains: Array, sample_rate: int
    ) -> tuple[float, float, float | None]:
        """Return the bounds of the reduction (dB) just after the peak, and the one read there.

        In the attack times since the peak, the detected level was never above the peak, and never
        below the peak minus its fall.
        """
        tau = self.attack * sample_rate / 1000
        first, last = (int(times * tau) + 1 for times in SETTLED)
        at = int(np.argmax(np.abs(before)))
        settled = (1 - np.exp(-SETTLED[0])) * (1 - 1 / self.ratio)
        fallen = min(self.depth, self._fall(sample_rate) * last)
        low, high = float((self.depth - fallen) * settled), self.most_db
        window = gains[at + first : at + last + 1]
        known = window[np.isfinite(window)]
        return low, high, float(-known[0]) if known.size else None


@attack("agc")
@dataclass(frozen=True)
class Agc(Dynamics):
    """Automatic gain control: a slow gain that drives every passage to one level, pauses too.

    gain : dB, 1 to 40: largest change up or down
    time : ms, 20 to 2000; time constant of the level that it follows

    The level is the one-pole mean of the squared samples. It starts at the target, which is the
    utterance's own active speech level (ITU-T P.56). That level is restored at the end; the gain
    for this is a fact.
    """

    gain: float = number(12.0, low=1.0, high=40.0, unit="dB")
    time: float = number(200.0, low=20.0, high=2000.0, unit="ms")

    severity = Severity("gain", "dB", (3.0, 6.0, 12.0, 18.0, 24.0))
    measures = "gain at probes against the level before them"

    def gains_db(self, wave: Array, sample_rate: int) -> Array:
        target = active_level(wave, sample_rate) ** 2
        pole = self._pole(sample_rate)
        power, _ = lfilter([1 - pole], [1, -pole], wave**2, zi=[pole * target])
        return np.asarray(self._wanted_db(power / target))

    def _pole(self, sample_rate: int) -> float:
        return float(np.exp(-1000.0 / (self.time * sample_rate)))

    def _wanted_db(self, relative_power: Array) -> Array:
        return -np.clip(10 * np.log10(np.maximum(relative_power, 1e-12)), -self.gain, self.gain)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        gains = _read_gains_db(before, after, facts["gain"])
        known = np.flatnonzero(np.isfinite(gains))
        if known.size == 0:
            return [Check.at_most("gain error", "dB", GAIN_TOLERANCE_DB, None)]
        at = known[np.unique(np.linspace(0, known.size - 1, PROBES).astype(np.int64))]
        squares = np.square(before, dtype=np.float64)
        target, pole = active_level(before, sample_rate) ** 2, self._pole(sample_rate)
        decay = pole ** np.arange(min(before.size, round(REACH * self.time * sample_rate / 1000)))
        # the weighted mean as a sum, with the target in place of all that precedes the wave
        powers = [
            (1 - pole)
            * float(np.sum(squares[max(0, t + 1 - decay.size) : t + 1][::-1] * decay[: t + 1]))
            + target * pole ** (t + 1)
            for t in at.tolist()
        ]
        error = np.abs(gains[at] - self._wanted_db(np.array(powers) / target)).max()
        return [Check.at_most("gain error", "dB", GAIN_TOLERANCE_DB, float(error))]


def _read_gains_db(before: Wave, after: Wave, makeup: float) -> Array:
    """Return the gain in dB of every sample that is strong enough to show it, else NaN: (T,)."""
    gains = np.full(before.size, np.nan)
    if before.size == after.size:
        strong = np.abs(before) > np.abs(before).max() * 10 ** (STRONG_DB / 20)
        ratio = after[strong].astype(np.float64) / (before[strong].astype(np.float64) * makeup)
        gains[strong] = 20 * np.log10(np.maximum(ratio, 1e-6))
    return gains
