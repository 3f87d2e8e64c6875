"""Measured rooms: the utterance through an impulse response from a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from attacks.contract.base import Attack, AttackError, Check, Facts, Wave, attack, choice, text
from attacks.reverb import convolution, packaged_responses, rir_bank
from attacks.reverb.decay_time import direct_path, edt, t20
from attacks.reverb.packaged_responses import PACKAGED
from attacks.reverb.room_geometry import DRAWN, EVALUATION, TRAINING, Room
from benchmark.assets import wheel_files
from benchmark.assets.wheel_files import WheelFile
from benchmark.audio import discovery, ffmpeg_decoder, reader
from benchmark.audio.audio_error import AudioError
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError

SIMULATED, WHEEL = "simulated", "wheel"
OF_PATH = "path"  # the default kind: what `path` says
SIMULATED_RT60 = 0.6
LONGEST_S = 30.0
KEPT_FROM = 4  # every fourth file of a folder is kept for training


@dataclass(frozen=True)
class MeasuredResponse:
    """A response as it is used: read-only float32 (L,) at 16 kHz from the direct path on.

    `direct` is the place of the direct path in the file, in samples at 16 kHz. `t20` and `edt` are
    in seconds, and None if the response does not decay far enough to measure them.
    """

    name: str
    samples: Wave
    direct: int
    t20: float | None
    edt: float | None


@dataclass(frozen=True)
class ResponseFolder:
    """The responses of a path in a fixed order, and the SHA-256 of their files."""

    all: tuple[MeasuredResponse, ...]
    sha256: str


@attack("rir")
@dataclass(frozen=True)
class MeasuredRoom(Attack):
    """The utterance in a measured room, by an impulse response from a file.

    path : an audio file, or a folder of which every audio file at any depth is a response to draw
           from; `simulated` stands for the project's own rooms at an RT60 of 0.6 s, to try the
           attack without files; `wheel` for a response of `kind`
    kind : path (what `path` says), or a measurement in a pinned wheel: classroom (T20 2.0 s, used
           for 1 s, after which the measurement is noise) or smartphone (a microphone and its
           surroundings, T20 0.3 s, used for 0.25 s; no direct path stands out in it, so its highest
           peak is taken). There is no second one to train with

    Any sample rate is accepted; of several channels the first is used. One response is drawn per
    utterance. Every fourth file is kept for training, so that no detector is tested in a room that
    it was trained in. The response is cut to begin with its direct path: the largest magnitude
    within 1 ms of the first rise to within 20 dB of the maximum. The tail beyond the utterance's
    end is cut, and the active speech level (ITU-T P.56) is restored. Facts: the file, its direct
    path (samples at 16 kHz), T20 and EDT (ISO 3382, seconds), and the gain. Raises `InputError`
    that names a file or folder that is missing, holds no audio or cannot be used, with the cause.
    """

    path: str = text(SIMULATED)
    kind: str = choice(OF_PATH, OF_PATH, *PACKAGED, added=True)

    family = "reverberation"
    measures = "direct path; convolution; T20 and EDT recorded"
    citation = ""
    limits = convolution.LIMITS

    def validate(self) -> None:
        if self.kind != OF_PATH:
            if self.path not in (SIMULATED, WHEEL):
                raise InputError(f"rir: kind={self.kind} is in a wheel; leave out path={self.path}")
            object.__setattr__(self, "path", WHEEL)

    @property
    def stream(self) -> str:
        if self.kind != OF_PATH:
            return f"rir/{self.kind}"
        return f"rir/{Path(self.path).name}"  # a folder gives the same draws at any location

    @classmethod
    def materials(cls) -> tuple[str, ...]:
        return tuple(f"{kind}: {response.source}" for kind, response in PACKAGED.items())

    @property
    def wheel_files(self) -> tuple[WheelFile, ...]:
        return (PACKAGED[self.kind].file,) if self.kind != OF_PATH else ()

    def resources(self) -> Mapping[str, str]:
        if self.kind != OF_PATH or self.path == SIMULATED:
            return super().resources()
        return {f"rir/{self.path}": self._responses().sha256}

    def for_training(self) -> Attack:
        return _TrainingRoom(self.path, self.kind)

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        uniform = rng.random()
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"needs {SAMPLE_RATE} Hz, not {sample_rate}")
        found = self._responses().all
        number = int(uniform * len(found))
        used = found[number]
        wet, gain = convolution.convolved(wave, used.samples, sample_rate)
        facts: Facts = {"number": number, "rir": used.name, "direct": used.direct}
        return wet, {**facts, "t20": used.t20, "edt": used.edt, "gain": gain}

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        samples = self._responses().all[facts["number"]].samples
        direct = direct_path(samples, sample_rate)
        return [
            Check.near("direct path", "sample", 0, direct, 0, effect=False),
            convolution.check(before, after, samples, facts["gain"]),
        ]

    def _responses(self) -> ResponseFolder:
        if self.kind != OF_PATH:
            return _packaged(self.kind, wheel_files.opened(PACKAGED[self.kind].file))
        if self.path == SIMULATED:
            return _simulated(EVALUATION[DRAWN])
        return _part(opened(Path(self.path).expanduser()), training=False)


class _TrainingRoom(MeasuredRoom):
    """A measured room with responses that evaluation never draws."""

    def _responses(self) -> ResponseFolder:
        if self.kind != OF_PATH:
            raise InputError(f"rir: kind={self.kind} is one response, which is for evaluation only")
        if self.path == SIMULATED:
            return _simulated(TRAINING[DRAWN])
        found = opened(Path(self.path).expanduser())
        if len(found.all) < KEPT_FROM:
            raise InputError(
                f"rir: {self.path} holds {len(found.all)} responses, all of them for evaluation;"
                f" training needs {KEPT_FROM} or more, or another folder"
            )
        return _part(found, training=True)


def _part(found: ResponseFolder, training: bool) -> ResponseFolder:
    """Return every fourth response for training, or all others for evaluation.

    A folder of three or fewer has none for training.
    """
    chosen = [
        response
        for number, response in enumerate(found.all)
        if (number % KEPT_FROM == KEPT_FROM - 1) == training
    ]
    return ResponseFolder(tuple(chosen), found.sha256)


@lru_cache(maxsize=8)
def opened(path: Path) -> ResponseFolder:
    """Read the responses in the file or folder `path`, once per process.

    Raises `InputError` that names the file or folder and the cause.
    """
    files = discovery.listed(path, "rir")
    try:
        read = [reader.record(file, channel=0) for file in files]
    except AudioError as error:
        raise InputError(f"rir: {error}") from error
    found = (
        _response(file, discovery.name_below(file, path), one.wave)
        for file, one in zip(files, read, strict=True)
    )
    decoded = any(one.decoder == ffmpeg_decoder.NAME for one in read)
    return ResponseFolder(tuple(found), reader.digest(files, by_ffmpeg=decoded))


def _response(path: Path, name: str, samples: Wave) -> MeasuredResponse:
    if not samples.any():
        raise InputError(f"rir: {path}: the response is silent")
    if samples.size > LONGEST_S * SAMPLE_RATE:
        seconds = samples.size / SAMPLE_RATE
        raise InputError(
            f"rir: {path}: {seconds:.0f} s is too long for an impulse response"
            f" (at most {LONGEST_S:g} s)"
        )
    return _aligned(name, samples)


def _aligned(name: str, samples: Wave) -> MeasuredResponse:
    direct = direct_path(samples, SAMPLE_RATE)
    cut = samples[direct:] / samples[direct]
    cut.flags.writeable = False
    return MeasuredResponse(
        name, cut, direct, _finite(t20(cut, SAMPLE_RATE)), _finite(edt(cut, SAMPLE_RATE))
    )


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None


@lru_cache(maxsize=8)
def _packaged(kind: str, path: Path) -> ResponseFolder:
    samples, direct = packaged_responses.read(kind, path)
    response = replace(_aligned(path.name, samples), direct=direct)
    return ResponseFolder((response,), PACKAGED[kind].file.sha256)


@lru_cache(maxsize=2)
def _simulated(rooms: tuple[Room, ...]) -> ResponseFolder:
    bank = rir_bank.bank(rooms, SIMULATED_RT60, False)
    return ResponseFolder(tuple(_aligned(response.key, response.samples) for response in bank), "")
