"""Base of the codec attacks: gain, alignment, generations, lost packets, counted payload."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.contract.base import Attack, AttackError, Check, Facts, Severity, Wave
from benchmark.audio.reader import SAMPLE_RATE, resample
from benchmark.core.errors import InputError

MOST_PASSES = 10
MOST_LOSS = 0.5
# what makes codecs of one bit rate worse
LOSSES = Severity("loss", "share of packets", (0.01, 0.03, 0.05, 0.1, 0.2))
RATE_TOLERANCE = 0.02
VARIABLE_EXCESS = 1.25  # of the asked bit rate: as much as encoders of variable rate are held to
SPARE = 64  # zeros behind the end at 16 kHz: resampling rounds the length down there


@dataclass(frozen=True)
class Coded:
    """One pass through a codec: the decoded samples, and what went over the wire.

    `decoded` is float32 at the codec's rate and still has the codec's delay. The packets last
    `seconds`; `lost` of them were drawn to be lost, `received` ones reached the decoder.
    """

    decoded: Wave
    payload_bytes: int
    packets: int
    seconds: float
    lost: int
    received: int


@dataclass(frozen=True)
class Coder(Attack):
    """Base of the codec attacks: subclasses say how one pass codes a wave (`code`).

    passes : generations; the decoded utterance is encoded again, each time brought back to its
        place in time
    loss   : share of the packets that are lost on the way, each by a draw of its own. A packet lost
        at one share is lost at every larger one.

    Codecs take samples within -1 to 1. A wave whose peak is higher is attenuated to a peak of 1
    before and brought back afterwards; the smallest gain of all passes is a fact. Facts, over all
    passes: payload_bytes, packets, seconds (that the packets last), kbps; gain where it is not 1,
    lost and received where packets may be lost.
    """

    family = "codec"
    measures = "payload bit rate, packet time, packets lost"
    residual_floor = -100.0  # MP3 at 160 kbit/s is that good on speech that is narrow-band already
    passes = 1
    loss = 0.0
    rate: ClassVar[int] = SAMPLE_RATE  # Hz at which the codec runs
    tail: ClassVar[int]  # zeros behind the end that push the last samples through, at `rate`

    @property
    def delay(self) -> int:
        """Samples at `rate` by which the decoded wave trails."""
        raise NotImplementedError

    @property
    def payload_rate(self) -> float:
        """Bit/s that the packets hold, as claimed."""
        raise NotImplementedError

    @property
    def payload_tolerance(self) -> float:
        """Bit/s by which the payload may differ from `payload_rate`."""
        return RATE_TOLERANCE * self.payload_rate

    def code(self, wave: Wave, rng: np.random.Generator) -> Coded:
        """One pass: `wave` (float32, at `rate`, within -1 to 1) encoded, sent and decoded."""
        raise NotImplementedError

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"wants {SAMPLE_RATE} Hz, not {sample_rate}")
        if cause := self.unavailable():
            raise InputError(f"{self.name} is not available in this build: {cause}")
        out, gains, done = wave, [], []
        for _ in range(self.passes):
            out, gain, coded = self._pass(out, rng)
            gains.append(gain)
            done.append(coded)
        facts: Facts = {
            "payload_bytes": sum(coded.payload_bytes for coded in done),
            "packets": sum(coded.packets for coded in done),
            "seconds": math.fsum(coded.seconds for coded in done),
        }
        facts["kbps"] = round(bit_rate(facts) / 1000, 3)
        if self.loss:
            facts["lost"] = sum(coded.lost for coded in done)
            facts["received"] = sum(coded.received for coded in done)
        if min(gains) != 1.0:
            facts["gain"] = min(gains)
        return out, facts

    def _pass(self, wave: Wave, rng: np.random.Generator) -> tuple[Wave, float, Coded]:
        given = wave
        if self.rate != SAMPLE_RATE:
            given = resample(padded(wave, wave.size + SPARE), SAMPLE_RATE, self.rate)
        peak = float(np.abs(given).max())
        gain = np.float32(1.0 / peak) if peak > 1.0 else np.float32(1.0)
        coded = self.code(padded(given * gain, given.size + self.tail), rng)
        out = coded.decoded[self.delay : self.delay + given.size] / gain
        if out.size != given.size:
            raise AttackError(f"{out.size} samples came back of {given.size}")
        return resample(out, self.rate)[: wave.size], float(gain), coded

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        time = math.fsum([before.size / sample_rate] * self.passes)  # as the packets are summed
        made = [
            self.payload_check(facts),
            Check.at_least("packet time", "s", time, facts["seconds"], effect=False),
        ]
        if self.loss:
            gone = facts["packets"] - facts["received"]
            made.append(Check.near("packets lost", "packets", facts["lost"], gone, 0))
        return made

    def payload_check(self, facts: Facts) -> Check:
        """The claim about the payload: within the tolerance of `payload_rate`."""
        claim, tolerance = self.payload_rate / 1000, self.payload_tolerance / 1000
        return Check.near("payload bit rate", "kbit/s", claim, bit_rate(facts) / 1000, tolerance)


def bit_rate(facts: Facts) -> float:
    """Bit/s of the payload over the time that the packets last."""
    return float(facts["payload_bytes"] * 8 / facts["seconds"])


def one_of(attack: str, kbps: float, rates: tuple[float, ...], why: str) -> None:
    """Refuse a bit rate that is not one of `rates` (kbit/s), saying `why` and which there are."""
    if kbps not in rates:
        listed = ", ".join(f"{rate:g}" for rate in rates)
        raise InputError(f"{attack}: kbps={kbps:g} {why}; choose one of {listed}")


def padded(wave: Wave, size: int) -> Wave:
    """`wave` with zeros behind its end, `size` samples in all."""
    return np.concatenate([wave, np.zeros(size - wave.size, dtype=np.float32)])
