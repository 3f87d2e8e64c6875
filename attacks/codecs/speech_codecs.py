"""Frame-based speech codecs of calls: AMR, G.723.1, GSM, Speex."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import ClassVar

import soundfile

from attacks.codecs.codec_base import LOSSES, MOST_LOSS, MOST_PASSES, one_of, padded
from attacks.codecs.media_codecs import ogg_packets
from attacks.codecs.pyav_codec import PacketCoder, missing, to_int16
from attacks.codecs.wheel_ffmpeg import WheelFfmpegCoder
from attacks.contract.base import AttackError, Severity, Wave, attack, choice, integer, number
from attacks.contract.spectral_distortion import Band
from benchmark.audio.reader import SAMPLE_RATE

# speech bits of a 20 ms frame by bit rate (kbit/s): 3GPP TS 26.101 and TS 26.201
AMR_NB_BITS = {4.75: 95, 5.15: 103, 5.9: 118, 6.7: 134, 7.4: 148, 7.95: 159, 10.2: 204, 12.2: 244}
AMR_WB_BITS = {
    6.6: 132,
    8.85: 177,
    12.65: 253,
    14.25: 285,
    15.85: 317,
    18.25: 365,
    19.85: 397,
    23.05: 461,
    23.85: 477,
}
AMR_WB_MAGIC = b"#!AMR-WB\n"
GSM_BYTES = 33
# sub-mode of the narrow band by bit rate (kbit/s) of the whole, tables 9.2 and 10.2 of the manual
SPEEX_WIDE = {
    3.95: 1, 5.75: 8, 7.75: 2, 9.8: 3, 12.8: 4, 16.8: 5, 20.6: 5, 23.8: 6, 27.8: 6, 34.2: 7,
    42.2: 7,
}  # fmt: skip
SPEEX_NARROW = {2.15: 1, 3.95: 8, 5.95: 2, 8: 3, 11: 4, 15: 5, 18.2: 6, 24.6: 7}
SPEEX_RATE_AT = 36  # byte of the sample rate in the header packet
SPEEX_DISTORTS: dict[str, dict[float, Band]] = {
    "wide": {
        4: (4.57, 8.16), 6: (3.07, 5.51), 10: (2.25, 4.26), 16.8: (1.13, 2.71), 28: (0.89, 2.09),
        42.4: (0.71, 1.67),
    },
    "narrow": {
        2.4: (4.74, 8.18), 4: (3.01, 5.48), 8: (2.28, 4.19), 11.2: (1.62, 3.28),
        15.2: (1.22, 2.58), 24.8: (0.71, 1.57),
    },
}  # fmt: skip


def _amr_mode(packet: bytes) -> int:
    """Return the frame type that the header byte of an AMR frame states (RFC 4867)."""
    return packet[0] >> 3 & 15


def whole_bytes(bits: int) -> float:
    """Return the bit rate in bit/s of frames of `bits` bits, sent in whole bytes every 20 ms."""
    return -(-bits // 8) * 8 * 50.0


@attack("amr_nb")
@dataclass(frozen=True)
class AmrNb(PacketCoder):
    """AMR narrow-band (OpenCORE), the speech codec of GSM and UMTS calls, at 8 kHz.

    kbps   : 4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2 or 12.2 (3GPP TS 26.071)
    passes : generations, 1 to 10
    loss   : share of frames (20 ms) lost, 0 to 0.5, concealed by the decoder after TS 26.091. In
             place of a lost frame it gets one of the type NO_DATA

    No discontinuous transmission. The payload is the speech bits in whole bytes, without the byte
    of the frame header. Delay removed: 40 samples at 8 kHz, the encoder's look-ahead. Resampled to
    8 kHz and back with soxr HQ.
    """

    kbps: float = number(12.2, low=0.0, high=1000.0, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = Severity("kbps", "kbit/s", (12.2, 10.2, 7.4, 5.9, 4.75))
    citation = "3gpp_amr"
    encoder = "libopencore_amrnb"
    decoder = "libopencore_amrnb"
    sample_format = "s16"
    rate = 8000
    packet_samples = 160
    header_bytes = 1
    delay = 40
    tail = 160
    distorts: ClassVar[dict[float, Band]] = {
        4.75: (3.61, 5.51), 5.9: (3.29, 4.82), 7.4: (2.87, 4.25), 10.2: (2.26, 3.31),
        12.2: (2.11, 3.05),
    }  # fmt: skip

    def validate(self) -> None:
        one_of(self.name, self.kbps, tuple(AMR_NB_BITS), "is not a mode of AMR, which ends at 12.2")

    @property
    def bit_rate(self) -> int:
        return round(self.kbps * 1000)

    @property
    def payload_rate(self) -> float:
        return whole_bytes(AMR_NB_BITS[self.kbps])

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        return _amr_mode(packet) == [*AMR_NB_BITS].index(self.kbps)

    def stand_in(self, last: bytes | None) -> bytes | None:
        return bytes([15 << 3 | 4])  # frame type NO_DATA, RFC 4867


@attack("amr_wb")
@dataclass(frozen=True)
class AmrWb(WheelFfmpegCoder):
    """AMR wide-band (G.722.2, by vo-amrwbenc), the codec of HD voice calls, at 16 kHz.

    kbps   : 6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05 or 23.85 (3GPP TS 26.171)
    passes : generations, 1 to 10
    loss   : share of frames (20 ms) lost, 0 to 0.5. A lost frame is silent, and the decoder
             restarts after it

    PyAV encodes where its build has libvo_amrwbenc, else the FFmpeg program (GPL-3.0) of the
    wheel imageio-ffmpeg 0.6.0. No discontinuous transmission. The payload is the speech bits in
    whole bytes, without the byte of the frame header. Delay removed: 95 samples, measured on
    broadband noise; 80 are the encoder's look-ahead, and the rest its filters'.
    """

    kbps: float = number(12.65, low=0.0, high=1000.0, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = Severity("kbps", "kbit/s", (23.85, 18.25, 12.65, 8.85, 6.6))
    citation = "itu2003g7222"
    encoder = "libvo_amrwbenc"
    decoder = "amrwb"
    container = "amr"
    packet_samples = 320
    header_bytes = 1
    delay = 95
    tail = 640
    distorts: ClassVar[dict[float, Band]] = {
        6.8: (2.46, 4.95), 9.2: (2.31, 4.17), 12.8: (1.76, 3.38), 18.4: (1.37, 2.78),
        24: (1.19, 2.42),
    }  # fmt: skip

    def validate(self) -> None:
        why = "is not a mode of AMR-WB, which ends at 23.85"
        one_of(self.name, self.kbps, tuple(AMR_WB_BITS), why)

    @property
    def bit_rate(self) -> int:
        return round(self.kbps * 1000)

    @property
    def payload_rate(self) -> float:
        return whole_bytes(AMR_WB_BITS[self.kbps])

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        return _amr_mode(packet) == [*AMR_WB_BITS].index(self.kbps)

    def packets_of(self, stream: bytes) -> tuple[list[bytes], bytes | None]:
        return amr_wb_frames(stream), None


@attack("g723_1")
@dataclass(frozen=True)
class G7231(PacketCoder):
    """G.723.1, the codec of early Internet telephony and video calls: 6.3 kbit/s at 8 kHz.

    passes : generations, 1 to 10
    loss   : share of frames (30 ms) lost, 0 to 0.5. A lost frame is silent, and the decoder
             restarts after it

    A frame is 189 bits in 24 bytes, so the payload is 6.4 kbit/s. Delay removed: 60 samples at
    8 kHz, the encoder's look-ahead. Resampled to 8 kHz and back with soxr HQ.
    """

    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = LOSSES
    citation = "itu2006g7231"
    encoder = "g723_1"
    decoder = "g723_1"
    sample_format = "s16"
    rate = 8000
    packet_samples = 240
    bit_rate = 6300
    payload_rate = 6400.0
    delay = 60
    tail = 240
    distorts: ClassVar[dict[float, Band]] = {6.4: (2.83, 4.3)}

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        return packet[0] & 3 == 0 and len(packet) == 24  # the mode of 6.3 kbit/s


@attack("gsm")
@dataclass(frozen=True)
class Gsm(PacketCoder):
    """GSM full rate (06.10, by libgsm), the first codec of mobile calls: 13 kbit/s at 8 kHz.

    passes : generations, 1 to 10
    loss   : share of frames (20 ms) lost, 0 to 0.5. A lost frame is silent, and the decoder
             restarts after it

    libsndfile encodes and FFmpeg decodes. A frame is 260 bits in 33 bytes, so the payload is 13.2
    kbit/s. No delay. Resampled to 8 kHz and back with soxr HQ.
    """

    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = LOSSES
    citation = "etsi_gsm0610"
    decoder = "gsm"
    rate = 8000
    packet_samples = 160
    payload_rate = 13200.0
    delay = 0
    tail = 0
    distorts: ClassVar[dict[float, Band]] = {13.2: (1.44, 3.93)}

    def unavailable(self) -> str | None:
        if "GSM610" not in soundfile.available_subtypes("RAW"):
            return f"libsndfile {soundfile.__libsndfile_version__} has no GSM 06.10 encoder"
        return missing(self.decoder, "r")

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        return packet[0] >> 4 == 0xD and len(packet) == GSM_BYTES

    def _encode(self, wave: Wave) -> tuple[list[bytes], bytes | None]:
        buffer = io.BytesIO()
        whole = padded(wave, -(-wave.size // self.packet_samples) * self.packet_samples)
        soundfile.write(buffer, to_int16(whole), self.rate, format="RAW", subtype="GSM610")
        stream = buffer.getvalue()
        return [stream[at : at + GSM_BYTES] for at in range(0, len(stream), GSM_BYTES)], None


@attack("speex")
@dataclass(frozen=True)
class Speex(WheelFfmpegCoder):
    """Speex (libspeex), the open codec of early Internet telephony, at 16 or 8 kHz.

    kbps   : wide: 3.95, 5.75, 7.75, 9.8, 12.8, 16.8, 20.6, 23.8, 27.8, 34.2 or 42.2;
             narrow: 2.15, 3.95, 5.95, 8, 11, 15, 18.2 or 24.6 (modes of the Speex manual)
    passes : generations, 1 to 10
    loss   : share of frames (20 ms) lost, 0 to 0.5. A lost frame is silent, and the decoder
             restarts after it
    band   : wide (16 kHz), or narrow (8 kHz; resampled there and back with soxr HQ)

    PyAV encodes where its build has libspeex, else the FFmpeg program (GPL-3.0) of the wheel
    imageio-ffmpeg 0.6.0; FFmpeg's own decoder decodes. A frame holds whole bytes, so the rate may
    be 0.4 kbit/s higher. Delay removed: 223 samples at 16 kHz, 80 at 8 kHz, measured on broadband
    noise.
    """

    kbps: float = number(16.8, low=0.0, high=1000.0, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")
    band: str = choice("wide", "wide", "narrow", added=True)

    severity = Severity("kbps", "kbit/s", (42.2, 27.8, 16.8, 9.8, 5.75))
    citation = "valin2016speex"
    encoder = "libspeex"
    decoder = "speex"
    container = "ogg"

    def validate(self) -> None:
        why = f"is not a mode of {self.band}-band Speex, which ends at {max(self._modes):g}"
        one_of(self.name, self.kbps, tuple(self._modes), why)

    @property
    def _modes(self) -> dict[float, int]:
        """Sub-mode of the narrow band, which every frame begins with, by bit rate."""
        return SPEEX_WIDE if self.band == "wide" else SPEEX_NARROW

    @property
    def rate(self) -> int:  # type: ignore[override]
        return SAMPLE_RATE if self.band == "wide" else 8000

    @property
    def packet_samples(self) -> int:  # type: ignore[override]
        return self.rate // 50

    @property
    def delay(self) -> int:
        return 223 if self.band == "wide" else 80

    @property
    def tail(self) -> int:  # type: ignore[override]
        return 2 * self.packet_samples

    @property
    def _is_vocoder(self) -> bool:
        """True at the lowest rate, whose narrow band has noise for an excitation."""
        return self._modes[self.kbps] == 1

    @property
    def most_lag(self) -> float:  # type: ignore[override]
        return 12.0 if self._is_vocoder else 8.0

    @property
    def least_alive(self) -> float:  # type: ignore[override]
        return 0.75 if self._is_vocoder else 0.8

    @property
    def distorts(self) -> dict[float, Band]:  # type: ignore[override]
        return SPEEX_DISTORTS[self.band]

    @property
    def bit_rate(self) -> int:
        return round(self.kbps * 1000)

    @property
    def payload_rate(self) -> float:
        return whole_bytes(round(self.kbps * 20))

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        # a frame begins with the narrow band: a bit 0, then four bits of the sub-mode
        begins = packet[0] >> 3 == self._modes[self.kbps]
        (rate,) = struct.unpack_from("<I", header, SPEEX_RATE_AT)
        return begins and rate == self.rate and len(packet) * 400 == self.payload_rate

    def packets_of(self, stream: bytes) -> tuple[list[bytes], bytes | None]:
        header, _, *packets = ogg_packets(stream)  # the second one holds comments
        return packets, header


def amr_wb_frames(stream: bytes) -> list[bytes]:
    """Return the frames of an AMR-WB file, each with its header byte (RFC 4867, section 5)."""
    if not stream.startswith(AMR_WB_MAGIC):
        raise AttackError("no AMR-WB file")
    sizes = [1 - (-bits // 8) for bits in AMR_WB_BITS.values()]
    frames, at = [], len(AMR_WB_MAGIC)
    while at < len(stream):
        mode = _amr_mode(stream[at:])
        if mode >= len(sizes) or at + sizes[mode] > len(stream):
            raise AttackError(f"no AMR-WB frame of speech at byte {at}")
        frames.append(stream[at : at + sizes[mode]])
        at += sizes[mode]
    return frames
