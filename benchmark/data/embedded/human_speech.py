"""Bona fide speech: recordings in the wheels, their speakers, and their segments.

Each matched-guise folder has four filler speakers (f1..f4, one recording each) and four guise
speakers (s1..s4; `maj` and `rml` are the same person in two languages). The three practice
recordings have a male voice, unlike the other voices of their folders. One researcher may have
spoken all three, so they count as one speaker. Byte-identical copies of files are dropped.

The phrases of the intelligibility test last about 2 s, one word of each changes. One phrase of
every list makes a recording: all that its speaker says once, with short pauses.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmark.assets.wheel_catalog import LART, MCVQOE, SPEAKERBOX, Wheel
from benchmark.assets.wheels import member, members
from benchmark.audio.reader import SAMPLE_RATE, Wave, resample
from benchmark.core.progress import progress_bar
from benchmark.data.embedded.voice_activity import (
    CONTEXT,
    HOP,
    SEGMENT,
    active_frames,
    segment_starts,
)

LART_FOLDER = "research_assistant/web/audio/agt"
LART_GROUPS = {"CymEng_Eng_GB": "eng", "LmoIta_Ita_IT": "ita", "LtzGer_Ger_BE": "ger"}
# ISO 639-3 of the majority language (`maj`) and of the regional one (`rml`) of each folder
LANGUAGES = {"eng": ("eng", "cym"), "ita": ("ita", "lmo"), "ger": ("deu", "ltz")}
UNKNOWN = "-"  # the wheel does not say in which of the two a filler speaks
ENGLISH = "eng"
COUNCIL_ZIP = "speakerbox/tests/data/diarized.zip"
COUNCIL = "council"
PRACTICE = "practice"
PHRASES_FOLDER = "mcvqoe/intelligibility/audio_clips/"
PHRASES = "phrases"
TALKERS = ("F1", "F3", "M3", "M4")
LISTS, WORD = 50, 1  # of each list the phrase with this word
PAUSE = SAMPLE_RATE // 8  # samples kept before and after the speech of a phrase
MP3, PCM = "mp3", "pcm"


@dataclass(frozen=True)
class SourceRecording:
    """One recording: its speaker, the speaker's group, and the wheel member with its bytes.

    language : ISO 639-3 code, `-` where the wheel does not say it
    kbps     : mean bit rate of the MP3 file that holds it; 0 where it was never coded
    """

    source: str
    speaker: str
    group: str
    wheel: Wheel
    member: str
    sha256: str
    language: str = UNKNOWN
    kbps: float = 0.0

    @property
    def history(self) -> str:
        """What the wheel's file went through: `mp3` or `pcm`."""
        return MP3 if self.kbps else PCM


@dataclass(frozen=True)
class Segment:
    """4 s of a recording with `CONTEXT` samples on each side: float32 (CONTEXT + T + CONTEXT,)."""

    segment_id: str
    recording: SourceRecording
    wave: Wave


def segments(wheels: Path, *, progress: bool = True) -> list[Segment]:
    """Return all segments of all human recordings, sorted by id; deterministic."""
    found: list[Segment] = []
    with progress_bar(
        recordings(wheels), "segmenting human speech", unit="recording", shown=progress
    ) as bar:
        for recording, wave in bar:
            for number, start in enumerate(segment_starts(wave)):
                cut = wave[start - CONTEXT : start + SEGMENT + CONTEXT].copy()
                found.append(Segment(f"{recording.source}-{number:02d}", recording, cut))
    return sorted(found, key=lambda segment: segment.segment_id)


def recordings(wheels: Path) -> Iterator[tuple[SourceRecording, Wave]]:
    """Yield every distinct recording with its 16 kHz wave; `InputError` if a wheel is missing."""
    seen: set[str] = set()
    for recording, data in (*_lart(wheels), *_council(wheels)):
        if recording.sha256 not in seen:
            seen.add(recording.sha256)
            yield recording, decode(data)
    yield from _phrases(wheels)


def decode(data: bytes) -> Wave:
    """Decode audio bytes to float32 (T,), mono, 16 kHz."""
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return resample(np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32)), rate)


def _digest(*files: bytes) -> str:
    digest = hashlib.sha256()
    for data in files:
        digest.update(data)
    return digest.hexdigest()


def _kbps(data: bytes) -> float:
    return len(data) * 8 / soundfile.info(io.BytesIO(data)).duration / 1000


def _lart(wheels: Path) -> Iterator[tuple[SourceRecording, bytes]]:
    for name in members(LART, wheels):
        folder, _, file = name.rpartition("/")
        parent, _, version = folder.rpartition("/")
        if parent == LART_FOLDER and version in LART_GROUPS and file.endswith(".mp3"):
            group, stem = LART_GROUPS[version], file.removesuffix(".mp3")
            role = stem.partition("_")[0]
            speaker = PRACTICE if role == PRACTICE else f"{group}-{role}"
            source = f"{group}-{stem.replace('_', '-')}"
            majority, regional = LANGUAGES[group]
            spoken = {"maj": majority, "rml": regional}
            language = spoken.get(stem.rpartition("_")[2], UNKNOWN)
            data = member(LART, name, wheels)
            about = (source, speaker, group, LART, name, _digest(data), language, _kbps(data))
            yield SourceRecording(*about), data


def _council(wheels: Path) -> Iterator[tuple[SourceRecording, bytes]]:
    """Yield the clips `meeting/person/start-end.wav`; people are numbered, not named."""
    archive = zipfile.ZipFile(io.BytesIO(member(SPEAKERBOX, COUNCIL_ZIP, wheels)))
    names = sorted(name for name in archive.namelist() if name.endswith(".wav"))
    people = sorted({name.split("/")[1] for name in names})
    for name in names:
        meeting, person, file = name.split("/")
        speaker = f"{COUNCIL}-{people.index(person) + 1}"
        source = f"{speaker}-{meeting[:6]}-{file.partition('-')[0]}"
        place, data = f"{COUNCIL_ZIP}!{name}", archive.read(name)
        about = (source, speaker, COUNCIL, SPEAKERBOX, place, _digest(data), ENGLISH)
        yield SourceRecording(*about), data


def _phrases(wheels: Path) -> Iterator[tuple[SourceRecording, Wave]]:
    """Yield one recording per talker: a phrase of every list, with the silence around it cut."""
    for talker in TALKERS:
        names = [
            f"{PHRASES_FOLDER}{talker}_b{number}_w{WORD}_orig.wav" for number in range(1, LISTS + 1)
        ]
        files = [member(MCVQOE, name, wheels) for name in names]
        speaker = f"{PHRASES}-{talker.lower()}"
        place = f"{PHRASES_FOLDER}{talker}_b*_w{WORD}_orig.wav"
        about = (f"{speaker}-w{WORD}", speaker, PHRASES, MCVQOE, place, _digest(*files), ENGLISH)
        yield SourceRecording(*about), np.concatenate([_spoken(decode(data)) for data in files])


def _spoken(wave: Wave) -> Wave:
    """Return `wave` from shortly before its first active frame to shortly after its last one."""
    active, _ = active_frames(wave)
    first, *_, last = np.flatnonzero(active) * HOP
    return wave[max(0, first - PAUSE) : last + HOP + PAUSE]
