"""Lossy codecs, encoded and decoded in this process by FFmpeg's libraries through PyAV.

Raw packets go from encoder to decoder without a container, so that the payload is counted
exactly and no edit list or padding field stands between the two. Every call makes its own
encoder and decoder with one thread: attacks may run in many threads and always give the same
samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from attacks.base import Attack, AttackError, Check, Facts, Severity, Wave, attack, integer
from benchmark.audio import SAMPLE_RATE, resample
from benchmark.errors import InputError

RATE_TOLERANCE = 0.02
# MPEG-2 Layer III, ISO/IEC 13818-3: the bit rates at 16, 22.05 and 24 kHz sampling
MP3_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


@dataclass(frozen=True)
class Codec(Attack):
    """What the codecs share: constant bit rate, alignment to the sample, counted payload.

    Encoder and decoder take floating-point samples within -1 to 1. An utterance whose peak is
    higher is attenuated to a peak of 1 before and brought back afterwards; the gain is a fact.
    Facts: payload_bytes, packets, packet_samples, kbps, and gain where it is not 1.
    """

    family = "codec"
    residual_floor = -100.0  # MP3 at 160 kbit/s is that good on speech that is narrow-band already
    encoder: ClassVar[str]
    decoder: ClassVar[str]
    sample_format: ClassVar[str]
    options: ClassVar[dict[str, str]] = {}
    decoded_rate: ClassVar[int] = SAMPLE_RATE
    delay: ClassVar[int]  # samples by which decoded audio trails, at SAMPLE_RATE
    tail: ClassVar[int]  # zeros behind the end that push the last samples through

    @property
    def bit_rate(self) -> int:
        """Bit/s asked of the encoder."""
        raise NotImplementedError

    @property
    def rate_tolerance(self) -> float:
        """Bit/s by which the payload may differ from the bit rate."""
        return RATE_TOLERANCE * self.bit_rate

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"wants {SAMPLE_RATE} Hz, not {sample_rate}")
        peak = float(np.abs(wave).max())
        gain = np.float32(1.0 / peak) if peak > 1.0 else np.float32(1.0)
        packets, packet_samples, header = self._encode(wave * gain)
        decoded = resample(self._decode(packets, header), self.decoded_rate)
        out = decoded[self.delay : self.delay + wave.size] / gain
        if out.size != wave.size:
            raise AttackError(f"{out.size} samples came back of {wave.size}")
        size = sum(len(packet) for packet in packets)
        facts: Facts = {
            "payload_bytes": size,
            "packets": len(packets),
            "packet_samples": packet_samples,
            "kbps": round(_bit_rate(size, len(packets), packet_samples) / 1000, 3),
        }
        if gain != 1.0:
            facts["gain"] = float(gain)
        return out, facts

    def _encode(self, wave: Wave) -> tuple[list[bytes], int, bytes | None]:
        """The packets, the samples that each holds, and the decoder's header if there is one."""
        import av

        context: Any = av.CodecContext.create(self.encoder, "w")
        context.sample_rate = SAMPLE_RATE
        context.layout = "mono"
        context.format = self.sample_format
        context.bit_rate = self.bit_rate
        context.time_base = Fraction(1, SAMPLE_RATE)
        context.thread_count = 1
        context.options = self.options
        context.open()
        size = context.frame_size
        padded = np.concatenate([wave, np.zeros(self.tail, dtype=np.float32)])
        packets: list[bytes] = []
        for start in range(0, padded.size, size):
            piece = np.ascontiguousarray(padded[None, start : start + size])
            frame = av.AudioFrame.from_ndarray(piece, format=self.sample_format, layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.time_base = Fraction(1, SAMPLE_RATE)
            frame.pts = start
            packets += map(bytes, context.encode(frame))
        packets += map(bytes, context.encode(None))
        return packets, size, context.extradata

    def _decode(self, packets: list[bytes], header: bytes | None) -> Wave:
        """The decoded samples, float32 (T'',) at `decoded_rate`."""
        import av

        context: Any = av.CodecContext.create(self.decoder, "r")
        context.sample_rate = self.decoded_rate
        context.layout = "mono"
        context.thread_count = 1
        context.options = {"request_sample_fmt": "flt"}
        if header:
            context.extradata = header
        frames = [f for packet in packets for f in context.decode(av.Packet(packet))]
        frames += context.decode(None)
        for frame in frames:
            if not frame.format.name.startswith("flt") or frame.sample_rate != self.decoded_rate:
                raise AttackError(f"decoded to {frame.format.name} at {frame.sample_rate} Hz")
        return np.concatenate([frame.to_ndarray().ravel() for frame in frames])

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        measured = _bit_rate(facts["payload_bytes"], facts["packets"], facts["packet_samples"])
        claim, tolerance = self.bit_rate / 1000, self.rate_tolerance / 1000
        covered = facts["packets"] * facts["packet_samples"]
        return [
            Check.near("payload bit rate", "kbit/s", claim, measured / 1000, tolerance),
            Check.at_least("packet time", "samples", before.size, covered),
        ]


@attack("mp3")
@dataclass(frozen=True)
class Mp3(Codec):
    """MP3 (libmp3lame) at a constant bit rate.

    kbps : 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144 or 160. At 16 kHz MP3 is MPEG-2
    Layer III (ISO/IEC 13818-3), which ends at 160 kbit/s: what asks for more is refused.

    Delay removed: 528 + 1 samples of the decoder's filter bank and 576 of the encoder.
    """

    kbps: int = integer(64, low=1, high=1000, unit="kbit/s")

    severity = Severity("kbps", "kbit/s", (64, 48, 32, 16, 8))
    encoder = "libmp3lame"
    decoder = "mp3float"
    sample_format = "fltp"
    delay = 1105
    tail = 1105

    def validate(self) -> None:
        if self.kbps not in MP3_KBPS:
            rates = ", ".join(str(rate) for rate in MP3_KBPS)
            raise InputError(
                f"mp3: kbps={self.kbps} does not exist at 16 kHz, where MP3 ends at"
                f" {MP3_KBPS[-1]} kbit/s; choose one of {rates}"
            )

    @property
    def bit_rate(self) -> int:
        return self.kbps * 1000


@attack("opus")
@dataclass(frozen=True)
class Opus(Codec):
    """Opus (libopus, RFC 6716) at a constant bit rate, 20 ms packets, tuned for voice.

    kbps : 6 to 256. A packet holds whole bytes, so that a rate may be off by 0.2 kbit/s.

    The decoder drops the 6.5 ms of pre-skip that the encoder declares and gives 48 kHz, which is
    resampled to 16 kHz. The voice mode takes rumble away below 60 Hz or more, as in calls.
    """

    kbps: int = integer(16, low=6, high=256, unit="kbit/s")

    severity = Severity("kbps", "kbit/s", (64, 32, 16, 10, 6))
    encoder = "libopus"
    decoder = "libopus"
    sample_format = "flt"
    options: ClassVar[dict[str, str]] = {
        "vbr": "off",
        "application": "voip",
        "frame_duration": "20",
    }
    decoded_rate = 48000
    delay = 0
    tail = 320

    @property
    def bit_rate(self) -> int:
        return self.kbps * 1000

    @property
    def rate_tolerance(self) -> float:
        half_byte = 8 / 0.02 / 2  # in a 20 ms packet
        return max(RATE_TOLERANCE * self.bit_rate, 1.001 * half_byte)


def _bit_rate(payload_bytes: int, packets: int, packet_samples: int) -> float:
    """Bit/s of the payload over the time that the packets last."""
    return payload_bytes * 8 * SAMPLE_RATE / (packets * packet_samples)
