"""Base of the codec attacks: gain, alignment, generations, packet loss, counted payload."""

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
# the severity of codecs with a single bit rate
LOSSES = Severity("loss", "share of packets", (0.01, 0.03, 0.05, 0.1, 0.2))
RATE_TOLERANCE = 0.02
VARIABLE_EXCESS = 1.25  # of the set bit rate: the limit for encoders with a variable rate
SPARE = 64  # zeros after the end at 16 kHz: resampling rounds the length down


@dataclass(frozen=True)
class Coded:
    """One pass through a codec: the decoded samples, and what was transmitted.

    `decoded` is float32 at the codec's rate and still contains the codec's delay. The packets last
    `seconds`; `lost` of them were drawn as lost, and `received` of them reached the decoder.
    """

    decoded: Wave
    payload_bytes: int
    packets: int
    seconds: float
    lost: int
    received: int


@dataclass(frozen=True)
class Coder(Attack):
    """Base of the codec attacks; subclasses define in `code` how one pass codes a wave.

    passes : generations; each encodes the decoded utterance of the one before, realigned in time
    loss   : share of packets lost in transmission, each drawn separately. A packet lost at one
             share is also lost at every larger one

    Codecs take samples within -1 to 1. A wave with a higher peak is attenuated to a peak of 1
    before coding and restored afterwards; the smallest gain of all passes is a fact. Facts, over
    all passes: payload_bytes, packets, seconds (duration of the packets), kbps; gain where it is
    not 1, lost and received where packets may be lost.
    """

    family = "codec"
    measures = "payload bit rate, packet time, packets lost"
    residual_floor = -100.0  # MP3 at 160 kbit/s changes narrow-band speech that little
    passes = 1
    loss = 0.0
    rate: ClassVar[int] = SAMPLE_RATE  # Hz at which the codec runs
    tail: ClassVar[int]  # zeros at `rate` after the end, to push the last samples through

    @property
    def delay(self) -> int:
        """Samples at `rate` by which the decoded wave trails."""
        raise NotImplementedError

    @property
    def payload_rate(self) -> float:
        """Claimed bit rate of the packets' payload, in bit/s."""
        raise NotImplementedError

    @property
    def payload_tolerance(self) -> float:
        """Bit/s by which the payload may differ from `payload_rate`."""
        return RATE_TOLERANCE * self.payload_rate

    def code(self, wave: Wave, rng: np.random.Generator) -> Coded:
        """Encode, transmit and decode `wave` (float32, at `rate`, within -1 to 1) in one pass."""
        raise NotImplementedError

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"needs {SAMPLE_RATE} Hz, not {sample_rate}")
        if cause := self.unavailable():
            raise InputError(f"{self.name} is not available in this build: {cause}")
        out, gains, coded_passes = wave, [], []
        for _ in range(self.passes):
            out, gain, coded = self._pass(out, rng)
            gains.append(gain)
            coded_passes.append(coded)
        facts: Facts = {
            "payload_bytes": sum(coded.payload_bytes for coded in coded_passes),
            "packets": sum(coded.packets for coded in coded_passes),
            "seconds": math.fsum(coded.seconds for coded in coded_passes),
        }
        facts["kbps"] = round(bit_rate(facts) / 1000, 3)
        if self.loss:
            facts["lost"] = sum(coded.lost for coded in coded_passes)
            facts["received"] = sum(coded.received for coded in coded_passes)
        if min(gains) != 1.0:
            facts["gain"] = min(gains)
        return out, facts

    def _pass(self, wave: Wave, rng: np.random.Generator) -> tuple[Wave, float, Coded]:
        source = wave
        if self.rate != SAMPLE_RATE:
            source = resample(padded(wave, wave.size + SPARE), SAMPLE_RATE, self.rate)
        peak = float(np.abs(source).max())
        gain = np.float32(1.0 / peak) if peak > 1.0 else np.float32(1.0)
        coded = self.code(padded(source * gain, source.size + self.tail), rng)
        out = coded.decoded[self.delay : self.delay + source.size] / gain
        if out.size != source.size:
            raise AttackError(f"the codec returned {out.size} samples, not {source.size}")
        return resample(out, self.rate)[: wave.size], float(gain), coded

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        time = math.fsum([before.size / sample_rate] * self.passes)  # summed like the packets
        checks = [
            self.payload_check(facts),
            Check.at_least("packet time", "s", time, facts["seconds"], effect=False),
        ]
        if self.loss:
            gone = facts["packets"] - facts["received"]
            checks.append(Check.near("packets lost", "packets", facts["lost"], gone, 0))
        return checks

    def payload_check(self, facts: Facts) -> Check:
        """Check the payload: within the tolerance of `payload_rate`."""
        claim, tolerance = self.payload_rate / 1000, self.payload_tolerance / 1000
        return Check.near("payload bit rate", "kbit/s", claim, bit_rate(facts) / 1000, tolerance)


def bit_rate(facts: Facts) -> float:
    """Return the payload over the duration of the packets, in bit/s."""
    return float(facts["payload_bytes"] * 8 / facts["seconds"])


def one_of(attack: str, kbps: float, rates: tuple[float, ...], why: str) -> None:
    """Raise `InputError` with the reason `why` if `kbps` is none of `rates` (kbit/s)."""
    if kbps not in rates:
        listed = ", ".join(f"{rate:g}" for rate in rates)
        raise InputError(f"{attack}: kbps={kbps:g} {why}; choose one of {listed}")


def padded(wave: Wave, size: int) -> Wave:
    """Return `wave` with zeros after its end, `size` samples in all."""
    return np.concatenate([wave, np.zeros(size - wave.size, dtype=np.float32)])
