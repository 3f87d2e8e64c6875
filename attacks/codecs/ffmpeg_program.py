"""Any other codec: through the user's FFmpeg program, by pipes, one utterance at a time.

The environment variable LAUNDERBENCH_FFMPEG names the program. Without it, the program is the one
that the package imageio-ffmpeg names: its own, unless IMAGEIO_FFMPEG_EXE names another. The
program's SHA-256 is part of the attack's identity.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from attacks.codecs.codec_base import VARIABLE_EXCESS, bit_rate, padded
from attacks.codecs.delay import delay_of
from attacks.contract.base import (
    Attack,
    AttackError,
    Check,
    Facts,
    SampleLimits,
    Severity,
    Wave,
    attack,
    integer,
    number,
    text,
)
from attacks.contract.spectral_distortion import DISTORTION, distortion
from benchmark.audio import libav
from benchmark.audio.reader import SAMPLE_RATE, resample
from benchmark.core.errors import InputError

VARIABLE = "LAUNDERBENCH_FFMPEG"
HEAD_SECONDS, TAIL_SECONDS = 0.125, 0.25  # silence around the utterance: some codecs drop samples
DISTORTS = (0.05, 12.0)  # dB; the band of all codecs, since any may be named
SET_ELSEWHERE = ("ac", "acodec", "ar", "b", "c", "codec", "f", "flags", "i", "threads")
_OPTION = re.compile(r"([a-z][a-z0-9_]*)=(\S+)")
_ADDRESS = re.compile(r"^\[[^\]]*\] ")


@attack("ffmpeg")
@dataclass(frozen=True)
class Ffmpeg(Attack):
    """Any encoder of the installed FFmpeg program, through pipes.

    codec     : FFmpeg's name of the encoder (`ffmpeg -encoders`): libvorbis, wmav2, ac3, libgsm
    kbps      : bit rate, 0 to 1,000 kbit/s; below 1 bit/s the encoder chooses it, and the attack
                claims only an effect
    rate      : sample rate of the codec, 4,000 to 96,000 Hz; resampled there and back with soxr HQ
    container : FFmpeg's name of the format between encoder and decoder; nut holds most codecs
    options   : further options of the encoder, such as `application=voip frame_duration=40`

    The delay is measured once per setting on broadband noise and removed; the length is kept. With
    a bit rate set, the payload may reach at most 1.25 times that rate, over the utterance and 3/8 s
    of silence around it. The payload is the content of the packets, without the container. Peaks
    beyond full scale are attenuated to it before coding and restored afterwards.
    """

    codec: str = text("libvorbis")
    kbps: float = number(32.0, low=0.0, high=1000.0, unit="kbit/s")
    rate: int = integer(SAMPLE_RATE, low=4000, high=96000, unit="Hz")
    container: str = text("nut")
    options: str = text("")

    family = "codec"
    severity = Severity("kbps", "kbit/s", (64, 48, 40, 32, 24))
    measures = "payload bit rate, spectral distortion"
    citation = "ffmpeg"
    residual_floor = -100.0
    limits = SampleLimits(level=(-6.0, 3.0), alive=0.7, envelope=0.6, silence=None)

    @classmethod
    def reaches(cls, values: Mapping[str, Any]) -> str:
        return "runs the FFmpeg program"

    def validate(self) -> None:
        for option in self.options.split():
            match = _OPTION.fullmatch(option)
            if match is None:
                raise InputError(f"ffmpeg: options must be key=value, not {option!r}")
            if match[1] in SET_ELSEWHERE:
                raise InputError(f"ffmpeg: the attack itself sets the option {match[1]!r}")

    @property
    def stream(self) -> str:
        return f"ffmpeg/{self.codec}"

    def unavailable(self) -> str | None:
        try:
            program()
        except InputError as error:
            return str(error)
        return None

    def resources(self) -> Mapping[str, str]:
        path = program()
        stat = path.stat()
        return {"ffmpeg": _sha256(path, stat.st_size, stat.st_mtime_ns)}

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"needs {SAMPLE_RATE} Hz, not {sample_rate}")
        delay = _delay(program(), self)
        spare = 2 * SAMPLE_RATE // self.rate + 2
        source = resample(padded(wave, wave.size + spare), SAMPLE_RATE, self.rate)
        peak = float(np.abs(source).max())
        gain = np.float32(1.0 / peak) if peak > 1.0 else np.float32(1.0)
        stream, decoded = self._trip(program(), source * gain)
        out = decoded[delay : delay + source.size] / gain
        if out.size != source.size:
            raise AttackError(f"the codec returned {out.size} samples, not {source.size}")
        sizes = packet_sizes(stream)
        facts: Facts = {
            "payload_bytes": sum(sizes),
            "packets": len(sizes),
            "seconds": source.size / self.rate + HEAD_SECONDS + TAIL_SECONDS,
            "delay": delay - round(HEAD_SECONDS * self.rate),
        }
        facts["kbps"] = round(bit_rate(facts) / 1000, 3)
        if gain != 1.0:
            facts["gain"] = float(gain)
        return resample(out, self.rate)[: wave.size], facts

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        measured = distortion(before, after, sample_rate)
        band = Check.within(DISTORTION, "dB", DISTORTS, measured)
        if not round(1000 * self.kbps):  # less than 1 bit/s is no rate
            return [band]
        most = VARIABLE_EXCESS * self.kbps
        rate = bit_rate(facts) / 1000 if before.any() else None
        return [Check.at_most("payload bit rate", "kbit/s", most, rate), band]

    def _trip(self, path: Path, wave: Wave) -> tuple[bytes, Wave]:
        """Return the encoded stream, and the decoded wave at `rate` with silence and delay."""
        import ffmpeg

        head, tail = (round(s * self.rate) for s in (HEAD_SECONDS, TAIL_SECONDS))
        raw = {"format": "f32le", "ar": self.rate, "ac": 1}
        encoder_options = {f"{key}:a": value for key, value in map(_pair, self.options.split())}
        if round(1000 * self.kbps):
            encoder_options["b:a"] = str(round(1000 * self.kbps))
        reproducible = {"threads": 1, "flags:a": "+bitexact", "fflags": "+bitexact"}
        encode = ffmpeg.input("pipe:0", **raw).output(
            "pipe:1", format=self.container, acodec=self.codec, **encoder_options, **reproducible
        )
        decode = ffmpeg.input("pipe:0", threads=1).output("pipe:1", acodec="pcm_f32le", **raw)
        with_silence = padded(
            np.concatenate([np.zeros(head, np.float32), wave]), head + wave.size + tail
        )
        stream = piped(path, encode, with_silence.astype("<f4").tobytes())
        decoded = piped(path, decode, stream)
        return stream, np.frombuffer(decoded, dtype="<f4").astype(np.float32)


def program() -> Path:
    """Return the path of the FFmpeg program; raise `InputError` if there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named)
        if not path.is_file() or not os.access(path, os.X_OK):
            raise InputError(f"ffmpeg: {VARIABLE} names {named}, which is not a program")
        return path.resolve()
    import imageio_ffmpeg

    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        message = f"ffmpeg: no program found; set {VARIABLE} to its path ({error})"
        raise InputError(message) from error


