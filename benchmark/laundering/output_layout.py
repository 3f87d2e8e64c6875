"""Output layout of laundered files: sources, output paths, records and keys."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from attacks.contract.condition import Condition
from benchmark.audio import discovery
from benchmark.core.errors import InputError
from benchmark.data.file_hashes import file_digests
from benchmark.laundering.resuming import key_of
from benchmark.workers.context import ALONE, ProcessContext

FORMATS = {"wav": ".wav", "flac": ".flac"}
KEY_FORMAT = 2
LONGEST_FOLDER = 80
RECORDS = ".launderbench"


@dataclass(frozen=True)
class SourceFile:
    """One recording: utterance id, output name without suffix, path of the file, SHA-256."""

    utterance_id: str
    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class OutputTarget:
    """The output folder and format; `name` is the stem of a single output file, else empty."""

    folder: Path
    format: str = "wav"
    name: str = ""

    @property
    def prefix(self) -> str:
        """Prefix of the names of the tables of a single output file."""
        return f"{self.name}." if self.name else ""


@dataclass(frozen=True)
class LaunderingJob:
    """The conditions for all files, the output target, the seed and the context of workers.

    Each of the `conditions` is (spelling, identity, subfolder of the target; empty for a single
    condition). A single output file has no record and is always written.
    """

    conditions: tuple[tuple[str, str, str], ...]
    target: OutputTarget
    seed: int = 0
    context: ProcessContext = ALONE

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.target.folder

    @property
    def format(self) -> str:
        """Output format: `wav` or `flac`."""
        return self.target.format

    @property
    def resumable(self) -> bool:
        """True if finished outputs are kept and not written again."""
        return not self.target.name

    def output(self, source: SourceFile, condition: int) -> Path:
        """Return the path of the audio file for one source under one condition."""
        return self.out / self.conditions[condition][2] / f"{source.name}{FORMATS[self.format]}"

    def record(self, source: SourceFile, condition: int) -> Path:
        """Return the path of the record of that file."""
        return self.out / RECORDS / self.conditions[condition][2] / f"{source.name}.json"

    def key(self, source: SourceFile, condition: int) -> str:
        """Return the SHA-256 (hex) over everything that determines the samples of that file."""
        identity = self.conditions[condition][1]
        parts = [KEY_FORMAT, identity, self.seed, source.utterance_id, source.sha256, self.format]
        return key_of(parts)


def target(path: Path, out: Path, format_: str | None, conditions: int) -> OutputTarget:
    """Interpret the output path `out`: a single file if it ends in .wav or .flac, else a folder.

    Raises `InputError` for a single file with several conditions, with another `format_` than its
    suffix, or with the path of the input.
    """
    suffixes = {suffix: name for name, suffix in FORMATS.items()}
    named = suffixes.get(out.suffix.lower())
    if named is None or out.is_dir() or path.is_dir():
        return OutputTarget(out, format_ or "wav")
    if conditions > 1:
        raise InputError(f"{out} is one file, but {conditions} conditions are given: name a folder")
    if format_ not in (None, named):
        raise InputError(f"{out} does not match --format {format_}")
    if out.resolve() == path.resolve():
        raise InputError(f"{out}: the output would replace the input")
    return OutputTarget(out.parent, named, out.stem)


def sources(path: Path, leave_out: Path, name: str = "") -> tuple[SourceFile, ...]:
    """Return the recording at `path`, or every audio file below it, sorted by utterance id.

    The id is the path below the folder without its suffix. Hidden files and files below `leave_out`
    (the output folder, if it is inside) are skipped. `name` is the output name of a single
    recording; by default its own. Raises `InputError` if there is no audio file or if two files
    have the same id.
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
            raise InputError(
                f"{path}: {found[name]} and {inside} would have the same output, {name}"
            )
        found[name] = inside.as_posix()
    if not found:
        raise InputError(f"{path}: holds no audio outside {leave_out}")
    digests = file_digests(path, found.values())
    pairs = zip(found.items(), digests, strict=True)
    rows = (SourceFile(name, name, path / file, digest) for (name, file), digest in pairs)
    return tuple(sorted(rows, key=lambda source: source.utterance_id))


def order(
    conditions: Iterable[Condition], where: OutputTarget, seed: int, context: ProcessContext
) -> LaunderingJob:
    """Return the job for these conditions; several conditions get one subfolder each."""
    wanted = tuple(conditions)
    spellings = [str(condition) for condition in wanted]
    identities = [condition.identity() for condition in wanted]
    folders = folder_names(spellings) if len(spellings) > 1 else [""]
    rows = tuple(zip(spellings, identities, folders, strict=True))
    return LaunderingJob(rows, where, seed, context)


def folder_names(spellings: list[str]) -> list[str]:
    """Return one readable, unique folder name per condition."""
    safe = [re.sub(r"[^A-Za-z0-9.=+-]+", "_", spelling).strip("_") for spelling in spellings]
    return [
        name
        if len(name) <= LONGEST_FOLDER and safe.count(name) == 1
        else f"{name[:LONGEST_FOLDER]}-{hashlib.sha256(spelling.encode()).hexdigest()[:8]}"
        for name, spelling in zip(safe, spellings, strict=True)
    ]
