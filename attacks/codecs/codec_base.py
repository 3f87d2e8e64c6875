"""Base of the codec attacks: gain, alignment, generations, packet loss, counted payload."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from attacks.contract.base import (
    Attack,
    AttackError,
    Check,
    Evidence,
    Facts,
    SampleLimits,
    Severity,
    Wave,
)
from attacks.contract.launder import mismatch
from attacks.contract.spectral_distortion import DISTORTION, Band, distortion, interpolated
from benchmark.audio.reader import SAMPLE_RATE, resample
from benchmark.core.errors import InputError

MOST_PASSES = 10
MOST_LOSS = 0.5
# the severity of codecs with a single bit rate
LOSSES = Severity("loss", "share of packets", (0.01, 0.03, 0.05, 0.1, 0.2))
RATE_TOLERANCE = 0.02
VARIABLE_EXCESS = 1.25  # of the set bit rate: the limit for encoders with a variable rate
WEAK_RMS = 1e-4  # decoders differ in what they make of a weaker stream
SAME_DB = -90.0  # what a stream decodes to is bit-identical on one machine
# factors beyond the distortions seen on the embedded dev speech; some voices are easy to code
LEAST_MARGIN, MOST_MARGIN = 3.0, 1.5
MARGIN_DB = 0.15  # added to the most, which is small where a codec hardly changes anything
GENERATION = 0.35  # further distortion of each generation, as a share of the first one's
LOST_DB = 80.0  # distortion of a packet that is replaced by silence
LEVEL_DB = (-15.0, 9.0)  # speech with strong lows, into a coder of few bits
MOST_LOST, MOST_ALIKE = 0.2, 2  # packets lost over all passes, and passes, that leave speech
HALF_ALIVE = 0.6  # of speech whose second half is gone, less is alive
DEAD_BY_LOSS, UNLIKE_BY_LOSS = 1.5, 2.5  # per share of packets lost: their neighbours suffer too
LATER_BY_LOSS, MOST_LATE_MS = 40.0, 18.0  # holes move the peak of correlation; 20 ms is a fault
SILENCE_S = 0.03
SPARE = 64  # zeros after the end at 16 kHz: resampling rounds the length down


@dataclass(frozen=True)
class Bitstream:
    """What one pass transmitted: all that a decoder needs.

    packets : as the encoder wrote them
    seconds : duration of the packets
    draws   : one uniform number in [0, 1) per packet; it is lost if the number is below `loss`
    header  : the encoder's set-up data for the decoder, or the file that holds the packets
    """

    packets: tuple[bytes, ...]
    seconds: float
    draws: npt.NDArray[np.float64]
    header: bytes = b""

    def lost(self, loss: float) -> npt.NDArray[np.bool_]:
        """Return which packets are lost at a share of `loss`, bool (packets,)."""
        return self.draws < loss


@dataclass(frozen=True)
class Pass:
    """One generation: what it transmitted, the gain before coding, and the samples coded."""

    stream: Bitstream
    gain: float
    size: int


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

    The evidence is the bitstream of every pass. Its packets must say that they are of this codec,
    rate and bit rate; what they decode to, realigned, must be the samples returned; and the
    spectrum of speech must have changed as much as this codec changes it at this rate.
    """

    family = "codec"
    measures = "payload, packets' own headers, the stream decoded anew, spectral distortion"
    residual_floor = -100.0  # MP3 at 160 kbit/s changes narrow-band speech that little
    passes = 1
    loss = 0.0
    rate: ClassVar[int] = SAMPLE_RATE  # Hz at which the codec runs
    tail: ClassVar[int]  # zeros at `rate` after the end, to push the last samples through
    # least and most spectral distortion in dB on speech, by bit rate in kbit/s
    distorts: ClassVar[Mapping[float, Band]]
    # what one pass without losses leaves of speech, as in `SampleLimits`
    most_lag: ClassVar[float] = 8.0
    least_alive: ClassVar[float] = 0.8
    least_envelope: ClassVar[float] = 0.7

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

    @property
    def limits(self) -> SampleLimits:
        lost = self.loss * self.passes
        if lost > MOST_LOST or self.passes > MOST_ALIKE:  # only the stream says what is left
            return SampleLimits(None, None, None, None, None)
        alive = max(self.least_alive - DEAD_BY_LOSS * lost, HALF_ALIVE)
        envelope = self.least_envelope - UNLIKE_BY_LOSS * lost
        return SampleLimits(
            lag=min(self.most_lag + LATER_BY_LOSS * lost, MOST_LATE_MS),
            level=LEVEL_DB,
            alive=alive,
            envelope=max(envelope, 0.0),
            silence=None if self.loss else SILENCE_S,
        )

    def encode(self, wave: Wave, rng: np.random.Generator) -> Bitstream:
        """Encode `wave` (float32, at `rate`, within -1 to 1), and draw what is lost."""
        raise NotImplementedError

    def decode(self, stream: Bitstream) -> tuple[Wave, int]:
        """Decode what `loss` leaves: float32 at `rate` with the codec's delay, packets received."""
        raise NotImplementedError

    def decode_anew(self, stream: Bitstream) -> Wave:
        """Decode a stream for the comparison with what the attack returned."""
        return self.decode(stream)[0]

    def as_claimed(self, stream: Bitstream) -> list[bool]:
        """Return, per packet, whether it says that it is of this codec, rate and bit rate."""
        raise NotImplementedError

    def payload(self, stream: Bitstream) -> int:
        """Return the bytes of the packets that carry the signal."""
        return sum(map(len, stream.packets))

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts, tuple[Pass, ...]]:
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"needs {SAMPLE_RATE} Hz, not {sample_rate}")
        if cause := self.unavailable():
            raise InputError(f"{self.name} is not available in this build: {cause}")
        out, passes, received = wave, [], 0
        for _ in range(self.passes):
            one = self._encoded(out, rng)
            decoded, arrived = self.decode(one.stream)
            out = self._restored(decoded, one, wave.size)
            passes.append(one)
            received += arrived
        facts: Facts = {
            "payload_bytes": sum(self.payload(one.stream) for one in passes),
            "packets": sum(len(one.stream.packets) for one in passes),
            "seconds": math.fsum(one.stream.seconds for one in passes),
        }
        facts["kbps"] = round(bit_rate(facts) / 1000, 3)
        if self.loss:
            facts["lost"] = sum(int(one.stream.lost(self.loss).sum()) for one in passes)
            facts["received"] = received
        if (gain := min(one.gain for one in passes)) != 1.0:
            facts["gain"] = gain
        return out, facts, tuple(passes)

    def _encoded(self, wave: Wave, rng: np.random.Generator) -> Pass:
        source = wave
        if self.rate != SAMPLE_RATE:
            source = resample(padded(wave, wave.size + SPARE), SAMPLE_RATE, self.rate)
        peak = float(np.abs(source).max())
        gain = np.float32(1.0 / peak) if peak > 1.0 else np.float32(1.0)
        stream = self.encode(padded(source * gain, source.size + self.tail), rng)
        return Pass(stream, float(gain), source.size)

    def _restored(self, decoded: Wave, one: Pass, size: int) -> Wave:
        """Return the decoded wave without the codec's delay and the gain, (size,) at 16 kHz."""
        out = decoded[self.delay : self.delay + one.size] / np.float32(one.gain)
        if out.size != one.size:
            raise AttackError(f"the codec returned {out.size} samples, not {one.size}")
        return resample(out, self.rate)[:size]

    def examine(
        self, before: Wave, after: Wave, sample_rate: int, facts: Facts, evidence: Evidence
    ) -> list[Check]:
        passes: tuple[Pass, ...] = evidence
        streams = [one.stream for one in passes]
        counted: Facts = {
            "payload_bytes": sum(map(self.payload, streams)),
            "seconds": math.fsum(stream.seconds for stream in streams),
        }
        payload = self.payload_check(counted)
        if not before.any():
            payload = replace(payload, measured=None, passed=None)
        claimed = [good for stream in streams for good in self.as_claimed(stream)]
        time = math.fsum([before.size / sample_rate] * self.passes)  # summed like the packets
        again = self._restored(self.decode_anew(streams[-1]), passes[-1], before.size)
        error = mismatch(again, after, WEAK_RMS)
        measured = distortion(before, after, sample_rate)
        checks = [
            payload,
            Check.within(DISTORTION, "dB", self.distortion_band(), measured, effect=False),
            Check.near("packets as claimed", "share", 1.0, _share(claimed), 0.0, effect=False),
            Check.at_least("packet time", "s", time, counted["seconds"], effect=False),
            Check.at_most("decoded anew", "dB", SAME_DB, error, effect=False),
        ]
        if self.loss:
            lost = sum(int(stream.lost(self.loss).sum()) for stream in streams)
            gone = facts["packets"] - facts["received"]
            checks.append(Check.near("packets lost", "packets", lost, gone, 0))
        return checks

    def distortion_band(self) -> tuple[float, float]:
        """Return the least and the most spectral distortion of speech in dB."""
        least, most = interpolated(self.distorts, self.payload_rate / 1000)
        again = 1 + GENERATION * (self.passes - 1)
        highest = most * MOST_MARGIN * again + MARGIN_DB
        return least / LEAST_MARGIN, highest + LOST_DB * self.loss * self.passes

    def payload_check(self, facts: Facts) -> Check:
        """Check the payload: within the tolerance of `payload_rate`."""
        claim, tolerance = self.payload_rate / 1000, self.payload_tolerance / 1000
        return Check.near("payload bit rate", "kbit/s", claim, bit_rate(facts) / 1000, tolerance)


def _share(good: list[bool]) -> float:
    return sum(good) / len(good) if good else 0.0


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
