"""What a decoder hands over: mono samples at their own rates, and what the file says of itself.

Bounds are checked before memory is taken, because a header may state anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.audio.audio_error import AudioError
from benchmark.core.errors import InputError

RATES = (2_000, 400_000)  # Hz, lowest and highest
MOST_CHANNELS = 64
VARIABLE = "LAUNDERBENCH_LONGEST_S"
LONGEST_S = 3600.0
BLOCK = 1 << 20  # samples of all channels that are decoded at once

Wave = npt.NDArray[np.float32]


class TooLong(AudioError):
    """Error for a file that is longer than `longest()`."""


@dataclass(frozen=True)
class Header:
    """What a file says of its sound track; `rate` is in Hz.

    declared_s : its length in seconds; None if the file does not state one
    """

    container: str
    encoding: str
    rate: int
    channels: int
    declared_s: float | None = None


@dataclass(frozen=True)
class DecodedFile:
    """A decoded sound track, its channels averaged.

    decoder   : `soundfile` or `pyav`
    pieces    : samples float32 (T,) and their rate in Hz; several where the rate changes
    peak      : largest magnitude of any channel, before averaging
    cancelled : whether the average has lost nearly all energy of the channels
    truncated : whether the file ends inside a frame or chunk
    damaged   : packets of a bare MPEG or AAC stream that could not be decoded
    """

    header: Header
    decoder: str
    pieces: tuple[tuple[Wave, int], ...]
    peak: float
    cancelled: bool
    truncated: bool = False
    damaged: int = 0

    @property
    def seconds(self) -> float:
        """Length of what was decoded."""
        return sum(wave.size / rate for wave, rate in self.pieces)


def longest() -> float:
    """Return the longest duration that is decoded, in seconds.

    LAUNDERBENCH_LONGEST_S sets it. Raises `InputError` if that is not a positive number.
    """
    text = os.environ.get(VARIABLE, "")
    try:
        seconds = float(text) if text else LONGEST_S
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"{VARIABLE} is {text!r}, not a number of seconds above 0")
    return seconds


def require_bounds(path: Path, rate: int, channels: int) -> None:
    """Raise `AudioError` for a rate or a number of channels that no recording of speech has."""
    low, high = RATES
    if not low <= rate <= high:
        raise AudioError(f"{path}: states a sample rate of {rate} Hz; {low} to {high} Hz are read")
    if not 1 <= channels <= MOST_CHANNELS:
        raise AudioError(f"{path}: states {channels} channels; 1 to {MOST_CHANNELS} are read")


@dataclass
class MonoMix:
    """The average of the channels of a file that arrives block by block, or one of them.

    seconds : length of what has arrived
    peak    : largest magnitude of any channel
    """

    path: Path
    channel: int | None = None
    seconds: float = 0.0
    peak: float = 0.0
    _blocks: list[tuple[Wave, int]] = field(default_factory=list)
    _mono: float = 0.0  # energies
    _all: float = 0.0
    _longest: float = field(default_factory=longest)

    def add(self, samples: npt.NDArray[np.float32], rate: int, axis: int) -> None:
        """Take samples of all channels, which lie along `axis`.

        Raises `TooLong` if the file becomes longer than `longest()`.
        """
        channels = samples.shape[axis]
        require_bounds(self.path, rate, channels)
        if self.channel is None:
            mono = samples.mean(axis=axis, dtype=np.float32)
        else:
            mono = np.ascontiguousarray(samples.take(min(self.channel, channels - 1), axis=axis))
        if mono.size == 0:
            return
        self.seconds += mono.size / rate
        if self.seconds > self._longest + 0.5 / rate:  # a sum of many blocks is not exact
            raise TooLong(
                f"{self.path}: is longer than {self._longest:g} s ({VARIABLE} sets this bound)"
            )
        self.peak = max(self.peak, float(samples.max()), -float(samples.min()))
        if channels > 1:
            self._mono += float(np.einsum("i,i->", mono, mono, dtype=np.float64))
            self._all += float(np.einsum("ij,ij->", samples, samples, dtype=np.float64)) / channels
        self._blocks.append((mono, rate))

    def pieces(self) -> tuple[tuple[Wave, int], ...]:
        """Return the samples, joined where neighbouring blocks have the same rate."""
        runs: list[tuple[list[Wave], int]] = []
        for wave, rate in self._blocks:
            if not runs or runs[-1][1] != rate:
                runs.append(([], rate))
            runs[-1][0].append(wave)
        return tuple(
            (waves[0] if len(waves) == 1 else np.concatenate(waves), rate) for waves, rate in runs
        )

    @property
    def cancelled(self) -> bool:
        """Whether the average holds less than 1 % of the mean energy of the channels."""
        return self._all > 0 and self._mono < 0.01 * self._all
