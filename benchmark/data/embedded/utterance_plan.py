"""Plan of the embedded data set: every utterance and the job that produces it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.audio.reader import Wave
from benchmark.data.embedded.human_speech import ENGLISH, MP3, Segment
from benchmark.data.embedded.speaker_splits import BABBLE, SEGMENTS, split_speakers, spread
from benchmark.data.embedded.text_to_speech import SpeechRequest
from benchmark.synthesis.systems import BY_NAME, GRIFFIN_LIM, LJ, SIXTEEN, UNIVERSAL, WORLD

_NEURAL = (UNIVERSAL.name, SIXTEEN.name)
# Vocoders of the copies of the first, second, ... segment of a split; repeated cyclically. Dev has
# the system that train lacks, so that a threshold of dev is not one of known fakes alone.
SEEN_ROTATION = (
    _NEURAL,
    _NEURAL,
    _NEURAL,
    (UNIVERSAL.name, WORLD.name),
    (SIXTEEN.name, GRIFFIN_LIM.name),
)
LATER_NEURAL = (_NEURAL, (SIXTEEN.name, LJ.name), (LJ.name, UNIVERSAL.name))
LATER_CLASSIC = ((WORLD.name,), (), (GRIFFIN_LIM.name,), ())


@dataclass(frozen=True)
class SynthesisJob:
    """One utterance to produce: a human segment, a copy of one by a vocoder, or one of TTS."""

    utterance_id: str
    system: str = ""  # empty: the human segment itself
    wave: Wave | None = None  # the segment with its context; None for TTS
    request: SpeechRequest | None = None
    kbps: float = 0.0  # of the MP3 file from which the segment comes; 0: none


@dataclass(frozen=True)
class UtterancePlan:
    """The rows of the protocol and the jobs that produce their audio."""

    table: pd.DataFrame
    jobs: tuple[SynthesisJob, ...]


def plan(
    segments: Sequence[Segment], spoken: Sequence[SpeechRequest], left_out: Sequence[str]
) -> UtterancePlan:
    """Plan the whole data set; deterministic and independent of the order of `segments`."""
    rows: list[dict[str, str]] = []
    jobs: list[SynthesisJob] = []
    for split, chosen in choose(segments).items():
        for place, segment in enumerate(chosen):
            systems = [name for name in rotation(split, place) if name not in left_out]
            copies = tuple((f"{segment.segment_id}-{name}", name) for name in systems)
            recording, pair = segment.recording, segment.segment_id
            about = {
                "speaker": recording.speaker,
                "split": split,
                "source": recording.source,
                "pair": pair,
                "language": recording.language,
                "history": recording.history,
            }
            rows.append(_row(pair, "-", about))
            rows.extend(_row(uid, name, about) for uid, name in copies)
            jobs.append(SynthesisJob(pair, wave=segment.wave))
            jobs.extend(
                SynthesisJob(uid, name, segment.wave, kbps=recording.kbps) for uid, name in copies
            )
    for request in spoken:
        uid = request.utterance_id
        about = {
            "speaker": request.voice,
            "split": request.split,
            "source": request.source,
            "pair": uid,
            "language": ENGLISH,
            "history": MP3,
        }
        rows.append(_row(uid, request.system, about))
        jobs.append(SynthesisJob(uid, request.system, request=request))
    table = pd.DataFrame(rows).sort_values("utterance_id", kind="stable").reset_index(drop=True)
    return UtterancePlan(table, tuple(jobs))


def choose(segments: Sequence[Segment]) -> dict[str, list[Segment]]:
    """Return the segments of each split, sorted by id."""
    of: dict[str, list[Segment]] = {}
    for segment in sorted(segments, key=lambda s: s.segment_id):
        of.setdefault(segment.recording.speaker, []).append(segment)
    groups = {speaker: own[0].recording.group for speaker, own in of.items()}
    splits = split_speakers({speaker: len(own) for speaker, own in of.items()}, groups)
    chosen: dict[str, list[Segment]] = {split: [] for split in SEGMENTS}
    for speaker in sorted(of):
        split = splits[speaker]
        chosen[split] += spread(of[speaker], SEGMENTS[split])
    return chosen


def rotation(split: str, place: int) -> tuple[str, ...]:
    """Return the systems that copy the segment at `place` in its split."""
    if split == BABBLE:
        return ()
    if split == "train":
        return SEEN_ROTATION[place % len(SEEN_ROTATION)]
    neural = LATER_NEURAL[place % len(LATER_NEURAL)]
    return (*neural, *LATER_CLASSIC[place % len(LATER_CLASSIC)])


def _row(utterance_id: str, system: str, about: dict[str, str]) -> dict[str, str]:
    bonafide = system == "-"
    return {
        "utterance_id": utterance_id,
        "path": f"flac/{utterance_id}.flac",
        "label": "bonafide" if bonafide else "spoof",
        "speaker": about["speaker"],
        "spoof_system": system,
        "split": about["split"],
        "source": about["source"],
        "track": "-" if bonafide else BY_NAME[system].track,
        "pair": about["pair"],
        "language": about["language"],
        "history": about["history"],
    }
