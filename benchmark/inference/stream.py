"""Score raw PCM as it arrives, in overlapping windows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import soxr
import torch

from benchmark import frontends
from benchmark.audio.reader import SAMPLE_RATE, Wave
from benchmark.core.errors import InputError
from benchmark.core.parallel import one_thread
from benchmark.frontends.specs import WholeWaveform
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.score_files import LEAST_S, threshold, verdict
from benchmark.inference.scorer import Scorer
from detectors.contract.base import TensorDetector, registry

WINDOW_S = 4.0
CHUNK = 1 << 14  # bytes asked for at once; fewer come where fewer are there
TYPES: dict[str, tuple[np.dtype[Any], float]] = {  # and what full scale is
    "s16le": (np.dtype("<i2"), 32768.0),
    "f32le": (np.dtype("<f4"), 1.0),
}


class Bytes(Protocol):
    """A source of bytes: returns up to `size` of those available, none at its end."""

    def read1(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Pcm:
    """How the samples of a stream are written: format, rate in Hz, interleaved channels."""

    format: str = "s16le"
    rate: int = SAMPLE_RATE
    channels: int = 1


@dataclass(frozen=True)
class Window:
    """A stretch of the stream: where it begins, in samples at 16 kHz, and its wave (T,)."""

    start: int
    wave: Wave

    @property
    def seconds(self) -> tuple[float, float]:
        """Where it begins and ends."""
        return self.start / SAMPLE_RATE, (self.start + self.wave.size) / SAMPLE_RATE


def standard_input() -> Bytes:
    """Standard input as bytes; `InputError` where it is a terminal."""
    if sys.stdin.isatty():
        raise InputError("--stream wants raw PCM on standard input, which is a terminal")
    return cast(Bytes, sys.stdin.buffer)


def run(
    checkpoint: Checkpoint,
    device: torch.device,
    source: Bytes,
    pcm: Pcm,
    wanted: tuple[float | None, float | None],
    as_json: bool,
) -> int:
    """Print a line for every window: begin and end in seconds, score, verdict.

    `wanted` are window and hop in seconds; None: what the detector takes, and half a window.
    Raises `InputError` where they make no sense, the stream is empty or a score is not finite.
    """
    length = round((wanted[0] or own_window(checkpoint)) * SAMPLE_RATE)
    hop = round(wanted[1] * SAMPLE_RATE) if wanted[1] else length // 2
    if length < LEAST_S * SAMPLE_RATE:
        raise InputError(f"--window must be {LEAST_S:g} s or more")
    if not 0 < hop <= length:
        raise InputError("--hop must be above 0 and not longer than the window")
    limit = threshold(checkpoint)
    with one_thread():
        scorer = Scorer([checkpoint], device, fill=False)
        heard = False
        for window in windows(samples(source, pcm), length, hop):
            heard = True
            scores, causes = scorer([window.wave], [checkpoint.name])
            if causes:
                raise InputError(f"detector {checkpoint.name!r} failed: {causes[checkpoint.name]}")
            score = float(scores[checkpoint.name][0])
            begin, end = window.seconds
            if not np.isfinite(score):
                raise InputError(f"the score from {begin:.3f} to {end:.3f} s is not finite")
            said = verdict(score, limit)
            if as_json:
                row = {"begin": begin, "end": end, "score": score, "verdict": said}
                print(json.dumps(row), flush=True)
            else:
                print(f"{begin:.3f}\t{end:.3f}\t{score:.6f}\t{said}", flush=True)
    if not heard:
        raise InputError("the stream holds no samples")
    return 0


def own_window(checkpoint: Checkpoint) -> float:
    """Seconds of sound that the detector takes at once; 4 where it takes any length."""
    item = registry.get(checkpoint.detector)()
    if not isinstance(item, TensorDetector):
        return WINDOW_S
    waveform = frontends.waveform_of(item.input)
    if isinstance(waveform, WholeWaveform):
        return WINDOW_S
    return waveform.samples / waveform.sample_rate


def samples(source: Bytes, pcm: Pcm) -> Iterator[Wave]:
    """The stream as pieces of float32 (T,) at 16 kHz, mono (mean of the channels), as it arrives.

    The end of a stream within a sample is left out, and that is said on standard error. Raises
    `InputError` for samples that are not finite.
    """
    dtype, full_scale = TYPES[pcm.format]
    frame = dtype.itemsize * pcm.channels
    resampler = (
        None
        if pcm.rate == SAMPLE_RATE
        else soxr.ResampleStream(pcm.rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    )
    rest, begun = b"", 0
    while data := source.read1(CHUNK):
        data = rest + data
        whole = len(data) // frame * frame
        rest = data[whole:]
        frames = np.frombuffer(data[:whole], dtype).reshape(-1, pcm.channels)
        mono = (frames.astype(np.float32) / np.float32(full_scale)).mean(axis=1, dtype=np.float32)
        if not np.isfinite(mono).all():
            raise InputError(
                f"the stream holds NaN or infinite samples after {begun / pcm.rate:.1f} s"
            )
        begun += mono.size
        yield resampler.resample_chunk(mono) if resampler else mono
    if rest:
        print(f"{len(rest)} bytes at the end are no whole frame: left out", file=sys.stderr)
    if resampler:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def windows(pieces: Iterator[Wave], length: int, hop: int) -> Iterator[Window]:
    """Windows of `length` samples, each `hop` after the one before, as soon as they are full.

    What no full window reaches at the end makes a last one, the last `length` samples of the
    stream, or all of it where it is shorter.
    """
    held, origin = np.zeros(0, np.float32), 0  # samples from `origin` on are still needed
    begin, covered = 0, 0  # of the next window; up to where windows have reached
    for piece in pieces:
        held = np.concatenate([held, piece])
        while origin + held.size >= begin + length:
            yield Window(begin, held[begin - origin : begin - origin + length])
            held, origin = held[begin - origin :], begin
            begin, covered = begin + hop, begin + length
    total = origin + held.size
    if total > covered:
        last = held[-length:]
        yield Window(total - last.size, last)
