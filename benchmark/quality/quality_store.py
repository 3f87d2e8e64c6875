"""What was measured of quality, as files of a run folder: `quality/`, one for each utterance.

Each file is JSON with a `check`, the SHA-256 of its other content. No embedding is in it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark.core import atomic_files, json_text
from benchmark.core.errors import InputError
from benchmark.laundering.resuming import key_of

FOLDER, SAMPLE = "quality", "sample.json"
MEASURES = ("estoi", "dnsmos", "speaker")
Row = dict[str, Any]


@dataclass(frozen=True)
class VoiceThreshold:
    """The cosine that 95 % of pairs of two recordings of one dev speaker reach or exceed.

    value : None if dev does not give it; `cause` then says why
    """

    value: float | None = None
    pairs: int = 0
    speakers: int = 0
    cause: str = ""


@dataclass(frozen=True)
class Sample:
    """What a run declares of its measurement.

    speakers : of each utterance, in the order of `utterances`
    absent   : why a measure could not be computed, by its name
    """

    utterances: tuple[str, ...]
    speakers: tuple[str, ...]
    seed: int
    absent: dict[str, str] = field(default_factory=dict)
    voices: VoiceThreshold = field(default_factory=VoiceThreshold)


@dataclass(frozen=True)
class Quality:
    """All that a run holds of quality.

    rows : by utterance, then by condition (spelling)
    """

    sample: Sample
    rows: dict[str, dict[str, Row]]

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the declared sample and of the rows of its utterances."""
        return key_of([_plain(asdict(self.sample)), self.rows])


def path_of(folder: Path, utterance: str) -> Path:
    """Return the file of an utterance in a run folder."""
    return folder / FOLDER / f"{hashlib.sha256(utterance.encode()).hexdigest()[:24]}.json"


def write_sample(folder: Path, sample: Sample) -> None:
    """Write what the run declares."""
    _write(folder / FOLDER / SAMPLE, _plain(asdict(sample)))


def write_rows(folder: Path, utterance: str, rows: dict[str, Row]) -> None:
    """Write the rows of an utterance, by condition."""
    _write(path_of(folder, utterance), {"utterance": utterance, "rows": rows})


def read_rows(folder: Path, utterance: str) -> dict[str, Row]:
    """Return the rows of an utterance by condition; empty if it has no file.

    Raises `InputError` if the file was changed or is damaged.
    """
    stored = _read(path_of(folder, utterance))
    if stored is None:
        return {}
    if stored.get("utterance") != utterance or not isinstance(stored.get("rows"), dict):
        raise InputError(f"{path_of(folder, utterance)} is not of {utterance}")
    return dict(stored["rows"])


def read(folder: Path) -> Quality | None:
    """Return what a run holds; None if its quality was never measured.

    Raises `InputError` naming a file that was changed, is damaged or is missing.
    """
    stored = _read(folder / FOLDER / SAMPLE)
    if stored is None:
        return None
    try:
        sample = Sample(
            tuple(stored["utterances"]),
            tuple(stored["speakers"]),
            int(stored["seed"]),
            dict(stored["absent"]),
            VoiceThreshold(**stored["voices"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / FOLDER / SAMPLE} is damaged ({error})") from error
    return Quality(sample, {name: read_rows(folder, name) for name in sample.utterances})


def _write(path: Path, facts: Row) -> None:
    atomic_files.write(path, json.dumps({**facts, "check": key_of(facts)}, indent=1) + "\n")


def _read(path: Path) -> Row | None:
    if not path.is_file():
        return None
    try:
        stored = json_text.parse(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}): delete it and run again") from error
    if not isinstance(stored, dict) or stored.pop("check", None) != key_of(stored):
        raise InputError(f"{path} was changed: its check does not fit; delete it and run again")
    return stored


def _plain(facts: Any) -> Any:
    return json.loads(json.dumps(facts))
