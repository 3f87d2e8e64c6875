"""A plugin file as a user would write it: one attack, and detectors that behave or misbehave."""

from dataclasses import dataclass

import numpy as np

from launderbench import Attack, Check, SampleLimits, WaveDetector, attack, detector, number


@attack("halve")
@dataclass(frozen=True)
class Halve(Attack):
    """Clip at half the peak."""

    family = "channel"
    limits = SampleLimits(clipping=1.0)
    share: float = number(0.5, low=0.01, high=1.0)

    def __call__(self, wave, sample_rate, rng):
        top = np.float32(self.share * np.abs(wave).max())
        return np.clip(wave, -top, top)

    def checks(self, before, after, sample_rate, facts):
        peak = float(self.share * np.abs(before).max())
        return [Check.near("peak", "", peak, float(np.abs(after).max()), 1e-4)]


@attack("refuses")
@dataclass(frozen=True)
class Refuses(Attack):
    """Raises on every third utterance or so."""

    family = "channel"

    def __call__(self, wave, sample_rate, rng):
        if rng.random() < 0.3:
            raise RuntimeError("no such room")
        return np.clip(wave, -0.05, 0.05)


@detector("comb")
class Comb(WaveDetector):
    """Energy near 6 kHz against the rest: the toy corpus's tell."""

    summary = "toy: energy near 6 kHz"

    def fit(self, waves, bonafide, seed):
        return {"sign": np.ones(1, np.float32)}

    def score(self, waves, state):
        return np.array([-self.comb(w) * state["sign"][0] for w in waves], np.float32)

    @staticmethod
    def comb(wave):
        power = np.abs(np.fft.rfft(wave)) ** 2
        at = lambda hz: int(hz * len(wave) / 16000)  # noqa: E731
        return np.log(power[at(5990) : at(6010)].max() / power[at(6100) : at(6300)].mean())


@detector("wild")
class Wild(Comb):
    """Gives NaN for loud utterances."""

    def score(self, waves, state):
        scores = super().score(waves, state)
        return np.where(scores > np.median(scores), np.nan, scores)


@detector("crash")
class Crash(Comb):
    """Always raises when it scores."""

    def score(self, waves, state):
        if state["sign"][0] > 0:
            raise RuntimeError("out of luck")
        return super().score(waves, state)
