"""Codec 2, a vocoder of 0.7 to 3.2 kbit/s, through the library of a pinned wheel."""

from __future__ import annotations

import _ctypes
import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from attacks.codecs.codec_base import MOST_LOSS, MOST_PASSES, one_of, padded
from attacks.codecs.pyav_codec import PacketCoder, to_int16
from attacks.contract.base import AttackError, Severity, Wave, attack, integer, number
from attacks.contract.spectral_distortion import Band
from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile

LIBCODEC2 = WheelFile(
    Wheel(
        name="pycodec2",
        version="4.1.1",
        filename="pycodec2-4.1.1-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        sha256="fe09344774b22051123881f1e97edb0fd38d32188f8ba3d7740fbc9d5adee699",
        licence="BSD-3-Clause; the library libcodec2 inside: LGPL-2.1",
        credit="David Rowe and others (Codec 2); Grzegorz Milka (pycodec2)",
        use="the Codec 2 encoder and decoder",
    ),
    "pycodec2.libs/libcodec2-30fce438.so.1.2",
    "3453c1cac697701e680e521d03a9d51b4868416e5a827646fdc8ac02d196249d",
)


@dataclass(frozen=True)
class Mode:
    """A mode of the library: its number in codec2.h, samples and bits of a frame, delay in ms."""

    number: int
    samples: int
    bits: int
    delay: int = 20


MODES = {
    3.2: Mode(0, 160, 64),
    2.4: Mode(1, 160, 48),
    1.6: Mode(2, 320, 64),
    1.4: Mode(3, 320, 56),
    1.3: Mode(4, 320, 52),
    1.2: Mode(5, 320, 48),
    0.7: Mode(8, 320, 28, delay=30),
}
_alone = threading.Lock()


@attack("codec2")
@dataclass(frozen=True)
class Codec2(PacketCoder):
    """Codec 2 (libcodec2), the vocoder of digital amateur radio and mesh messengers, at 8 kHz.

    kbps   : 3.2, 2.4, 1.6, 1.4, 1.3, 1.2 or 0.7 (the mode 700C)
    passes : generations, 1 to 10
    loss   : share of packets (40 ms) lost, 0 to 0.5. A lost packet is silent, and the decoder keeps
             its state

    A packet holds one frame of 40 ms, or two of 20 ms from 2.4 kbit/s on; its payload is counted
    in whole bytes per frame. A sinusoidal coder: the decoder draws the phases of unvoiced sounds
    from a generator, which begins anew in every pass. Delay removed: 20 ms, at 0.7 kbit/s 30, by
    which envelopes of speech trail (no wave form survives to show it). Resampled to 8 kHz and back
    with soxr HQ. The library (LGPL-2.1) comes from the wheel pycodec2 and runs in this process, in
    one thread at a time.
    """

    kbps: float = number(3.2, low=0.0, high=1000.0, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = Severity("kbps", "kbit/s", (3.2, 2.4, 1.6, 1.2, 0.7))
    citation = "rowe1997harmonic"
    wheel_files = (LIBCODEC2,)
    rate = 8000
    packet_samples = 320  # the same at all rates, so that losses are paired
    tail = 320
    most_lag = 18.0  # of 20 to 40 ms only one set of parameters is sent; what is no speech moves
    least_envelope = 0.5
    distorts: ClassVar[dict[float, Band]] = {
        0.8: (4.77, 8.72), 1.2: (4.11, 6.47), 1.4: (4.17, 6.42), 1.6: (3.77, 6.02),
        2.4: (3.99, 6.1), 3.2: (3.62, 5.98),
    }  # fmt: skip

    def validate(self) -> None:
        one_of(self.name, self.kbps, tuple(MODES), "is not a mode of Codec 2")

    @property
    def mode(self) -> Mode:
        """The library's mode at this bit rate."""
        return MODES[self.kbps]

    @property
    def delay(self) -> int:
        return self.mode.delay * self.rate // 1000

    @property
    def frames(self) -> int:
        """Frames in a packet."""
        return self.packet_samples // self.mode.samples

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return -(-self.mode.bits // 8)

    @property
    def payload_rate(self) -> float:
        return self.frame_bytes * 8 * self.rate / self.mode.samples

    def unavailable(self) -> str | None:
        return wheel_files.lacking(self.wheel_files)

    def is_mine(self, packet: bytes, header: bytes) -> bool:
        """Return whether a packet has the size of its mode; there is no header to read."""
        return len(packet) == self.frames * self.frame_bytes

    def _encode(self, wave: Wave) -> tuple[list[bytes], bytes | None]:
        count = -(-wave.size // self.packet_samples)
        samples = to_int16(padded(wave, count * self.packet_samples))
        coded = np.zeros((count * self.frames, self.frame_bytes), dtype=np.uint8)
        with _codec2(wheel_files.opened(LIBCODEC2), self.mode) as (library, state):
            for row, frame in zip(coded, samples.reshape(coded.shape[0], -1), strict=True):
                library.codec2_encode(state, row.ctypes.data, frame.ctypes.data)
        return [packet.tobytes() for packet in coded.reshape(count, -1)], None

    def _decode(
        self, packets: list[bytes], header: bytes | None, lost: npt.NDArray[np.bool_]
    ) -> tuple[Wave, int]:
        coded = np.frombuffer(b"".join(packets), dtype=np.uint8).reshape(-1, self.frame_bytes)
        decoded = np.zeros((coded.shape[0], self.mode.samples), dtype=np.int16)
        arrived = np.flatnonzero(~np.repeat(lost, self.frames))
        with _codec2(wheel_files.opened(LIBCODEC2), self.mode) as (library, state):
            for place in arrived.tolist():
                row, frame = decoded[place].ctypes.data, coded[place].ctypes.data
                library.codec2_decode(state, row, frame)
        wave = decoded.ravel().astype(np.float32) / np.float32(32768)
        return wave, int(np.count_nonzero(~lost))


@contextmanager
def _codec2(path: Path, mode: Mode) -> Iterator[tuple[Any, int]]:
    """Give the library, loaded anew, and a coder's state.

    The library's random generator is a static variable without a seed. Only loading the library
    again sets it back, so one thread at a time has it.
    """
    with _alone:
        library = ctypes.CDLL(str(path))
        try:
            library.codec2_create.restype = ctypes.c_void_p
            library.codec2_destroy.argtypes = [ctypes.c_void_p]
            coding = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
            library.codec2_encode.argtypes = coding
            library.codec2_decode.argtypes = coding
            state = library.codec2_create(mode.number)
            if not state:
                raise AttackError("libcodec2 cannot make a coder")
            try:
                yield library, state
            finally:
                library.codec2_destroy(state)
        finally:
            _ctypes.dlclose(library._handle)
