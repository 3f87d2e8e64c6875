"""Codecs of FFmpeg's libraries, encoded and decoded in this process through PyAV.

Raw packets go from encoder to decoder without a container. The payload is therefore counted
exactly, and no edit list or padding field changes the samples. Every call creates its own encoder
and decoder with one thread, so attacks in many threads always give the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from attacks.codecs.codec_base import Bitstream, Coder, padded
from attacks.contract.base import AttackError, Wave
from benchmark.audio import libav
from benchmark.audio.reader import resample

SAMPLE_TYPES: dict[str, type[np.float32] | type[np.int16]] = {  # of FFmpeg's formats
    "flt": np.float32, "fltp": np.float32, "s16": np.int16, "s16p": np.int16,
}  # fmt: skip


@dataclass(frozen=True)
class PacketCoder(Coder):
    """A codec of FFmpeg's libraries; a lost packet is silent, and the decoder restarts after it."""

    sample_format: ClassVar[str]  # of the encoder's input
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
        """Bit rate set in the encoder, in bit/s; 0 where it has one rate only."""
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
        return missing(self.encoder, "w") or missing(self.decoder, "r")

    def encode(self, wave: Wave, rng: np.random.Generator) -> Bitstream:
        packets, header = self._encode(wave)
        draws = rng.random(len(packets))
        seconds = len(packets) * self.packet_samples / self.rate
        return Bitstream(tuple(packets), seconds, draws, header or b"")

    def decode(self, stream: Bitstream) -> tuple[Wave, int]:
        return self._decode([*stream.packets], stream.header, stream.lost(self.loss))

    def payload(self, stream: Bitstream) -> int:
        return sum(len(packet) - self.header_bytes for packet in stream.packets)

    def as_claimed(self, stream: Bitstream) -> list[bool]:
        return [self.is_mine(packet, stream.header) for packet in stream.packets]

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        """Return whether a packet says that it is of this codec, rate and bit rate."""
        raise NotImplementedError

    def _encode(self, wave: Wave) -> tuple[list[bytes], bytes | None]:
        """Return the packets, and the decoder's header if there is one."""
        av = libav.module()
        context: Any = av.CodecContext.create(self.encoder, "w")
        context.sample_rate = self.rate
        context.layout = "mono"
        context.format = self.sample_format
        if self.bit_rate:
            context.bit_rate = self.bit_rate
        context.time_base = sample_time = Fraction(1, self.rate)
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
            frame.time_base = sample_time
            frame.pts = start
            packets += map(bytes, context.encode(frame))
        packets += map(bytes, context.encode(None))
        return packets, context.extradata

    def _decode(
        self, packets: list[bytes], header: bytes | None, lost: npt.NDArray[np.bool_]
    ) -> tuple[Wave, int]:
        """Return the decoded wave, float32 (T'',) at `rate`, and the number of packets received."""
        av = libav.module()
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
            sent = self.stand_in(last) if gone else packet
            if sent is None:
                context.flush_buffers()
                pieces.append(silence)
                continue
            pieces += [_samples(frame, rate) for frame in context.decode(av.Packet(sent))]
            if not gone:
                received, last = received + 1, packet
        pieces += [_samples(frame, rate) for frame in context.decode(None)]
        return resample(np.concatenate(pieces), rate, self.rate), received

    def stand_in(self, last: bytes | None) -> bytes | None:
        """Return the packet that marks a loss for the decoder, given the last one that it received.

        None for a codec without concealment of its own.
        """
        return None


@dataclass(frozen=True)
class SampleCoder(PacketCoder):
    """A codec with a fixed number of bits per sample, sent in packets of 20 ms.

    A lost packet is silent; the decoder keeps its state until the next one.
    """

    sample_format = "s16"
    tail = 0

    @property
    def bits(self) -> int:
        """Bits per sample at `rate`."""
        raise NotImplementedError

    @property
    def payload_rate(self) -> float:
        return float(self.bits * self.rate)

    def encode(self, wave: Wave, rng: np.random.Generator) -> Bitstream:
        count = ceil(wave.size / self.packet_samples)
        packets, _ = self._encode(padded(wave, count * self.packet_samples))
        whole = b"".join(packets)
        size = len(whole) // count
        cut = tuple(whole[start : start + size] for start in range(0, size * count, size))
        return Bitstream(cut, count * self.packet_samples / self.rate, rng.random(count))

    def decode(self, stream: Bitstream) -> tuple[Wave, int]:
        kept = ~stream.lost(self.loss)
        decoded = np.zeros((kept.size, self.packet_samples), dtype=np.float32)
        if not kept.any():
            return decoded.ravel(), 0
        arrived = b"".join(
            packet for packet, here in zip(stream.packets, kept, strict=True) if here
        )
        whole, _ = self._decode([arrived], None, np.zeros(1, dtype=np.bool_))
        decoded[kept] = whole.reshape(-1, self.packet_samples)
        return decoded.ravel(), whole.size // self.packet_samples

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        """Return whether a packet has the size of its samples; there is no header to read."""
        return len(packet) * 8 == self.bits * self.packet_samples


def to_int16(wave: Wave) -> npt.NDArray[np.int16]:
    """Return samples within -1 to 1 as 16-bit integers, rounded to the nearest."""
    return np.clip(np.rint(wave * np.float32(32768)), -32768, 32767).astype(np.int16)


def _samples(frame: Any, rate: int) -> Wave:
    if frame.sample_rate != rate:
        raise AttackError(f"decoded to {frame.sample_rate} Hz, not {rate}")
    kind = SAMPLE_TYPES.get(frame.format.name)
    if kind is None or frame.layout.nb_channels != 1:
        raise AttackError(f"decoded to {frame.format.name}, {frame.layout.name}")
    if kind is np.int16:
        whole = np.frombuffer(frame.planes[0], np.int16, frame.samples)
        return whole.astype(np.float32) / np.float32(32768)
    return np.frombuffer(frame.planes[0], np.float32, frame.samples)


@lru_cache
def missing(codec: str, mode: str) -> str | None:
    """Return why PyAV cannot encode (mode w) or decode (mode r) with `codec`; None if it can."""
    av = libav.module()
    try:
        av.codec.Codec(codec, mode)
    except av.codec.codec.UnknownCodecError:
        kind = "encoder" if mode == "w" else "decoder"
        return f"the FFmpeg libraries of PyAV {pyav_version()} have no {kind} {codec}"
    return None


def pyav_version() -> str:
    """Return the version of PyAV."""
    return str(libav.module().__version__)
