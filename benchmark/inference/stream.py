"""Scoring of raw PCM as it arrives, in overlapping windows."""

from __future__ import annotations

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
from benchmark.core.log import logger
from benchmark.core.parallel import one_thread
from benchmark.frontends.specs import WholeWaveform
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.score_files import LEAST_S, threshold, verdict
from benchmark.inference.scorer import Scorer
from detectors.contract.base import TensorDetector, registry

WINDOW_S = 4.0
CHUNK = 1 << 14  # most bytes to read at once; a read returns what is available
TYPES: dict[str, tuple[np.dtype[Any], float]] = {  # dtype and full scale
    "s16le": (np.dtype("<i2"), 32768.0),
    "f32le": (np.dtype("<f4"), 1.0),
}


class Bytes(Protocol):
    """A source of bytes, such as a binary file or a pipe."""

    def read1(self, size: int, /) -> bytes:
        """Return up to `size` of the bytes that are available, none at the end."""
        ...


@dataclass(frozen=True)
class Pcm:
    """The sample format of a stream: encoding, rate in Hz, interleaved channels."""

    format: str = "s16le"
    rate: int = SAMPLE_RATE
    channels: int = 1


@dataclass(frozen=True)
class Window:
    """A section of the stream: its start in samples at 16 kHz, and its wave (T,)."""

    start: int
    wave: Wave

    @property
    def seconds(self) -> tuple[float, float]:
        """Start and end in seconds."""
        return self.start / SAMPLE_RATE, (self.start + self.wave.size) / SAMPLE_RATE


def standard_input() -> Bytes:
    """Return standard input as bytes; `InputError` if it is a terminal."""
    if sys.stdin.isatty():
        raise InputError(
            "--stream reads raw PCM from standard input, which is a terminal: pipe audio to it"
        )
    return cast(Bytes, sys.stdin.buffer)


@dataclass(frozen=True)
class ScoredWindow:
    """A window: begin and end in seconds, score (higher = more bona fide) and verdict."""

    begin: float
    end: float
    score: float
    verdict: str


def scored(
    checkpoint: Checkpoint,
    device: torch.device,
    source: Bytes,
    pcm: Pcm,
    window_s: float | None = None,
    hop_s: float | None = None,
) -> Iterator[ScoredWindow]:
    """Yield the score of each window as soon as its samples have arrived.

    window_s : length of a window in seconds; None: the length of the detector's input
    hop_s    : seconds between windows; None: half a window

    Raises `InputError` if window or hop are out of range, the stream is empty, or a score is not
    finite.
    """
    length = round((window_s or own_window(checkpoint)) * SAMPLE_RATE)
    hop = round(hop_s * SAMPLE_RATE) if hop_s else length // 2
    if length < LEAST_S * SAMPLE_RATE:
        raise InputError(f"--window must be {LEAST_S:g} s or more")
    if not 0 < hop <= length:
        raise InputError("--hop must be above 0 and not longer than the window")
    limit = threshold(checkpoint)
    with one_thread():
        scorer = Scorer([checkpoint], device, fill=False)
        empty = True
        for window in windows(samples(source, pcm), length, hop):
            empty = False
            scores, causes = scorer([window.wave], [checkpoint.name])
            if causes:
                raise InputError(f"detector {checkpoint.name!r} failed: {causes[checkpoint.name]}")
            score = float(scores[checkpoint.name][0])
            begin, end = window.seconds
            if not np.isfinite(score):
                raise InputError(f"the score from {begin:.3f} to {end:.3f} s is not finite")
            yield ScoredWindow(begin, end, score, verdict(score, limit))
    if empty:
        raise InputError("the stream contains no samples")


def own_window(checkpoint: Checkpoint) -> float:
    """Return the length of the detector's input in seconds; 4 if it accepts any length."""
    item = registry.get(checkpoint.detector)()
    if not isinstance(item, TensorDetector):
        return WINDOW_S
    waveform = frontends.waveform_of(item.input)
    if isinstance(waveform, WholeWaveform):
        return WINDOW_S
    return waveform.samples / waveform.sample_rate


def samples(source: Bytes, pcm: Pcm) -> Iterator[Wave]:
    """Yield the stream as float32 (T,) at 16 kHz, mono (mean of the channels), as it arrives.

    An incomplete frame at the end is left out, with a message on standard error. Raises
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
                f"the stream contains NaN or infinite samples after {begun / pcm.rate:.1f} s"
            )
        begun += mono.size
        yield resampler.resample_chunk(mono) if resampler else mono
    if rest:
        logger.warning(
            f"{len(rest)} bytes at the end of the stream are not a whole frame: left out"
        )
    if resampler:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def windows(pieces: Iterator[Wave], length: int, hop: int) -> Iterator[Window]:
    """Yield windows of `length` samples, `hop` samples apart, as soon as each is complete.

    If samples at the end are in no complete window, a last window follows: the last `length`
    samples of the stream, or the whole stream if it is shorter.
    """
    held, origin = np.zeros(0, np.float32), 0  # samples from `origin` on are still needed
    begin, covered = 0, 0  # start of the next window; end of the last one
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
