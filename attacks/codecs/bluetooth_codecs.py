"""Codecs of Bluetooth: SBC of headphones, mSBC of hands-free calls, LC3 of LE Audio."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from attacks.codecs.codec_base import LOSSES, MOST_LOSS, MOST_PASSES, padded
from attacks.codecs.pyav_codec import PacketCoder
from attacks.contract.base import AttackError, Severity, Wave, attack, integer, number
from attacks.contract.spectral_distortion import Band
from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile
from benchmark.core.errors import InputError

FF_QP2LAMBDA = 118  # the scale of FFmpeg's qualities, by which it sets a bitpool
MSBC_BYTES = 57
LC3_FRAME_US = 10_000
LC3_STEP_KBPS = 4  # the least that adds whole bytes to 10 ms, beside 0.8
LC3_FLOAT = 3  # of enum lc3_pcm_format
LIBLC3 = WheelFile(
    Wheel(
        name="lc3py",
        version="1.1.3",
        filename="lc3py-1.1.3-py3-none-manylinux_2_5_x86_64.manylinux1_x86_64"
        ".manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        sha256="601a9a2ea3135547f2d22a10475b5fec8f784f716f4b22a61acc3908c827694e",
        licence="Apache-2.0",
        credit="Google (liblc3)",
        use="the LC3 encoder and decoder",
    ),
    ".lc3py.mesonpy.libs/liblc3.so.1",
    "a05762011a67fe533b9a12d8f5009ad21bb37b580eac499fa3ddb92861601acc",
)


@attack("sbc")
@dataclass(frozen=True)
class Sbc(PacketCoder):
    """SBC, the codec of Bluetooth headphones and loudspeakers (A2DP), one channel at 44.1 kHz.

    bitpool : bits that a block of 8 sub-bands shares, 2 to 64. A2DP recommends 31 for high and 19
              for middle quality, 193 and 127 kbit/s, which hardly change speech of 16 kHz; a poor
              link lowers it
    passes  : generations, 1 to 10

    16 blocks of 8 sub-bands, loudness allocation, (8 + 2 x bitpool) bytes per 128 samples. A2DP
    sends again what is lost. Delay removed: 73 samples of the two filter banks with 80 taps.
    Resampled to 44.1 kHz and back with soxr HQ.
    """

    bitpool: int = integer(19, low=2, high=64, unit="bits")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")

    severity = Severity("bitpool", "bits", (12, 8, 6, 4, 2))
    citation = "bluetooth_a2dp"
    encoder = "sbc"
    decoder = "sbc"
    sample_format = "s16"
    rate = 44100
    packet_samples = 128
    delay = 73
    tail = 256
    distorts: ClassVar[dict[float, Band]] = {
        33.1: (3.48, 6.56), 44.1: (0.98, 2.63), 49.6: (0.47, 2.39), 66.2: (0.18, 1.29),
        88.2: (0.08, 0.64), 126.8: (0.02, 0.24), 192.9: (0.005, 0.17),
    }  # fmt: skip

    @property
    def options(self) -> dict[str, str]:
        return {"global_quality": str(self.bitpool * FF_QP2LAMBDA)}

    @property
    def payload_rate(self) -> float:
        return (8 + 2 * self.bitpool) * 8 * self.rate / self.packet_samples

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        # sync word; 44.1 kHz, 16 blocks, mono, loudness, 8 sub-bands; bitpool
        return packet[:3] == bytes([0x9C, 0xB1, self.bitpool]) and len(packet) == 8 + 2 * packet[2]


@attack("msbc")
@dataclass(frozen=True)
class Msbc(PacketCoder):
    """mSBC, the codec of wide-band calls over Bluetooth hands-free sets: 60.8 kbit/s at 16 kHz.

    passes : generations, 1 to 10
    loss   : share of frames (7.5 ms) lost, 0 to 0.5. A lost frame is silent, and the decoder
             restarts after it

    SBC of 15 blocks of 8 sub-bands with bitpool 26: 57 bytes per 120 samples. Delay removed: 73
    samples of the two filter banks with 80 taps.
    """

    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = LOSSES
    citation = "bluetooth_hfp"
    encoder = "sbc"
    decoder = "sbc"
    sample_format = "s16"
    packet_samples = 120
    options: ClassVar[dict[str, str]] = {"msbc": "1"}
    payload_rate = 60800.0
    delay = 73
    tail = 240
    distorts: ClassVar[dict[float, Band]] = {60.8: (0.17, 0.96)}

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        return packet[:3] == b"\xad\0\0" and len(packet) == MSBC_BYTES  # sync word, reserved


@attack("lc3")
@dataclass(frozen=True)
class Lc3(PacketCoder):
    """LC3 (Google's liblc3), the codec of Bluetooth LE Audio, at 16 kHz in frames of 10 ms.

    kbps   : 16 to 64 in steps of 4. The setting 16_2 of LE Audio calls has 32
    passes : generations, 1 to 10
    loss   : share of frames (10 ms) lost, 0 to 0.5, concealed by liblc3

    Delay removed: the 40 samples that liblc3 states (2.5 ms). The library comes from the wheel
    lc3py and runs in this process.
    """

    kbps: int = integer(32, low=16, high=64, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = Severity("kbps", "kbit/s", (64, 48, 32, 24, 16))
    citation = "bluetooth_lc3"
    wheel_files = (LIBLC3,)
    packet_samples = 160
    delay = 40
    tail = 320
    distorts: ClassVar[dict[float, Band]] = {
        16: (1.71, 3.84), 24: (1.31, 2.6), 32: (1.07, 1.93), 48: (0.67, 1.04), 64: (0.15, 0.45),
    }  # fmt: skip

    def validate(self) -> None:
        if self.kbps % LC3_STEP_KBPS:
            raise InputError(
                f"lc3: kbps={self.kbps} gives no whole number of bytes in 10 ms; choose a multiple"
                f" of {LC3_STEP_KBPS} from 16 to 64"
            )

    @property
    def bit_rate(self) -> int:
        return self.kbps * 1000

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return self.kbps * LC3_FRAME_US // 8000

    def unavailable(self) -> str | None:
        return wheel_files.lacking(self.wheel_files)

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        """Return whether a packet has the size of its bit rate; there is no header to read."""
        return len(packet) == self.frame_bytes

    def _encode(self, wave: Wave) -> tuple[list[bytes], bytes | None]:
        lc3 = _liblc3(wheel_files.opened(LIBLC3))
        memory = ctypes.create_string_buffer(lc3.lc3_encoder_size(LC3_FRAME_US, self.rate))
        state = lc3.lc3_setup_encoder(LC3_FRAME_US, self.rate, self.rate, memory)
        count = wave.size // self.packet_samples
        samples = padded(wave, (count + 1) * self.packet_samples)
        out = ctypes.create_string_buffer(self.frame_bytes)
        packets = []
        for at in range(0, samples.size, self.packet_samples):
            frame = samples[at:].ctypes.data
            if lc3.lc3_encode(state, LC3_FLOAT, frame, 1, self.frame_bytes, out) != 0:
                raise AttackError("liblc3 refuses the samples")
            packets.append(out.raw)
        return packets, None

    def _decode(
        self, packets: list[bytes], header: bytes | None, lost: npt.NDArray[np.bool_]
    ) -> tuple[Wave, int]:
        lc3 = _liblc3(wheel_files.opened(LIBLC3))
        memory = ctypes.create_string_buffer(lc3.lc3_decoder_size(LC3_FRAME_US, self.rate))
        state = lc3.lc3_setup_decoder(LC3_FRAME_US, self.rate, self.rate, memory)
        decoded = np.zeros((len(packets), self.packet_samples), dtype=np.float32)
        for packet, gone, row in zip(packets, lost, decoded, strict=True):
            given = None if gone else packet  # NULL asks for concealment
            done = lc3.lc3_decode(state, given, len(packet), LC3_FLOAT, row.ctypes.data, 1)
            if done != int(gone):
                raise AttackError("liblc3 cannot decode a frame")
        return decoded.ravel(), int(np.count_nonzero(~lost))


@lru_cache
def _liblc3(path: Path) -> ctypes.CDLL:
    """Return the library with the types of the functions of lc3.h that are used."""
    lc3 = ctypes.CDLL(str(path))
    pointer, integer_ = ctypes.c_void_p, ctypes.c_int
    for kind in ("encoder", "decoder"):
        size, setup = lc3[f"lc3_{kind}_size"], lc3[f"lc3_setup_{kind}"]
        size.argtypes, size.restype = [integer_, integer_], ctypes.c_uint
        setup.argtypes, setup.restype = [integer_, integer_, integer_, pointer], pointer
        setattr(lc3, f"lc3_{kind}_size", size)
        setattr(lc3, f"lc3_setup_{kind}", setup)
    lc3.lc3_encode.argtypes = [pointer, integer_, pointer, integer_, integer_, pointer]
    lc3.lc3_decode.argtypes = [pointer, ctypes.c_char_p, integer_, integer_, pointer, integer_]
    return lc3
