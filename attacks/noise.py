"""Additive noise at a signal-to-noise ratio that refers to the active speech level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

import noises
from attacks.base import (
    Attack,
    AttackError,
    Check,
    Facts,
    Severity,
    Wave,
    attack,
    choice,
    number,
)
from benchmark.audio import SAMPLE_RATE
from benchmark.level import active_level, rms

WHITE = "white"
FRAME_S = 0.05
GAP_DB = 30.0
COVERED = 0.99
SNR_TOLERANCE_DB = 0.1
# Evaluation draws from the first part of each noise; the rest is left for training.
EVALUATED_SHARE = 0.75


@attack("noise")
@dataclass(frozen=True)
class AdditiveNoise(Attack):
    """Noise under the whole utterance.

    kind : babble, cafe, street or volvo from the noise bank (`noises/README.md`), or white
    snr  : dB, -10 to 60: active speech level (ITU-T P.56) of the utterance over the RMS of the
           noise under it

    The excerpt is drawn per utterance and is the same at every SNR. The mix is brought back to
    the utterance's active speech level; the gain that does so, the noise and its offset in
    samples are facts. Silence has no level to refer to: it is passed on as it is, and the SNR is
    not measurable. Raises `InputError` where the bank is missing.
    """

    kind: str = choice("babble", "babble", "cafe", "street", "volvo", WHITE)
    snr: float = number(10.0, low=-10.0, high=60.0, unit="dB")

    family = "noise"
    severity = Severity("snr", "dB", (30.0, 20.0, 10.0, 5.0, 0.0))

    @property
    def stream(self) -> str:
        return f"noise/{self.kind}"

    @property
    def near_identity(self) -> bool:
        return self.snr > 50.0

    def resources(self) -> Mapping[str, str]:
        if self.kind == WHITE:
            return {}
        return {f"noise/{self.kind}": noises.open_kind(self.kind).sha256}

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        noise, offset = self._excerpt(wave.size, sample_rate, rng)
        level, under = active_level(wave, sample_rate), rms(noise)
        facts: Facts = {"noise": self.kind, "offset": offset}
        if level == 0.0:
            return wave.copy(), {**facts, "gain": 1.0, "silent": True}
        if under == 0.0:
            raise AttackError(f"the {self.kind} excerpt at sample {offset} is silent")
        noise = noise * np.float32(level / under * 10 ** (-self.snr / 20))
        noise += wave
        gain = level / active_level(noise, sample_rate)
        noise *= np.float32(gain)
        return noise, {**facts, "gain": float(np.float32(gain))}

    def _excerpt(self, size: int, sample_rate: int, rng: np.random.Generator) -> tuple[Wave, int]:
        """Noise (size,) and where it begins in its recording; longer ones wrap around."""
        if self.kind == WHITE:
            return rng.standard_normal(size, dtype=np.float32), 0
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"the noise bank is at {SAMPLE_RATE} Hz, not at {sample_rate}")
        bank = noises.open_kind(self.kind).samples
        last = int(bank.size * EVALUATED_SHARE) - size
        offset = int(rng.random() * (max(last, 0) + 1))
        if last < 0:
            return np.resize(bank[: last + size], size), 0
        return bank[offset : offset + size], offset

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        level = active_level(before, sample_rate)
        if level == 0.0 or before.size != after.size:
            snr, share = None, None
        else:
            rest = after / np.float32(facts["gain"]) - before
            under = rms(rest)
            snr = 20 * float(np.log10(level / under)) if under > 0.0 else 200.0
            share = covered(rest, sample_rate)
        return [
            Check.near("SNR", "dB", self.snr, snr, SNR_TOLERANCE_DB),
            Check.at_least("coverage", "share of frames", COVERED, share),
        ]


def covered(noise: Wave, sample_rate: int) -> float:
    """Share of the 50 ms frames of `noise` that lie no more than 30 dB below its RMS.

    A wave shorter than a frame is one frame; a last part of a frame belongs to the last one.
    """
    starts = np.arange(0, max(noise.size - _frame(sample_rate), 0) + 1, _frame(sample_rate))
    sizes = np.diff(starts, append=noise.size)
    powers = np.add.reduceat(np.square(noise, dtype=np.float64), starts) / sizes
    mean = float(np.sum(powers * sizes)) / noise.size
    if mean == 0.0:
        return 0.0
    return float(np.mean(powers >= mean * 10 ** (-GAP_DB / 10)))


def _frame(sample_rate: int) -> int:
    return max(1, round(FRAME_S * sample_rate))
