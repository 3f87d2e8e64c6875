"""Media codecs of music, the web and messengers: MP3, AAC, Opus, Vorbis."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import soundfile

from attacks.codecs.codec_base import (
    MOST_LOSS,
    MOST_PASSES,
    RATE_TOLERANCE,
    VARIABLE_EXCESS,
    Bitstream,
    Coder,
    bit_rate,
    one_of,
)
from attacks.codecs.pyav_codec import PacketCoder
from attacks.contract.base import (
    AttackError,
    Check,
    Evidence,
    Facts,
    Severity,
    Wave,
    attack,
    choice,
    integer,
    number,
)
from attacks.contract.sample_checks import HOP_S, speech_of
from attacks.contract.spectral_distortion import Band
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError

# MPEG-2 Layer III, ISO/IEC 13818-3: the bit rates at 16, 22.05 and 24 kHz sampling
MP3_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MP3_LEAST_PACKETS = 8  # from which libsndfile recognises a stream
AAC_MOST_KBPS = 96  # 6,144 bits in a channel's block of 1,024 samples, ISO/IEC 13818-7
AAC_SPENT, AAC_ENOUGH_KBPS = 0.8, 50
AAC_LEAST_BLOCKS = 12
OPUS_NARROW = (0, 1, 2, 3, 16, 17, 18, 19)  # configurations of 4 kHz, RFC 6716, table 2
OPUS_DISTORTS: dict[str, dict[float, Band]] = {
    "wide": {
        6: (3.97, 4.74), 10: (2.9, 3.78), 16: (1.8, 2.68), 32: (0.88, 1.43), 64: (0.37, 0.6),
        96: (0.16, 0.22), 128: (0.07, 0.12), 256: (0.05, 0.11),
    },
    "narrow": {
        6: (3.36, 5.03), 8: (2.14, 4.07), 12: (1.46, 3.22), 20: (0.8, 2.0), 32: (0.42, 1.1),
        64: (0.44, 2.02), 128: (0.06, 0.1),
    },
}  # fmt: skip
VORBIS_BLOCK = 1024  # the longer of the two block sizes at 16 kHz
VORBIS_HEADERS = 3  # packets: identification, comments, set-up
VORBIS_SPARE = 4  # blocks: the packets last at most that much longer than the utterance
CHUNK = SAMPLE_RATE  # libsndfile 1.2 overflows its stack on longer pieces of Vorbis


@attack("mp3")
@dataclass(frozen=True)
class Mp3(PacketCoder):
    """MP3 (libmp3lame) at a constant bit rate.

    kbps   : 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144 or 160. At 16 kHz MP3 is MPEG-2
             Layer III (ISO/IEC 13818-3), which ends at 160 kbit/s; higher rates are refused
    passes : generations, 1 to 10
    loss   : share of packets (36 ms) lost, 0 to 0.5. A lost packet is silent, and the decoder
             restarts after it; packets that depend on its bit reservoir are silent too

    Delay removed: 528 + 1 samples of the decoder's filter bank and 576 of the encoder.
    """

    kbps: int = integer(64, low=1, high=1000, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = Severity("kbps", "kbit/s", (64, 48, 32, 16, 8))
    citation = "iso1993mp3"
    encoder = "libmp3lame"
    decoder = "mp3float"
    sample_format = "fltp"
    packet_samples = 576
    delay = 1105
    tail = 1105
    distorts: ClassVar[dict[float, Band]] = {
        8: (2.97, 5.64), 16: (1.81, 3.91), 32: (1.13, 2.26), 48: (0.7, 1.46), 64: (0.52, 1.04),
        128: (0.44, 0.52), 160: (0.44, 0.53),
    }  # fmt: skip

    def validate(self) -> None:
        why = f"does not exist at 16 kHz, where MP3 ends at {MP3_KBPS[-1]} kbit/s"
        one_of(self.name, self.kbps, MP3_KBPS, why)

    @property
    def bit_rate(self) -> int:
        return self.kbps * 1000

    def decode_anew(self, stream: Bitstream) -> Wave:
        """Decode with libsndfile's decoder, another one, where no packet is lost."""
        if stream.lost(self.loss).any() or len(stream.packets) < MP3_LEAST_PACKETS:
            return self.decode(stream)[0]
        return np.asarray(soundfile.read(io.BytesIO(b"".join(stream.packets)), dtype="float32")[0])

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        # sync word, MPEG-2, Layer III; then the index of the bit rate, and 16 kHz
        index = MP3_KBPS.index(self.kbps) + 1
        return packet[0] == 0xFF and packet[1] & 0xFE == 0xF2 and packet[2] & 0xFC == index << 4 | 8


