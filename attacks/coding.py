"""What the codec attacks share: gain, alignment, generations, lost packets, counted payload.

`Coder` is the frame around any codec; `PacketCoder` runs an encoder and a decoder of FFmpeg's
libraries in this process through PyAV. Raw packets go from encoder to decoder without a
container, so that the payload is counted exactly and no edit list or padding field stands between
the two. Every call makes its own encoder and decoder with one thread: attacks may run in many
threads and always give the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from attacks.base import Attack, AttackError, Check, Facts, Wave
from benchmark.audio import SAMPLE_RATE, resample
from benchmark.errors import InputError

MOST_PASSES = 10
MOST_LOSS = 0.5
LOSSES = (0.01, 0.03, 0.05, 0.1, 0.2)  # the ladder of codecs whose bit rate is fixed
RATE_TOLERANCE = 0.02
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
            "seconds": sum(coded.seconds for coded in done),
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
            given = resample(_padded(wave, wave.size + SPARE), SAMPLE_RATE, self.rate)
        peak = float(np.abs(given).max())
        gain = np.float32(1.0 / peak) if peak > 1.0 else np.float32(1.0)
        coded = self.code(_padded(given * gain, given.size + self.tail), rng)
        out = coded.decoded[self.delay : self.delay + given.size] / gain
        if out.size != given.size:
            raise AttackError(f"{out.size} samples came back of {given.size}")
        return resample(out, self.rate)[: wave.size], float(gain), coded

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        time = self.passes * before.size / sample_rate
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


@dataclass(frozen=True)
class PacketCoder(Coder):
    """A codec of FFmpeg's libraries; a lost packet is silent, and the decoder starts anew."""

    sample_format: ClassVar[str]  # what the encoder takes
    packet_samples: ClassVar[int]  # at `rate`
    header_bytes: ClassVar[int] = 0  # of each packet, not counted as payload
    decoded_rate: ClassVar[int | None] = None  # Hz, where the decoder's rate is not `rate`

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the encoder."""
        raise NotImplementedError

    @property
    def decoder(self) -> str:
        """FFmpeg's name of the decoder."""
        raise NotImplementedError

    @property
    def bit_rate(self) -> int:
        """Bit/s asked of the encoder; 0 where it has one rate only."""
        return 0

    @property
    def payload_rate(self) -> float:
        return float(self.bit_rate)

    @property
    def options(self) -> dict[str, str]:
        """The encoder's options, in FFmpeg's spelling."""
        return {}

    @property
    def decoder_options(self) -> dict[str, str]:
        """The decoder's options, in FFmpeg's spelling."""
        return {}

    def unavailable(self) -> str | None:
        return _missing(self.encoder, self.decoder)

    def code(self, wave: Wave, rng: np.random.Generator) -> Coded:
        packets, header = self._encode(wave)
        lost = rng.random(len(packets)) < self.loss
        decoded, received = self._decode(packets, header, lost)
        size = sum(len(packet) - self.header_bytes for packet in packets)
        seconds = len(packets) * self.packet_samples / self.rate
        return Coded(decoded, size, len(packets), seconds, int(lost.sum()), received)

    def _encode(self, wave: Wave) -> tuple[list[bytes], bytes | None]:
        """The packets, and the decoder's header if there is one."""
        import av

        context: Any = av.CodecContext.create(self.encoder, "w")
        context.sample_rate = self.rate
        context.layout = "mono"
        context.format = self.sample_format
        if self.bit_rate:
            context.bit_rate = self.bit_rate
        context.time_base = Fraction(1, self.rate)
        context.thread_count = 1
        context.options = self.options
        context.open()
        samples = wave if self.sample_format.startswith("flt") else to_int16(wave)
        size = context.frame_size or samples.size
        packets: list[bytes] = []
        for start in range(0, samples.size, size):
            piece = np.ascontiguousarray(samples[None, start : start + size])
            frame = av.AudioFrame.from_ndarray(piece, format=self.sample_format, layout="mono")
            frame.sample_rate = self.rate
            frame.time_base = Fraction(1, self.rate)
            frame.pts = start
            packets += map(bytes, context.encode(frame))
        packets += map(bytes, context.encode(None))
        return packets, context.extradata

    def _decode(
        self, packets: list[bytes], header: bytes | None, lost: npt.NDArray[np.bool_]
    ) -> tuple[Wave, int]:
        """The decoded samples, float32 (T'',) at `rate`; the number of packets decoded."""
        import av

        rate = self.decoded_rate or self.rate
        context: Any = av.CodecContext.create(self.decoder, "r")
        context.sample_rate = rate
        context.layout = "mono"
        context.thread_count = 1
        context.options = {"request_sample_fmt": "flt"} | self.decoder_options
        if header:
            context.extradata = header
        silence = np.zeros(self.packet_samples * rate // self.rate, dtype=np.float32)
        pieces: list[Wave] = []
        last: bytes | None = None
        received = 0
        for packet, gone in zip(packets, lost, strict=True):
            given = self.stand_in(last) if gone else packet
            if given is None:
                context.flush_buffers()
                pieces.append(silence)
                continue
            pieces += [_samples(frame, rate) for frame in context.decode(av.Packet(given))]
            if not gone:
                received, last = received + 1, packet
        pieces += [_samples(frame, rate) for frame in context.decode(None)]
        return resample(np.concatenate(pieces), rate, self.rate), received

    def stand_in(self, last: bytes | None) -> bytes | None:
        """What tells the decoder that a packet is lost, given the last that it received.

        None for a codec without concealment of its own.
        """
        return None


@dataclass(frozen=True)
class SampleCoder(PacketCoder):
    """A codec with a fixed number of bits for each sample, sent in packets of 20 ms.

    A lost packet is silent; the decoder's state waits for the next one.
    """

    sample_format = "s16"
    tail = 0

    @property
    def bits(self) -> int:
        """Bits for each sample at `rate`."""
        raise NotImplementedError

    @property
    def payload_rate(self) -> float:
        return float(self.bits * self.rate)

    def code(self, wave: Wave, rng: np.random.Generator) -> Coded:
        count = ceil(wave.size / self.packet_samples)
        packets, _ = self._encode(_padded(wave, count * self.packet_samples))
        cut = np.frombuffer(b"".join(packets), dtype=np.uint8).reshape(count, -1)
        lost = rng.random(count) < self.loss
        decoded = np.zeros((count, self.packet_samples), dtype=np.float32)
        received = 0
        if not lost.all():
            whole, _ = self._decode([cut[~lost].tobytes()], None, np.zeros(1, dtype=np.bool_))
            decoded[~lost] = whole.reshape(-1, self.packet_samples)
            received = whole.size // self.packet_samples
        seconds = count * self.packet_samples / self.rate
        return Coded(decoded.ravel(), cut.size, count, seconds, int(lost.sum()), received)


def bit_rate(facts: Facts) -> float:
    """Bit/s of the payload over the time that the packets last."""
    return float(facts["payload_bytes"] * 8 / facts["seconds"])


def to_int16(wave: Wave) -> npt.NDArray[np.int16]:
    """Samples within -1 to 1 as 16-bit integers, rounded to the nearest."""
    return np.clip(np.rint(wave * np.float32(32768)), -32768, 32767).astype(np.int16)


def one_of(attack: str, kbps: float, rates: tuple[float, ...], why: str) -> None:
    """Refuse a bit rate that is not one of `rates` (kbit/s), saying `why` and which there are."""
    if kbps not in rates:
        listed = ", ".join(f"{rate:g}" for rate in rates)
        raise InputError(f"{attack}: kbps={kbps:g} {why}; choose one of {listed}")


def _padded(wave: Wave, size: int) -> Wave:
    return np.concatenate([wave, np.zeros(size - wave.size, dtype=np.float32)])


def _samples(frame: Any, rate: int) -> Wave:
    if frame.sample_rate != rate:
        raise AttackError(f"decoded to {frame.sample_rate} Hz, not {rate}")
    samples = frame.to_ndarray().ravel()
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(32768)
    if samples.dtype != np.float32:
        raise AttackError(f"decoded to {frame.format.name}")
    return np.asarray(samples)


@lru_cache
def _missing(encoder: str, decoder: str) -> str | None:
    import av
    from av.codec.codec import UnknownCodecError

    for kind, name, mode in (("encoder", encoder, "w"), ("decoder", decoder, "r")):
        try:
            av.codec.Codec(name, mode)
        except UnknownCodecError:
            return f"the FFmpeg libraries of PyAV {av.__version__} have no {kind} {name}"
    return None
