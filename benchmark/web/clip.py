"""A visitor's clip: decoded in memory, laundered under one condition, scored, drawn and encoded.

The same functions read, launder, check and score as in a run. Nothing is written to a disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from attacks.contract.base import Wave
from attacks.contract.condition import Condition
from attacks.contract.launder import Step
from benchmark.api.laundering import Effects
from benchmark.audio import reader
from benchmark.audio.audio_error import AudioError
from benchmark.audio.decoding import Header, TooLong
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.score_files import threshold, verdict
from benchmark.inference.scorer import Scorer
from benchmark.laundering.engine import Utterance, launder_each
from benchmark.laundering.failure import Failure
from benchmark.laundering.launder_files import encode
from benchmark.laundering.verification import State
from benchmark.report import gallery
from benchmark.web.limits import MEGABYTE, Limits

UTTERANCE = "utterance"  # and SEED: `launderbench.launder` gives the same samples by default
SEED = 0


@dataclass(frozen=True)
class Sound:
    """A wave to hear and to see.

    audio   : FLAC, 16 bit, attenuated by the linear `gain` where samples are beyond full scale
    picture : spectrogram as PNG; its scale is the same before and after laundering
    """

    audio: bytes
    gain: float
    picture: bytes
    seconds: float


@dataclass(frozen=True)
class Clip:
    """A decoded clip: float32 (T,) at 16 kHz, mono, what its file stated, and its faults.

    faults : names from `input_faults.FAULTS`
    """

    wave: Wave
    sound: Sound
    stated: Header
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """One detector on one wave: score (higher = more bona fide), threshold and verdict.

    threshold : frozen on the detector's own dev; None if it has none
    verdict   : `bonafide`, `spoof` or `no threshold`; '' without a score
    cause     : why there is no score
    """

    detector: str
    score: float | None
    threshold: float | None
    verdict: str
    cause: str = ""


@dataclass(frozen=True)
class Heard:
    """A clip under one condition; `clean` has no steps and no state.

    state : what the checks say of this clip, None where nothing was tried
    cause : why it could not be laundered; there is then no sound and no judgement
    """

    condition: str
    sound: Sound | None
    judgements: tuple[Judgement, ...]
    steps: tuple[Step, ...] = ()
    state: State | None = None
    cause: str = ""

    @property
    def checks(self) -> pd.DataFrame:
        """One row per check: step, attack, quantity, unit, claimed, measured, passed and more."""
        return Effects(self.steps, None).table


def read(content: bytes, limits: Limits) -> Clip:
    """Decode an uploaded file, whatever it is called, with the one reader of the project.

    Raises `AudioError` that says what is wrong with it.
    """
    if len(content) > limits.megabytes * MEGABYTE:
        raise AudioError(f"the file is larger than {limits.megabytes} MB")
    with _in_memory(content) as path:
        try:
            done = reader.record(path)
        except TooLong as error:
            raise AudioError(f"the clip is longer than {limits.seconds:g} s") from error
        except AudioError as error:
            cause = str(error).removeprefix(f"{path}: ").replace(str(path), "it")
            raise AudioError(cause) from error
    if done.wave.size > limits.seconds * reader.SAMPLE_RATE:
        raise AudioError(f"the clip is longer than {limits.seconds:g} s")
    sound = _shown(done.wave, _top_db(done.wave))
    return Clip(done.wave, sound, done.facts.stated, done.facts.faults)


def heard(
    wave: Wave, condition: Condition, scorer: Scorer, detectors: Sequence[Checkpoint]
) -> Heard:
    """Launder a wave (T,) under a condition, check what was done, and score the result.

    What fails is said in the result. Raises `InputError` if the attack can be applied to no clip.
    """
    (done,) = launder_each(Utterance(UTTERANCE, wave), [condition], SEED)
    if isinstance(done.result, Failure):
        return Heard(str(condition), None, (), cause=done.result.cause)
    after, steps = done.result.wave, done.result.steps
    return Heard(
        str(condition),
        _shown(after, _top_db(wave)),
        judged(after, scorer, detectors),
        steps,
        Effects(steps, done.result.passed).state,
    )


def judged(wave: Wave, scorer: Scorer, detectors: Sequence[Checkpoint]) -> tuple[Judgement, ...]:
    """Return the judgement of every detector on a wave; one that fails costs its own alone."""
    scores, causes = scorer([wave], [checkpoint.name for checkpoint in detectors])
    found = []
    for checkpoint in detectors:
        name, limit = checkpoint.name, threshold(checkpoint)
        score = float(scores[name][0]) if name in scores else None
        if score is None:
            found.append(Judgement(name, None, limit, "", causes[name]))
        elif not np.isfinite(score):
            found.append(Judgement(name, None, limit, "", f"the score is not finite ({score})"))
        else:
            found.append(Judgement(name, score, limit, verdict(score, limit)))
    return tuple(found)


def _top_db(wave: Wave) -> float:
    """Return the upper end of the spectrogram's scale, from the clip before laundering."""
    return max(float(np.ceil(gallery.spectrogram(wave).max())), gallery.QUIET_DB)


def _shown(wave: Wave, top_db: float) -> Sound:
    audio, _, gain = encode(wave, "flac")
    picture = gallery.png(gallery.shades(gallery.spectrogram(wave), top_db))
    return Sound(audio, gain, picture, wave.size / reader.SAMPLE_RATE)


@contextmanager
def _in_memory(content: bytes) -> Iterator[Path]:
    """Yield the path of a file without a name that lies in memory and vanishes with this block."""
    descriptor = os.memfd_create("clip", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