@attack("aac")
@dataclass(frozen=True)
class Aac(PacketCoder):
    """AAC-LC (FFmpeg's own encoder) at an average bit rate.

    kbps   : 12 to 96. A block of 1,024 samples holds at most 6,144 bits, so AAC ends at 96 kbit/s
             for one channel at 16 kHz; higher rates are refused
    passes : generations, 1 to 10
    loss   : share of packets (64 ms) lost, 0 to 0.5. A lost packet is silent, and the decoder
             restarts after it

    The encoder spends what the signal needs, almost nothing on silence, and borrows from its
    reservoir. The payload is therefore claimed to be at most 1.25 x kbps, and at least 0.8 x kbps
    in the first pass's blocks of speech (above 50 kbit/s, which some speech does not need, 40).
    Delay removed: the 1,024 samples of the encoder's first block.
    """

    kbps: int = integer(32, low=12, high=1000, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = Severity("kbps", "kbit/s", (64, 48, 32, 24, 16))
    citation = "iso2019aac"
    encoder = "aac"
    decoder = "aac"
    sample_format = "fltp"
    packet_samples = 1024
    delay = 1024
    tail = 1024
    distorts: ClassVar[dict[float, Band]] = {
        12: (2.2, 4.89), 16: (1.84, 3.38), 24: (1.45, 2.84), 32: (1.03, 2.29), 48: (0.66, 1.6),
        64: (0.21, 0.66), 96: (0.18, 0.68),
    }  # fmt: skip

    def validate(self) -> None:
        if self.kbps > AAC_MOST_KBPS:
            raise InputError(
                f"aac: kbps={self.kbps} does not exist for one channel at 16 kHz, where AAC ends"
                f" at {AAC_MOST_KBPS} kbit/s"
            )

    @property
    def bit_rate(self) -> int:
        return self.kbps * 1000

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        # AudioSpecificConfig: low complexity, 16 kHz, one channel
        return header[:2] == b"\x14\x08" and len(packet) > 0

    def payload_check(self, facts: Facts) -> Check:
        most = VARIABLE_EXCESS * self.kbps
        return Check.at_most("payload bit rate", "kbit/s", most, bit_rate(facts) / 1000)

    def examine(
        self, before: Wave, after: Wave, sample_rate: int, facts: Facts, evidence: Evidence
    ) -> list[Check]:
        found = super().examine(before, after, sample_rate, facts, evidence)
        spent = self._spent_on_speech(before, sample_rate, evidence[0].stream)
        least = AAC_SPENT * min(self.kbps, AAC_ENOUGH_KBPS)
        return [*found, Check.at_least("payload of speech", "kbit/s", least, spent, effect=False)]

    def _spent_on_speech(self, before: Wave, sample_rate: int, stream: Bitstream) -> float | None:
        """Return the mean bit rate in kbit/s of the blocks that are mostly active speech."""
        speech = speech_of(before, sample_rate)
        if not speech.clear:
            return None
        block = self.packet_samples / (HOP_S * sample_rate)  # in frames
        edges = (np.arange(len(stream.packets)) * block).astype(np.int64)
        edges = edges[edges < speech.active.size]
        share = np.add.reduceat(speech.active, edges) / block
        # the first packet carries nothing but the encoder's delay
        sizes = np.array([len(packet) for packet in stream.packets[1 : edges.size + 1]])
        spoken = sizes[share[: sizes.size] > 0.5]
        if spoken.size < AAC_LEAST_BLOCKS:
            return None
        return float(spoken.mean()) * 8 / (1000 * self.packet_samples / self.rate)


@attack("opus")
@dataclass(frozen=True)
class Opus(PacketCoder):
    """Opus (libopus, RFC 6716) at a constant bit rate, 20 ms packets, tuned for voice.

    kbps   : 6 to 256. A packet holds whole bytes, so the rate may be off by 0.2 kbit/s
    passes : generations, 1 to 10
    loss   : share of packets (20 ms) lost, 0 to 0.5, concealed by libopus. In place of a lost
             packet it gets an empty one, which is how RFC 6716 marks a loss
    band   : wide (16 kHz), or narrow (8 kHz; resampled there and back with soxr HQ)

    The decoder drops the 6.5 ms of pre-skip that the encoder declares. Its output at 48 kHz is
    resampled to the rate of the band. The voice mode removes rumble below 60 Hz or more, as in
    calls. The encoder's complexity is 10, the default of FFmpeg and opusenc.
    """

    kbps: int = integer(16, low=6, high=256, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")
    band: str = choice("wide", "wide", "narrow", added=True)

    severity = Severity("kbps", "kbit/s", (64, 32, 16, 10, 6))
    citation = "valin2012opus"
    encoder = "libopus"
    decoder = "libopus"
    sample_format = "flt"
    decoded_rate = 48000
    delay = 0
    options: ClassVar[dict[str, str]] = {
        "vbr": "off",
        "application": "voip",
        "frame_duration": "20",
    }

    @property
    def distorts(self) -> dict[float, Band]:  # type: ignore[override]
        return OPUS_DISTORTS[self.band]

    @property
    def rate(self) -> int:  # type: ignore[override]
        return SAMPLE_RATE if self.band == "wide" else 8000

    @property
    def packet_samples(self) -> int:  # type: ignore[override]
        return self.rate // 50

    @property
    def tail(self) -> int:  # type: ignore[override]
        return self.packet_samples

    @property
    def bit_rate(self) -> int:
        return self.kbps * 1000

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        # table of contents: one mono frame of 20 ms, in speech, hybrid or music mode
        mode, code = packet[0] >> 3, packet[0] & 7
        fits = self.band == "wide" or mode in OPUS_NARROW
        one_frame = code == 0 or (code == 3 and packet[1] & 63 == 1)  # 3: padded to the rate
        frame_20ms = mode % 4 == 1 if mode < 12 else mode % 2 == 1 if mode < 16 else mode % 4 == 3
        return fits and one_frame and frame_20ms and abs(len(packet) - self.kbps * 2.5) < 1

    @property
    def payload_tolerance(self) -> float:
        half_byte = 8 / 0.02 / 2  # in a 20 ms packet
        return max(RATE_TOLERANCE * self.bit_rate, 1.001 * half_byte)

    def stand_in(self, last: bytes | None) -> bytes | None:
        # the table-of-contents byte alone: one frame without content, in the last packet's mode
        voice = 0x48 if self.band == "wide" else 0x08
        return bytes([(last[0] if last else voice) & 0xFC])


@attack("vorbis")
@dataclass(frozen=True)
class Vorbis(Coder):
    """Ogg Vorbis (libvorbis, through libsndfile) at a constant quality.

    quality : 0 to 10, as in oggenc. The nominal bit rate rises from 24 kbit/s at 0 over 48 at 3 to
              100 at 10, for one channel at 16 kHz
    passes  : generations, 1 to 10

    Vorbis has no bit rate to set: the encoder spends what the quality needs. The payload is that of
    the audio packets, without the three headers and the Ogg pages. It is claimed to be at most 1.25
    times the nominal bit rate over the time of the utterance and four long blocks. The nominal bit
    rate is checked in the encoder's own header. Ogg pages give positions to the sample, so there is
    no delay.
    """

    quality: float = number(3.0, low=0.0, high=10.0)
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")

    severity = Severity("quality", "", (8, 6, 4, 2, 0))
    measures = "nominal bit rate, payload"
    citation = "xiph_vorbis"
    delay = 0
    tail = 0
    distorts: ClassVar[dict[float, Band]] = {  # soft speech between long pauses is coded coarsest
        24: (1.76, 2.53), 40: (1.33, 1.8), 56: (0.96, 1.6), 71.2: (0.68, 1.3), 85.6: (0.48, 0.95),
        100: (0.27, 0.7),
    }  # fmt: skip

    @property
    def payload_rate(self) -> float:
        """Nominal bit rate of libvorbis at this quality, in bit/s, one channel at 16 kHz."""
        return 24000 + 8000 * min(self.quality, 5) + 7200 * max(self.quality - 5, 0)

    def unavailable(self) -> str | None:
        if "VORBIS" in soundfile.available_subtypes("OGG"):
            return None
        return f"libsndfile {soundfile.__libsndfile_version__} has no Vorbis encoder"

    def encode(self, wave: Wave, rng: np.random.Generator) -> Bitstream:
        stream = self._encode(wave)
        packets = ogg_packets(stream)[VORBIS_HEADERS:]
        return Bitstream(tuple(packets), wave.size / SAMPLE_RATE, np.ones(len(packets)), stream)

    def decode(self, stream: Bitstream) -> tuple[Wave, int]:
        decoded, _ = soundfile.read(io.BytesIO(stream.header), dtype="float32")
        return decoded, len(stream.packets)

    def as_claimed(self, stream: Bitstream) -> list[bool]:
        identification = ogg_packets(stream.header)[0]
        kind, _, channels, rate, _, nominal = struct.unpack_from("<7sIBIii", identification)
        close = abs(nominal - self.payload_rate) <= RATE_TOLERANCE * self.payload_rate
        return [kind == b"\x01vorbis" and channels == 1 and rate == SAMPLE_RATE and close]

    def _encode(self, wave: Wave) -> bytes:
        """Return the Ogg stream of `wave`."""
        buffer = io.BytesIO()
        shape: dict[str, Any] = {"format": "OGG", "subtype": "VORBIS", "channels": 1}
        level = 1 - self.quality / 10
        with soundfile.SoundFile(
            buffer, "w", SAMPLE_RATE, compression_level=level, **shape
        ) as file:
            for start in range(0, wave.size, CHUNK):
                file.write(wave[start : start + CHUNK])
        return buffer.getvalue()

    def payload_check(self, facts: Facts) -> Check:
        time = facts["seconds"] + self.passes * VORBIS_SPARE * VORBIS_BLOCK / SAMPLE_RATE
        most = VARIABLE_EXCESS * self.payload_rate * time / 8
        return Check.at_most("payload", "bytes", most, facts["payload_bytes"])


def ogg_packets(stream: bytes) -> list[bytes]:
    """Return the packets of an Ogg stream (RFC 3533) that holds one logical stream."""
    packets, part, at = [], b"", 0
    while at < len(stream):
        if stream[at : at + 4] != b"OggS":
            raise AttackError(f"no Ogg page at byte {at}")
        count = stream[at + 26]
        lacing = stream[at + 27 : at + 27 + count]
        at += 27 + count
        for size in lacing:
            part += stream[at : at + size]
            at += size
            if size < 255:
                packets.append(part)
                part = b""
    return packets
