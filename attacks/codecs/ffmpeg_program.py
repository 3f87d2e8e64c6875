"""Any other codec: through the FFmpeg program of the user, by pipes, one utterance at a time.

Which program: the one that LAUNDERBENCH_FFMPEG names; without it the one that the package
imageio-ffmpeg names, which is its own unless IMAGEIO_FFMPEG_EXE says otherwise. Its SHA-256 is
part of the attack's identity.
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

import numpy as np

from attacks.codecs.codec_base import VARIABLE_EXCESS, bit_rate, padded
from attacks.codecs.delay import delay_of
from attacks.contract.base import (
    Attack,
    AttackError,
    Check,
    Facts,
    Severity,
    Wave,
    attack,
    integer,
    number,
    text,
)
from benchmark.audio.reader import SAMPLE_RATE, resample
from benchmark.core.errors import InputError

VARIABLE = "LAUNDERBENCH_FFMPEG"
HEAD_SECONDS, TAIL_SECONDS = 0.125, 0.25  # silence around the utterance: some codecs eat theirs
SET_ELSEWHERE = ("ac", "acodec", "ar", "b", "c", "codec", "f", "flags", "i", "threads")
_OPTION = re.compile(r"([a-z][a-z0-9_]*)=(\S+)")
_ADDRESS = re.compile(r"^\[[^\]]*\] ")


@attack("ffmpeg")
@dataclass(frozen=True)
class Ffmpeg(Attack):
    """Any encoder of the FFmpeg program at hand, through pipes.

    codec     : FFmpeg's name of the encoder (`ffmpeg -encoders`): libvorbis, wmav2, ac3, libgsm
    kbps      : bit rate, 0 to 1,000 kbit/s; 0 leaves it to the encoder, and claims only an effect
    rate      : Hz at which the codec is fed, 4,000 to 96,000; there and back with soxr HQ
    container : FFmpeg's name of the format between encoder and decoder; nut holds most codecs
    options   : further options of the encoder, as `application=voip frame_duration=40`

    The delay is measured once per setting on broadband noise and removed; the length is kept.
    An encoder that is told a bit rate is held to at most 1.25 times of it, over the utterance and
    3/8 s of silence around it; the payload is what lies in the packets, without the container.
    Peaks beyond full scale are attenuated to it before and brought back afterwards.
    """

    codec: str = text("libvorbis")
    kbps: float = number(32.0, low=0.0, high=1000.0, unit="kbit/s")
    rate: int = integer(SAMPLE_RATE, low=4000, high=96000, unit="Hz")
    container: str = text("nut")
    options: str = text("")

    family = "codec"
    severity = Severity("kbps", "kbit/s", (64, 48, 40, 32, 24))
    measures = "payload bit rate"
    citation = "ffmpeg"
    residual_floor = -100.0

    def validate(self) -> None:
        for option in self.options.split():
            match = _OPTION.fullmatch(option)
            if match is None:
                raise InputError(f"ffmpeg: options wants key=value, not {option!r}")
            if match[1] in SET_ELSEWHERE:
                raise InputError(f"ffmpeg: the option {match[1]!r} is not one of an encoder's own")

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
            raise AttackError(f"wants {SAMPLE_RATE} Hz, not {sample_rate}")
        delay = _delay(program(), self)
        spare = 2 * SAMPLE_RATE // self.rate + 2
        given = resample(padded(wave, wave.size + spare), SAMPLE_RATE, self.rate)
        peak = float(np.abs(given).max())
        gain = np.float32(1.0 / peak) if peak > 1.0 else np.float32(1.0)
        stream, decoded = self._trip(program(), given * gain)
        out = decoded[delay : delay + given.size] / gain
        if out.size != given.size:
            raise AttackError(f"{out.size} samples came back of {given.size}")
        sizes = packet_sizes(stream)
        facts: Facts = {
            "payload_bytes": sum(sizes),
            "packets": len(sizes),
            "seconds": given.size / self.rate + HEAD_SECONDS + TAIL_SECONDS,
            "delay": delay - round(HEAD_SECONDS * self.rate),
        }
        facts["kbps"] = round(bit_rate(facts) / 1000, 3)
        if gain != 1.0:
            facts["gain"] = float(gain)
        return resample(out, self.rate)[: wave.size], facts

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        if not self.kbps:
            return []
        most = VARIABLE_EXCESS * self.kbps
        return [Check.at_most("payload bit rate", "kbit/s", most, bit_rate(facts) / 1000)]

    def _trip(self, path: Path, wave: Wave) -> tuple[bytes, Wave]:
        """The encoded stream, and the decoded wave at `rate` with the silence and the delay."""
        import ffmpeg

        head, tail = (round(s * self.rate) for s in (HEAD_SECONDS, TAIL_SECONDS))
        raw = {"format": "f32le", "ar": self.rate, "ac": 1}
        own = {f"{key}:a": value for key, value in map(_pair, self.options.split())}
        if self.kbps:
            own["b:a"] = str(round(1000 * self.kbps))
        same = {"threads": 1, "flags:a": "+bitexact", "fflags": "+bitexact"}
        encode = ffmpeg.input("pipe:0", **raw).output(
            "pipe:1", format=self.container, acodec=self.codec, **own, **same
        )
        decode = ffmpeg.input("pipe:0", threads=1).output("pipe:1", acodec="pcm_f32le", **raw)
        silent = padded(np.concatenate([np.zeros(head, np.float32), wave]), head + wave.size + tail)
        stream = _run(path, encode, silent.astype("<f4").tobytes())
        decoded = _run(path, decode, stream)
        return stream, np.frombuffer(decoded, dtype="<f4").astype(np.float32)


def program() -> Path:
    """The FFmpeg program to use; `InputError` where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named)
        if not path.is_file() or not os.access(path, os.X_OK):
            raise InputError(f"ffmpeg: {VARIABLE} names {named}, which is no program")
        return path.resolve()
    import imageio_ffmpeg

    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        message = f"ffmpeg: no program found; let {VARIABLE} name one ({error})"
        raise InputError(message) from error


