"""Frame-based speech codecs of calls: AMR, G.723.1, GSM, Speex."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from attacks.codecs.codec_base import LOSSES, MOST_LOSS, MOST_PASSES, RATE_TOLERANCE, one_of
from attacks.codecs.delay import delay_of
from attacks.codecs.pyav_codec import PacketCoder
from attacks.contract.base import AttackError, Severity, attack, integer, number
from attacks.contract.spectral_distortion import Band

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
# wideband modes of the Speex manual
SPEEX_KBPS = (3.95, 5.75, 7.75, 9.8, 12.8, 16.8, 20.6, 23.8, 27.8, 34.2, 42.2)


@lru_cache
def _measured_delay(coder: PacketCoder) -> int:
    """Return the coder's delay in samples at its rate, measured once on broadband noise."""
    found = delay_of(
        lambda wave: coder.decode(coder.encode(wave, np.random.default_rng(0)))[0], coder.rate
    )
    if found is None or found < 0:
        raise AttackError(
            "the delay cannot be measured: the decoded signal does not match the input"
        )
    return found


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
class AmrWb(PacketCoder):
    """AMR wide-band (G.722.2, by vo-amrwbenc), the codec of HD voice calls, at 16 kHz.

    kbps   : 6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05 or 23.85 (3GPP TS 26.171)
    passes : generations, 1 to 10
    loss   : share of frames (20 ms) lost, 0 to 0.5. A lost frame is silent, and the decoder
             restarts after it

    The payload is the speech bits in whole bytes, without the byte of the frame header. The delay
    is measured once on broadband noise and removed.
    """

    kbps: float = number(12.65, low=0.0, high=1000.0, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = Severity("kbps", "kbit/s", (23.85, 18.25, 12.65, 8.85, 6.6))
    citation = "itu2003g7222"
    encoder = "libvo_amrwbenc"
    decoder = "amrwb"
    sample_format = "s16"
    packet_samples = 320
    header_bytes = 1
    tail = 640
    distorts: ClassVar[dict[float, Band]] = {6.6: (1.5, 6.0), 23.85: (0.8, 4.0)}  # not calibrated

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

    @property
    def delay(self) -> int:
        return _measured_delay(AmrWb(self.kbps))


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

    A frame is 260 bits in 33 bytes, so the payload is 13.2 kbit/s. The delay is measured once on
    broadband noise and removed. Resampled to 8 kHz and back with soxr HQ.
    """

    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = LOSSES
    citation = "etsi_gsm0610"
    encoder = "libgsm"
    decoder = "gsm"
    sample_format = "s16"
    rate = 8000
    packet_samples = 160
    payload_rate = 13200.0
    tail = 320
    distorts: ClassVar[dict[float, Band]] = {13.2: (1.0, 5.0)}  # not calibrated

    @property
    def delay(self) -> int:
        return _measured_delay(Gsm())

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        return packet[0] >> 4 == 0xD and len(packet) == 33


@attack("speex")
@dataclass(frozen=True)
class Speex(PacketCoder):
    """Speex wide-band (libspeex), the open codec of early Internet telephony, at 16 kHz.

    kbps   : 3.95, 5.75, 7.75, 9.8, 12.8, 16.8, 20.6, 23.8, 27.8, 34.2 or 42.2
    passes : generations, 1 to 10
    loss   : share of frames (20 ms) lost, 0 to 0.5. A lost frame is silent, and the decoder
             restarts after it

    A frame holds whole bytes, so the rate may be off by 0.4 kbit/s. The delay is measured once on
    broadband noise and removed.
    """

    kbps: float = number(16.8, low=0.0, high=1000.0, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = Severity("kbps", "kbit/s", (42.2, 27.8, 16.8, 9.8, 5.75))
    citation = "valin2016speex"
    encoder = "libspeex"
    decoder = "speex"
    sample_format = "s16"
    packet_samples = 320
    tail = 640
    distorts: ClassVar[dict[float, Band]] = {3.95: (2.0, 7.0), 42.2: (0.3, 4.0)}  # not calibrated

    def validate(self) -> None:
        why = "is not a mode of wide-band Speex, which ends at 42.2"
        one_of(self.name, self.kbps, SPEEX_KBPS, why)

    @property
    def bit_rate(self) -> int:
        return round(self.kbps * 1000)

    @property
    def payload_tolerance(self) -> float:
        byte = 8 / 0.02
        return max(RATE_TOLERANCE * self.bit_rate, byte)

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        # a frame begins with the narrow band, whose first bit is 0
        return packet[0] < 128 and abs(len(packet) - self.kbps * 2.5) <= 1

    @property
    def delay(self) -> int:
        return _measured_delay(Speex(self.kbps))
