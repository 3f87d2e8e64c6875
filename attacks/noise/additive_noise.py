"""Additive noise at a signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import noises
from attacks.contract.base import (
    Attack,
    AttackError,
    Check,
    Facts,
    SampleLimits,
    Severity,
    Wave,
    attack,
    choice,
    number,
)
from benchmark.assets.wheel_files import WheelFile
from benchmark.audio.audio_error import AudioError
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.audio.speech_level import active_level, rms
from benchmark.core.errors import InputError, unknown

NAMED = (*noises.KINDS, *noises.GENERATED, *noises.PACKAGED)
FRAME_S = 0.05
GAP_DB = 30.0
COVERED = 0.99
SNR_TOLERANCE_DB = 0.1


def _kind(default: str) -> Any:
    """Return a parameter that names a noise, or a file or folder of recordings."""

    def check(attack: str, parameter: str, value: object) -> str:
        kind = str(value)
        if kind not in NAMED and not noises.is_path(kind):
            cause = unknown(f"{attack} {parameter}", kind, NAMED)
            raise InputError(f"{cause}; write a file or folder with a slash: ./{kind}")
        return kind

    return field(default=default, metadata={"check": check, "unit": "", "range": NAMED})


@attack("noise")
@dataclass(frozen=True)
class AdditiveNoise(Attack):
    """Additive noise under the whole utterance, at a signal-to-noise ratio.

    kind      : babble, cafe, street or volvo from the noise bank (`noises/README.md`); white or
                pink (generated); pub, train, library, fan, leaves or waves, recordings in pinned
                wheels; or a path with a slash or a dot in it: an audio file, or a folder of which
                every audio file at any depth is a recording to draw from
    snr       : dB, -10 to 60: the utterance's level over the RMS of the noise
    reference : the utterance's level: active (ITU-T P.56, over the time with speech) or whole (RMS
                over the whole utterance, pauses included)

    Recording and excerpt are drawn per utterance and are the same at every SNR and for both
    references. A recording shorter than the utterance is looped, with a crossfade of 50 ms. The mix
    is scaled back to the utterance's active speech level. The gain for this, the recording, and the
    excerpt's offset in samples at 16 kHz are facts. Silence has no level to refer to: it is
    returned unchanged, and the SNR is not measurable. Raises `InputError` if the noise is missing
    or broken.
    """

    kind: str = _kind("babble")
    snr: float = number(10.0, low=-10.0, high=60.0, unit="dB")
    reference: str = choice("active", "active", "whole")

    family = "noise"
    version = 2
    severity = Severity("snr", "dB", (30.0, 20.0, 10.0, 5.0, 0.0))
    measures = "SNR; share of 50 ms frames with noise"
    citation = "itu2011p56"
    limits = SampleLimits(lag=None, level=(-30.0, 8.0), alive=None, envelope=None)
    share: ClassVar[noises.ExcerptRange] = noises.EVALUATION

    @property
    def stream(self) -> str:
        # a folder gives the same draws at any location
        return f"noise/{Path(self.kind).name if noises.is_path(self.kind) else self.kind}"

    @property
    def near_identity(self) -> bool:
        return self.snr > 50.0

    @property
    def caveat(self) -> str:
        return noises.SHAPED if noises.is_shaped(self.kind) else ""

    @classmethod
    def materials(cls) -> tuple[str, ...]:
        packaged = (f"{kind}: {noise.source}" for kind, noise in noises.PACKAGED.items())
        return (*map(_material, noises.KINDS), *packaged)

    @property
    def wheel_files(self) -> tuple[WheelFile, ...]:
        return (noises.PACKAGED[self.kind].file,) if self.kind in noises.PACKAGED else ()

    def resources(self) -> Mapping[str, str]:
        if self.kind in noises.GENERATED or self.kind in noises.PACKAGED:
            return super().resources()
        return {f"noise/{self.kind}": noises.open_noise(self.kind).sha256}

    def for_training(self) -> Attack:
        return _TrainingNoise(self.kind, self.snr, self.reference)

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        noise, facts = self._excerpt(wave.size, sample_rate, rng)
        level, noise_rms = self._level(wave, sample_rate), rms(noise)
        if level == 0.0:
            return wave.copy(), {**facts, "gain": 1.0, "silent": True}
        if noise_rms == 0.0:
            raise AttackError(f"the excerpt is silent: {facts}")
        noise = noise * np.float32(level / noise_rms * 10 ** (-self.snr / 20))
        noise += wave
        mix_level = active_level(noise, sample_rate)  # 0 where the noise cancels a lone sample
        gain = active_level(wave, sample_rate) / mix_level if mix_level > 0.0 else 1.0
        noise *= np.float32(gain)
        return noise, {**facts, "gain": float(np.float32(gain))}

    def _level(self, wave: Wave, sample_rate: int) -> float:
        return rms(wave) if self.reference == "whole" else active_level(wave, sample_rate)

    def _excerpt(self, size: int, sample_rate: int, rng: np.random.Generator) -> tuple[Wave, Facts]:
        """Return noise (size,), and the facts about its source."""
        facts: Facts = {"noise": self.kind}
        if self.kind in noises.GENERATED:
            return noises.GENERATED[self.kind](size, rng), facts
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"the noise bank is at {SAMPLE_RATE} Hz, not at {sample_rate}")
        try:
            excerpt = noises.open_noise(self.kind).excerpt(size, rng, self.share)
        except AudioError as error:
            raise AttackError(str(error)) from error
        where = {"recording": excerpt.recording, "offset": excerpt.offset}
        return excerpt.samples, facts | where

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        level = self._level(before, sample_rate)
        if level == 0.0 or before.size != after.size:
            snr, share = None, None
        else:
            noise = after / np.float32(facts["gain"])
            noise -= before
            noise_rms, share = levels(noise, sample_rate)
            snr = 20 * float(np.log10(level / noise_rms)) if noise_rms > 0.0 else 200.0
        return [
            Check.near("SNR", "dB", self.snr, snr, SNR_TOLERANCE_DB),
            Check.at_least("coverage", "share of frames", COVERED, share),
        ]


class _TrainingNoise(AdditiveNoise):
    """Additive noise from the part of each recording that evaluation never draws from."""

    share = noises.TRAINING


def _material(kind: str) -> str:
    about = noises.ABOUT[kind]
    shaped = f"{noises.SHAPED}, " if about["synthetic"] else ""
    return f"{kind}: {shaped}{about['source']}; {about['licence']}"


def levels(noise: Wave, sample_rate: int) -> tuple[float, float]:
    """Return the RMS of `noise`, and the share of its 50 ms frames at most 30 dB below it.

    A wave shorter than a frame is one frame; a partial frame at the end belongs to the last one.
    """
    size = min(_frame(sample_rate), noise.size)
    count = noise.size // size
    rows, rest = noise[: count * size].reshape(count, size), noise[count * size :]
    energies = np.einsum("ij,ij->i", rows, rows).astype(np.float64)
    energies[-1] += float(np.einsum("i,i->", rest, rest))
    sizes = np.full(count, size)
    sizes[-1] += rest.size
    mean = float(energies.sum()) / noise.size
    if mean == 0.0:
        return 0.0, 0.0
    return mean**0.5, float(np.mean(energies / sizes >= mean * 10 ** (-GAP_DB / 10)))


def _frame(sample_rate: int) -> int:
    return max(1, round(FRAME_S * sample_rate))
