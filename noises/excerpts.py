"""Recordings of noise, and the excerpts cut from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd
from pathlib import Path

import numpy as np
import soundfile

from benchmark.audio import reader, sndfile_decoder
from benchmark.audio.audio_error import AudioError
from benchmark.audio.reader import SAMPLE_RATE, Wave, resample

FADE_S = 0.05  # crossfade at the seam of a recording that is looped
MARGIN_S = 0.05  # read on either side of an excerpt, so that the resampler settles
BLOCK_S = 10.0


@dataclass(frozen=True)
class ExcerptRange:
    """The part of every recording that may be drawn from, as shares of its length."""

    begin: float
    end: float


# A detector must never be tested with an excerpt that it was trained with.
EVALUATION = ExcerptRange(0.0, 0.75)
TRAINING = ExcerptRange(0.75, 1.0)


@dataclass(frozen=True)
class NoiseRecording:
    """An audio file of `frames` at `rate` Hz; `name` is its name below its folder.

    It is not held in memory, because a corpus of noise may be larger than the memory. Only of files
    that FFmpeg decodes (`whole`, at 16 kHz), which cannot be entered midway, the last few are.
    """

    name: str
    path: Path
    frames: int
    rate: int
    whole: bool = False

    @property
    def size(self) -> int:
        """Length in samples at 16 kHz."""
        return self.frames * SAMPLE_RATE // self.rate

    def cut(self, start: int, size: int) -> Wave:
        """Return samples `start` to `start + size` at 16 kHz: float32 (size,), mean of channels.

        Raises `AudioError` that names the file if they cannot be decoded or are not finite.
        """
        # reading from whole blocks of both rates keeps the excerpt in place to the sample
        common = gcd(self.rate, SAMPLE_RATE)
        into, out_of = SAMPLE_RATE // common, self.rate // common
        margin = 0 if self.rate == SAMPLE_RATE else round(MARGIN_S * SAMPLE_RATE)
        block = max(0, start - margin) // into
        lead = start - block * into
        first = block * out_of
        count = min(ceil((lead + size + margin) * self.rate / SAMPLE_RATE), self.frames - first)
        wave = resample(self._read(first, count), self.rate)[lead : lead + size]
        if wave.size < size:
            raise AudioError(f"{self.path}: holds less audio than its header says")
        if not np.isfinite(wave).all():
            raise AudioError(f"{self.path}: holds NaN or infinite samples")
        return wave

    def sounds(self) -> bool:
        """Return whether any sample is not zero; read up to the first such block."""
        step = round(BLOCK_S * self.rate)
        starts = range(0, self.frames, step)
        return any(self._read(at, min(step, self.frames - at)).any() for at in starts)

    def _read(self, first: int, count: int) -> Wave:
        if self.whole:
            return _decoded(self.path, self.path.stat().st_mtime_ns)[first : first + count]
        return _read(self.path, first, count)


def opened(path: Path, name: str, least_seconds: float) -> NoiseRecording:
    """Open the recording in `path`: read its header, and its samples up to the first sound.

    Raises `AudioError` that names the file if it cannot be decoded, is silent throughout, or is
    shorter than `least_seconds`.
    """
    stated, decoder = reader.header(path)
    if decoder == sndfile_decoder.NAME and stated.declared_s:
        frames = round(stated.declared_s * stated.rate)
        recording = NoiseRecording(name, path, frames, stated.rate)
    else:
        frames = _decoded(path, path.stat().st_mtime_ns).size
        recording = NoiseRecording(name, path, frames, SAMPLE_RATE, whole=True)
    if recording.size < least_seconds * SAMPLE_RATE:
        seconds = recording.size / SAMPLE_RATE
        raise AudioError(
            f"{path}: {seconds:.1f} s of noise, at least {least_seconds:g} s are needed"
        )
    if not recording.sounds():
        raise AudioError(f"{path}: the noise is silent")
    return recording


@dataclass(frozen=True)
class Excerpt:
    """Noise float32 (T,) at 16 kHz, its recording's name, and its offset there in samples."""

    samples: Wave
    recording: str
    offset: int


@dataclass(frozen=True)
class Noise:
    """One opened noise: its recordings in a fixed order, and the SHA-256 of their contents."""

    kind: str
    recordings: tuple[NoiseRecording, ...]
    sha256: str

    def excerpt(
        self, size: int, rng: np.random.Generator, share: ExcerptRange = EVALUATION
    ) -> Excerpt:
        """Draw `size` samples from one of the recordings, all equally likely, anywhere in `share`.

        Where that part of the recording is shorter, it is looped: its last 50 ms are faded into its
        first with equal power, and the excerpt begins anywhere in the loop.
        """
        place, which = rng.random(2)
        recording = self.recordings[int(which * len(self.recordings))]
        begin, end = int(recording.size * share.begin), int(recording.size * share.end)
        spare = end - begin - size
        if spare >= 0:
            offset = begin + int(place * (spare + 1))
            return Excerpt(recording.cut(offset, size), recording.name, offset)
        ring = _ring(recording.cut(begin, end - begin))
        first = int(place * ring.size)
        samples = ring[(first + np.arange(size)) % ring.size]
        return Excerpt(samples, recording.name, begin + first)


def _ring(part: Wave) -> Wave:
    """Return `part` as one period of a noise that loops without a seam."""
    fade = min(round(FADE_S * SAMPLE_RATE), part.size // 2)
    if fade == 0:
        return part
    angle = (0.5 * np.pi * (np.arange(fade) + 0.5) / fade).astype(np.float32)
    ring = part[: part.size - fade].copy()
    ring[:fade] *= np.sin(angle)
    ring[:fade] += part[part.size - fade :] * np.cos(angle)
    return ring


@lru_cache(maxsize=4)
def _decoded(path: Path, _changed: int) -> Wave:
    """Return a whole recording: float32 (T,) at 16 kHz, mono."""
    return reader.read(path)


def _read(path: Path, first: int, count: int) -> Wave:
    """Read frames of the file: float32 (count,) at its own rate, mean of the channels."""
    try:
        samples, _ = soundfile.read(path, count, first, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: cannot be decoded ({error})") from error
    return np.asarray(samples.mean(axis=1, dtype=np.float32))
