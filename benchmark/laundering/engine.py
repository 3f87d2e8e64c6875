"""The laundering engine: read an utterance once, launder it, verify it, and name its failures.

Score parts, audio files, spectrograms, training and the samples of a page all get their audio here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from attacks.contract.base import AttackError, Wave
from attacks.contract.condition import Condition
from attacks.contract.launder import Laundered, launder
from benchmark.audio import reader, remote
from benchmark.audio.audio_error import AudioError
from benchmark.audio.input_facts import InputFacts
from benchmark.audio.reader import DecodedAudio
from benchmark.core import whereabouts
from benchmark.core.errors import InputError
from benchmark.core.foreign import ForeignError, fence
from benchmark.core.stage_timer import OFF, StageTimer
from benchmark.data import file_hashes
from benchmark.data.file_hashes import FileState
from benchmark.data.protocol import ABSENT
from benchmark.laundering.check_rows import require_plain
from benchmark.laundering.failure import ATTACK, UNREADABLE, Failure

READING = "reading"  # steps of the whereabouts of a process
ATTACKING = "attacking"


@dataclass(frozen=True)
class Utterance:
    """One utterance to launder, as a file or as samples.

    audio   : the file, or the wave (float32 (T,), 16 kHz), or why there is no audio
    version : a text that changes with the file, if its samples should stay decoded in this process;
              this suits callers that come back with the same utterance and other conditions. The
              state of such a file is taken when it is decoded
    """

    utterance_id: str
    audio: Path | Wave | Failure
    version: str | None = None


@dataclass(frozen=True)
class LaunderedUtterance:
    """One utterance under one condition.

    result  : the laundered wave with its steps, facts and checks; or the failure
    decoder : `soundfile` or `pyav`; None if no file was decoded
    seconds : length before laundering; None if the utterance is unreadable
    file    : the file as it was decoded; None if it was not taken or there is no file
    facts   : what was found about the file; None if no file was decoded
    """

    utterance_id: str
    condition: Condition
    result: Laundered | Failure
    decoder: str | None = None
    seconds: float | None = None
    file: FileState | None = None
    facts: InputFacts | None = None


def launder_each(
    utterance: Utterance, conditions: Iterable[Condition], seed: int, watch: StageTimer = OFF
) -> Iterator[LaunderedUtterance]:
    """Yield the utterance under each condition, in their order; its audio is decoded once.

    An unreadable utterance fails under every condition. An attack that cannot be applied to this
    utterance fails under its condition only. `watch` times the reading, each attack and its checks.
    Raises `InputError` if an attack can be applied to no utterance (no noise bank).
    """
    uid = utterance.utterance_id
    whereabouts.mark(READING, uid)
    with watch.timing("read"):
        source, file = _source(utterance)
    for condition in conditions:
        if isinstance(source, Failure):
            yield LaunderedUtterance(uid, condition, source, file=file)
            continue
        wave, recording = source
        result = _attacked(condition, wave, uid, seed, watch)
        decoder, facts = (recording.decoder, recording.facts) if recording else (None, None)
        seconds = wave.size / reader.SAMPLE_RATE
        yield LaunderedUtterance(uid, condition, result, decoder, seconds, file, facts)


def _attacked(
    condition: Condition, wave: Wave, uid: str, seed: int, watch: StageTimer
) -> Laundered | Failure:
    """Launder a wave; whatever its attack raises or claims amiss is a failure."""
    whereabouts.mark(ATTACKING, uid)
    try:
        with fence(InputError):
            try:
                done = launder(condition, wave, reader.SAMPLE_RATE, uid, seed, watch)
                require_plain(done.steps)
            except AttackError as error:
                return Failure(ATTACK, str(error))
    except ForeignError as error:
        return Failure(ATTACK, f"{condition} failed: {error}")
    return done


def of_data_set(root: Path, row: tuple[str, str, str], absent: str) -> Utterance:
    """Return the utterance of a row (id, file below `root`, a text that changes with the file).

    If the data set has no such audio of it, the utterance is unreadable with the cause `absent`.
    """
    uid, path, version = row
    if path == ABSENT:
        return Utterance(uid, Failure(UNREADABLE, absent))
    return Utterance(uid, root / path, version)


def decoded(path: Path) -> DecodedAudio | Failure:
    """Return the recording in `path`, or the failure that names the file and the cause."""
    if remote.is_url(path):
        return _fetched(path)
    try:
        return reader.record(path)
    except AudioError as error:
        return Failure(UNREADABLE, str(error))


def _fetched(path: Path) -> DecodedAudio | Failure:
    """Return the recording behind a URL, which a failure names; `InputError` if it is cut off."""
    where = remote.url(path)
    try:
        copy = remote.local(path)
    except FileNotFoundError:
        return Failure(UNREADABLE, f"{where}: no such file")
    found = decoded(copy)
    if isinstance(found, Failure):
        return Failure(found.kind, found.cause.replace(str(copy), where))
    return found


@lru_cache(maxsize=128)  # two shards, with the features memoised on each recording
def _kept(path: Path, version: str) -> tuple[DecodedAudio | Failure, FileState | None]:
    """Decode a file as `decoded` does and take its state; the last two shards stay decoded.

    `version` is part of the cache key, so that a replaced file is read again.
    """
    state = file_hashes.state(path)
    recording = decoded(path)
    if isinstance(recording, DecodedAudio):
        recording.wave.flags.writeable = False
    return recording, state


def forget() -> None:
    """Decode every file again at its next use, also where its version is the same."""
    _kept.cache_clear()


def _source(
    utterance: Utterance,
) -> tuple[tuple[Wave, DecodedAudio | None] | Failure, FileState | None]:
    """Return the wave and the decoded file, if any, or the failure; and the file's state."""
    audio = utterance.audio
    if isinstance(audio, Failure):
        return audio, None
    if isinstance(audio, np.ndarray):
        return (audio, None), None
    if utterance.version is None:
        recording, state = decoded(audio), None
    else:
        recording, state = _kept(audio, utterance.version)
    if isinstance(recording, Failure):
        return recording, state
    return (recording.wave, recording), state
