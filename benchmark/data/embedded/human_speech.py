"""Bona fide speech: recordings in the wheels, their speakers, and their segments.

Each matched-guise folder has four filler speakers (f1..f4, one recording each) and four guise
speakers (s1..s4; `maj` and `rml` are the same person in two languages). The three practice
recordings have a male voice, unlike the other voices of their folders. One researcher may have
spoken all three, so they count as one speaker. Byte-identical copies of files are dropped.
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

from benchmark.assets.wheel_catalog import LART, SPEAKERBOX, Wheel
from benchmark.assets.wheels import member, members
from benchmark.audio.reader import Wave, resample
from benchmark.core.progress import progress_bar
from benchmark.data.embedded.voice_activity import CONTEXT, SEGMENT, segment_starts

LART_FOLDER = "research_assistant/web/audio/agt"
LART_GROUPS = {"CymEng_Eng_GB": "eng", "LmoIta_Ita_IT": "ita", "LtzGer_Ger_BE": "ger"}
COUNCIL_ZIP = "speakerbox/tests/data/diarized.zip"
COUNCIL = "council"
PRACTICE = "practice"


@dataclass(frozen=True)
class SourceRecording:
    """One recording: its speaker, the speaker's group, and the wheel member with its bytes."""

    source: str
    speaker: str
    group: str
    wheel: Wheel
    member: str
    sha256: str


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
        recordings(wheels), "segmenting human speech", unit="recording", disable=not progress
    ) as bar:
        for recording, wave in bar:
            for number, start in enumerate(segment_starts(wave)):
                cut = wave[start - CONTEXT : start + SEGMENT + CONTEXT].copy()
                found.append(Segment(f"{recording.source}-{number:02d}", recording, cut))
    return sorted(found, key=lambda segment: segment.segment_id)


def recordings(wheels: Path) -> Iterator[tuple[SourceRecording, Wave]]:
    """Yield every distinct recording with its 16 kHz wave; `InputError` if a wheel is missing."""
    seen: set[str] = set()
    for source, speaker, group, wheel, name, data in (*_lart(wheels), *_council(wheels)):
        digest = hashlib.sha256(data).hexdigest()
        if digest in seen:
            continue
        seen.add(digest)
        yield SourceRecording(source, speaker, group, wheel, name, digest), decode(data)


def decode(data: bytes) -> Wave:
    """Decode audio bytes to float32 (T,), mono, 16 kHz."""
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return resample(np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32)), rate)


_Entry = tuple[str, str, str, Wheel, str, bytes]


def _lart(wheels: Path) -> Iterator[_Entry]:
    for name in members(LART, wheels):
        folder, _, file = name.rpartition("/")
        parent, _, version = folder.rpartition("/")
        if parent == LART_FOLDER and version in LART_GROUPS and file.endswith(".mp3"):
            group, stem = LART_GROUPS[version], file.removesuffix(".mp3")
            role = stem.partition("_")[0]
            speaker = PRACTICE if role == PRACTICE else f"{group}-{role}"
            source = f"{group}-{stem.replace('_', '-')}"
            yield source, speaker, group, LART, name, member(LART, name, wheels)


def _council(wheels: Path) -> Iterator[_Entry]:
    """Yield the clips `meeting/person/start-end.wav`; people are numbered, not named."""
    archive = zipfile.ZipFile(io.BytesIO(member(SPEAKERBOX, COUNCIL_ZIP, wheels)))
    names = sorted(name for name in archive.namelist() if name.endswith(".wav"))
    people = sorted({name.split("/")[1] for name in names})
    for name in names:
        meeting, person, file = name.split("/")
        speaker = f"{COUNCIL}-{people.index(person) + 1}"
        source = f"{speaker}-{meeting[:6]}-{file.partition('-')[0]}"
        yield source, speaker, COUNCIL, SPEAKERBOX, f"{COUNCIL_ZIP}!{name}", archive.read(name)
