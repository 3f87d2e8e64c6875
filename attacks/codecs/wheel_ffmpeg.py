"""Encoders that the FFmpeg inside PyAV's wheels lacks, from the program of an older wheel.

imageio-ffmpeg 0.6.0 carries a static FFmpeg 7.0.2 under the GPL, version 3. It runs as a program of
its own, through pipes, once per pass; nothing of it is linked to or distributed with LaunderBench.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from attacks.codecs.ffmpeg_program import piped
from attacks.codecs.pyav_codec import PacketCoder, missing, pyav_version, to_int16
from attacks.contract.base import Wave
from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile

FFMPEG = WheelFile(
    Wheel(
        name="imageio-ffmpeg",
        version="0.6.0",
        filename="imageio_ffmpeg-0.6.0-py3-none-manylinux2014_x86_64.whl",
        sha256="c7e46fcec401dd990405049d2e2f475e2b397779df2519b544b8aab515195282",
        licence="BSD-2-Clause; the FFmpeg program inside: GPL-3.0",
        credit="the imageio developers; John Van Sickle (build); FFmpeg, vo-amrwbenc, Speex",
        use="an FFmpeg program that encodes AMR-WB and Speex",
    ),
    "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v7.0.2",
    "e7e7fb30477f717e6f55f9180a70386c62677ef8a4d4d1a5d948f4098aa3eb99",
)


@dataclass(frozen=True)
class WheelFfmpegCoder(PacketCoder):
    """A codec that PyAV decodes and encodes only in some builds.

    Where PyAV has the encoder, it encodes in this process. Otherwise the FFmpeg program of the
    wheel does. The identity says which of the two, because their versions may differ in samples.
    """

    container: ClassVar[str]  # FFmpeg's name of the format that the program writes
    sample_format = "s16"

    @property
    def wheel_files(self) -> tuple[WheelFile, ...]:
        return (FFMPEG,) if missing(self.encoder, "w") else ()

    def resources(self) -> Mapping[str, str]:
        return super().resources() or {f"PyAV/{self.encoder}": pyav_version()}

    def unavailable(self) -> str | None:
        return missing(self.decoder, "r") or wheel_files.lacking(self.wheel_files)

    def packets_of(self, stream: bytes) -> tuple[list[bytes], bytes | None]:
        """Return the packets that the program's container holds, and the decoder's header."""
        raise NotImplementedError

    def _encode(self, wave: Wave) -> tuple[list[bytes], bytes | None]:
        if not self.wheel_files:
            return super()._encode(wave)
        return self.packets_of(self._program(wave))

    def _program(self, wave: Wave) -> bytes:
        """Return what the program makes of `wave` (at `rate`, within -1 to 1)."""
        import ffmpeg

        graph = ffmpeg.input("pipe:0", format="s16le", ar=self.rate, ac=1).output(
            "pipe:1",
            format=self.container,
            acodec=self.encoder,
            threads=1,
            **{"b:a": self.bit_rate, "flags:a": "+bitexact", "fflags": "+bitexact"},
        )
        return piped(wheel_files.opened(FFMPEG), graph, to_int16(wave).astype("<i2").tobytes())
