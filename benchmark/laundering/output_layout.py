"""What laundering files makes, and where: sources, outputs, their records and their keys."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from attacks.contract.condition import Condition
from benchmark.audio import discovery
from benchmark.core.errors import InputError
from benchmark.data.file_hashes import file_digests

FORMATS = {"wav": ".wav", "flac": ".flac"}
KEY_FORMAT = 2
LONGEST_FOLDER = 80
RECORDS = ".launderbench"


@dataclass(frozen=True)
class SourceFile:
    """One recording: its utterance id, the output's name without suffix, its file, SHA-256."""

    utterance_id: str
    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class OutputTarget:
    """Where it goes: into `folder`, in a format; as one file where `name` (its stem) is given."""

    folder: Path
    format: str = "wav"
    name: str = ""

    @property
    def prefix(self) -> str:
        """What the names of the tables beside a single file begin with."""
        return f"{self.name}." if self.name else ""


@dataclass(frozen=True)
class LaunderingJob:
    """What every file gets, and where it goes.

    `conditions` are (spelling, identity, folder below the target's; empty where there is one
    condition). A single file has no record and is always made.
    """

    conditions: tuple[tuple[str, str, str], ...]
    target: OutputTarget
    seed: int = 0
    plugins: tuple[Path, ...] = ()

    @property
    def out(self) -> Path:
        """The folder into which everything goes."""
        return self.target.folder

    @property
    def format(self) -> str:
        """wav or flac."""
        return self.target.format

    @property
    def resumable(self) -> bool:
        """True where finished outputs are kept."""
        return not self.target.name

    def output(self, source: SourceFile, condition: int) -> Path:
        """The audio file for one source under one condition."""
        return self.out / self.conditions[condition][2] / f"{source.name}{FORMATS[self.format]}"

    def record(self, source: SourceFile, condition: int) -> Path:
        """Where it says what made that file."""
        return self.out / RECORDS / self.conditions[condition][2] / f"{source.name}.json"

    def key(self, source: SourceFile, condition: int) -> str:
        """What fixes that file's samples, as a hash (hex)."""
        identity = self.conditions[condition][1]
        parts = [KEY_FORMAT, identity, self.seed, source.utterance_id, source.sha256, self.format]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def target(path: Path, out: Path, format_: str | None, conditions: int) -> OutputTarget:
    """What the output asked for means: `InputError` where it cannot be."""
    suffixes = {suffix: name for name, suffix in FORMATS.items()}
    named = suffixes.get(out.suffix.lower())
    if named is None or out.is_dir() or path.is_dir():
        return OutputTarget(out, format_ or "wav")
    if conditions > 1:
        raise InputError(f"{out} is one file, but {conditions} conditions are asked for")
    if format_ not in (None, named):
        raise InputError(f"{out} does not go with --format {format_}")
    if out.resolve() == path.resolve():
        raise InputError(f"{out}: the output would replace the input")
    return OutputTarget(out.parent, named, out.stem)


def sources(path: Path, leave_out: Path, name: str = "") -> tuple[SourceFile, ...]:
    """The recording at `path`, or every audio file below the folder `path`, sorted by its id.

    The id is the path below the folder without its suffix. Hidden files and what lies below
    `leave_out` (the output folder, when it is inside) are no sources. `InputError` where there is
    nothing, or where two files have one id. `name` is what a single recording's output is called
    when that is not its own name.
    """
    if path.is_file():
        (digest,) = file_digests(path.parent, [path.name])
        return (SourceFile(path.stem, name or path.stem, path, digest),)
    found: dict[str, str] = {}
    for file in discovery.listed(path, "attack"):
        inside = file.relative_to(path)
        if leave_out.resolve() in file.resolve().parents:
            continue
        name = inside.with_suffix("").as_posix()
        if name in found:
            raise InputError(f"{path}: {found[name]} and {inside} would have one output, {name}")
        found[name] = inside.as_posix()
    if not found:
        raise InputError(f"{path}: holds no audio but what lies in {leave_out}")
    digests = file_digests(path, found.values())
    made = zip(found.items(), digests, strict=True)
    rows = (SourceFile(name, name, path / file, digest) for (name, file), digest in made)
    return tuple(sorted(rows, key=lambda source: source.utterance_id))


def order(
    conditions: Iterable[Condition], where: OutputTarget, seed: int, plugins: Iterable[Path]
) -> LaunderingJob:
    """The order for these conditions; each has a folder of its own where there are several."""
    wanted = tuple(conditions)
    spellings = [str(condition) for condition in wanted]
    identities = [condition.identity() for condition in wanted]
    folders = folder_names(spellings) if len(spellings) > 1 else [""]
    rows = tuple(zip(spellings, identities, folders, strict=True))
    return LaunderingJob(rows, where, seed, tuple(plugins))


def folder_names(spellings: list[str]) -> list[str]:
    """Readable folder names, one for each condition."""
    safe = [re.sub(r"[^A-Za-z0-9.=+-]+", "_", spelling).strip("_") for spelling in spellings]
    return [
        name
        if len(name) <= LONGEST_FOLDER and safe.count(name) == 1
        else f"{name[:LONGEST_FOLDER]}-{hashlib.sha256(spelling.encode()).hexdigest()[:8]}"
        for name, spelling in zip(safe, spellings, strict=True)
    ]