def packet_sizes(stream: bytes) -> list[int]:
    """Return the bytes in each audio packet of a container, as PyAV reads it."""
    av = libav.module()
    try:
        with av.open(io.BytesIO(stream)) as container:
            packets = container.demux(container.streams.audio[0])
            return [packet.size for packet in packets if packet.size]
    except (av.error.FFmpegError, IndexError) as error:
        raise AttackError(f"the payload cannot be counted: {error}") from error


@lru_cache
def _delay(path: Path, setting: Ffmpeg) -> int:
    """Return the decoded samples, at the codec's rate, that precede the utterance."""

    def trip(wave: Wave) -> Wave:
        try:
            return setting._trip(path, wave)[1]
        except AttackError as error:
            raise InputError(f"ffmpeg: {setting.codec} in {setting.container}: {error}") from error

    found = delay_of(trip, setting.rate)
    if found is None or found < 0:
        raise InputError(
            f"ffmpeg: the delay of {setting.codec} in {setting.container} cannot be measured"
        )
    return found


def _pair(option: str) -> tuple[str, str]:
    key, _, value = option.partition("=")
    return key, value


def piped(path: Path, graph: object, data: bytes) -> bytes:
    """Return what the program at `path` writes when a graph of ffmpeg-python gets `data`.

    Raises `AttackError` with the program's own words if it fails or writes nothing.
    """
    quiet = ("-hide_banner", "-nostdin", "-loglevel", "error", "-filter_threads", "1")
    command = graph.global_args(*quiet).compile(cmd=str(path))  # type: ignore[attr-defined]
    finished = subprocess.run(command, input=data, capture_output=True, check=False)
    if finished.returncode != 0 or not finished.stdout:
        raise AttackError(f"FFmpeg says: {_cause_and_result(finished.stderr)}")
    return finished.stdout


def _cause_and_result(stderr: bytes) -> str:
    """Return the first line of the errors, which has the cause, and the last, the result."""
    lines = [_ADDRESS.sub("", line) for line in stderr.decode(errors="replace").splitlines()]
    lines = [line.strip() for line in lines if line.strip()] or ["nothing"]
    return "; ".join(dict.fromkeys((lines[0], lines[-1])))


@lru_cache
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