def packet_sizes(stream: bytes) -> list[int]:
    """Bytes in each audio packet of a container, read by the libraries of PyAV."""
    import av

    try:
        with av.open(io.BytesIO(stream)) as container:
            packets = container.demux(container.streams.audio[0])
            return [packet.size for packet in packets if packet.size]
    except (av.error.FFmpegError, IndexError) as error:
        raise AttackError(f"the payload cannot be counted: {error}") from error


@lru_cache
def _delay(path: Path, setting: Ffmpeg) -> int:
    """Samples at the codec's rate that lie before the utterance in what is decoded."""

    def trip(wave: Wave) -> Wave:
        try:
            return setting._trip(path, wave)[1]
        except AttackError as error:
            raise InputError(f"ffmpeg: {setting.codec} in {setting.container}: {error}") from error

    found = delay_of(trip, setting.rate)
    if found is None or found < 0:
        raise InputError(
            f"ffmpeg: the delay of {setting.codec} in {setting.container} is not clear"
        )
    return found


def _pair(option: str) -> tuple[str, str]:
    key, _, value = option.partition("=")
    return key, value


def _run(path: Path, graph: object, given: bytes) -> bytes:
    quiet = ("-hide_banner", "-nostdin", "-loglevel", "error", "-filter_threads", "1")
    command = graph.global_args(*quiet).compile(cmd=str(path))  # type: ignore[attr-defined]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode != 0 or not done.stdout:
        raise AttackError(f"FFmpeg says: {_said(done.stderr)}")
    return done.stdout


def _said(stderr: bytes) -> str:
    """The first and the last line: the first has the cause, the last what came of it."""
    lines = [_ADDRESS.sub("", line) for line in stderr.decode(errors="replace").splitlines()]
    lines = [line.strip() for line in lines if line.strip()] or ["nothing"]
    return "; ".join(dict.fromkeys((lines[0], lines[-1])))


@lru_cache
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
