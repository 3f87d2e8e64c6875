"""Changes of speed, tempo and pitch."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np
import soxr

from attacks.contract.base import Attack, Check, Facts, SampleLimits, Severity, Wave, attack, number
from attacks.timing import warp_measurement

# On speech the measurement errs by up to 0.04 semitones; a factor wrong by 1 % is 0.17 off.
SEMITONES = 0.1
TEMPO = 0.02  # share; over 4 s of speech the measurement errs by 0.005
DELAY_MS = 10.0  # a phase vocoder smears an onset over part of its 120 ms
LAG_MS = 12.0  # the envelopes of 0.6 s at half the speed err by up to 10.5 ms


@dataclass(frozen=True)
class TimePitch(Attack):
    """Base of these attacks: their family."""

    family = "time_pitch"
    limits = SampleLimits(lag=LAG_MS, envelope=0.5)


@attack("speed")
@dataclass(frozen=True)
class Speed(TimePitch):
    """Playback at another speed by resampling: tempo and pitch change together.

    factor : 0.5 to 2; above 1 faster and higher. The length is divided, and every frequency
             multiplied, by `factor`; what would pass the Nyquist frequency is filtered out (soxr
             HQ). The field's speed perturbation (Ko et al., Interspeech 2015) uses 0.9 and 1.1
    """

    factor: float = number(1.1, low=0.5, high=2.0)

    severity = Severity("factor", "times", (1.05, 1.1, 1.2, 1.35, 1.5))
    measures = "length, and pitch as the shift of the spectrum over log-frequency"
    citation = "ko2015audio"

    @property
    def warp(self) -> float | None:
        return 1 / self.factor

    @property
    def near_identity(self) -> bool:
        return self.factor == 1.0

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        size = max(1, round(wave.size / self.factor))
        spare = np.zeros(4, dtype=np.float32)  # so that rounding the length loses no sample
        played = soxr.resample(
            np.concatenate([wave, spare]), self.factor * sample_rate, sample_rate, quality="HQ"
        )
        return np.asarray(played[:size], dtype=np.float32)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        found = warp_measurement.semitones(before, after, sample_rate)
        return [Check.near("pitch", "semitones", 12 * log2(self.factor), found, SEMITONES)]


@attack("time_stretch")
@dataclass(frozen=True)
class TimeStretch(TimePitch):
    """Slower or faster at the same pitch (Signalsmith Stretch, a spectral method).

    factor : 0.5 to 2, the output's length over the input's: above 1 slower. Studies that give a
             playback *rate* mean 1 / factor
    """

    factor: float = number(1.25, low=0.5, high=2.0)

    severity = Severity("factor", "times", (1.05, 1.1, 1.2, 1.35, 1.5))
    measures = "length, tempo of the envelope, and that the pitch stayed"
    citation = "luff_stretch"

    @property
    def warp(self) -> float | None:
        return self.factor

    @property
    def near_identity(self) -> bool:
        return self.factor == 1.0

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        return _signalsmith(wave, sample_rate, factor=self.factor)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        tempo = warp_measurement.tempo(before, after, sample_rate, self.factor, TEMPO)
        pitch = warp_measurement.semitones(before, after, sample_rate)
        return [
            Check.near("tempo", "times", self.factor, tempo, TEMPO * self.factor),
            Check.near("pitch", "semitones", 0.0, pitch, SEMITONES, effect=False),
        ]


@attack("pitch_shift")
@dataclass(frozen=True)
class PitchShift(TimePitch):
    """Higher or lower at the same length (Signalsmith Stretch, a spectral method).

    semitones : -12 to 12. The formants move too, as in a voice changer without formant correction.
                No lag: onsets stay in place, within 10 ms
    """

    semitones: float = number(2.0, low=-12.0, high=12.0, unit="semitones")

    severity = Severity("semitones", "semitones", (0.5, 1.0, 2.0, 4.0, 6.0))
    measures = "pitch as the shift of the spectrum over log-frequency, and delay of the envelope"
    citation = "luff_stretch"

    @property
    def near_identity(self) -> bool:
        return self.semitones == 0.0

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        return _signalsmith(wave, sample_rate, semitones=self.semitones)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        pitch = warp_measurement.semitones(before, after, sample_rate)
        delay = warp_measurement.delay_ms(before, after, sample_rate)
        return [
            Check.near("pitch", "semitones", self.semitones, pitch, SEMITONES),
            Check.near("delay", "ms", 0.0, delay, DELAY_MS, effect=False),
        ]


def _signalsmith(
    wave: Wave, sample_rate: int, *, factor: float = 1.0, semitones: float = 0.0
) -> Wave:
    import python_stretch

    engine = python_stretch.Signalsmith.Stretch(0)  # seed of the phases that the engine draws
    engine.preset(1, sample_rate)
    engine.setTransposeSemitones(semitones)
    engine.setTimeFactor(1 / factor)
    size = max(1, round(wave.size * factor))
    stretched = np.asarray(engine.process(np.array(wave)[None])[0], dtype=np.float32)
    return np.pad(stretched[:size], (0, max(0, size - stretched.size)))
