"""The manifest of a run folder: which files hold scores, with their digests and units.

Every process appends to a log of its own, so that no two processes write the same file. A line is
`CHECK JSON`, where CHECK digests the JSON. See docs/results-format.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.core.progress import INNER_S, each

COMPUTED, IMPORTED, STORED = "computed", "imported", "stored"  # kinds of part files
KINDS = (COMPUTED, IMPORTED, STORED)
UNKNOWN_INPUTS = ""  # of units whose files are not known: imported or brought along
ENDED, RUNNING = ".log", ".open.log"
SHA256 = re.compile(r"[0-9a-f]{64}")
TRIES = 5  # of reading all logs while other processes rename or join them


@dataclass(frozen=True, slots=True)
class PartFile:
    """A file with the rows of one or more units.

    path      : below the run folder
    sha256    : of its content; None for files of format 4, which no manifest lists
    size      : in bytes
    detectors : identity -> column name, of the detectors that gave scores
    origin    : digest of the file in origins/ that says how the scores were made
    kind      : `COMPUTED`, `IMPORTED` or `STORED`
    attempt   : of two files with the same unit, the one of the higher attempt counts
    """

    path: str
    sha256: str | None
    size: int
    split: str
    condition: str
    detectors: dict[str, str]
    origin: str
    kind: str = COMPUTED
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One unit in one file.

    start, rows : its rows in the file
    failures    : rows that could not be read, laundered or scored
    inputs      : digest of the audio files that were laundered, or `UNKNOWN_INPUTS`
    """

    file: PartFile
    key: str
    start: int
    rows: int
    failures: int = 0
    inputs: str = UNKNOWN_INPUTS

    @property
    def path(self) -> str:
        """The path of the file, below the run folder."""
        return self.file.path

    @property
    def split(self) -> str:
        """`dev` or `test`."""
        return self.file.split

    @property
    def condition(self) -> str:
        """The spelling of the condition."""
        return self.file.condition

    @property
    def detectors(self) -> dict[str, str]:
        """Identity -> column name, of the detectors that gave scores."""
        return self.file.detectors

    @property
    def imported(self) -> bool:
        """Whether another tool computed the scores."""
        return self.file.kind == IMPORTED


@dataclass
class Manifest:
    """What the logs of a folder list.

    parts   : every unit of every listed file, in the order of the files' names
    faults  : one sentence per line that cannot be used
    ended   : the logs of processes that have ended
    """

    parts: list[PartInfo] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    ended: list[Path] = field(default_factory=list)


class Log:
    """The log of one process, created at the first entry; a context that ends it.

    sync : force every line to the disk before going on
    """

    def __init__(self, folder: Path, sync: bool = False) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        self.name = f"{stamp}-{uuid.uuid4().hex[:12]}"
        self.folder, self.sync = folder, sync
        self._sets: dict[str, int] = {}
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # of a line that `add` could not write
                self._file.close()
            self._file = None
            with contextlib.suppress(OSError):  # a log that stays open is read like any other
                self._path(RUNNING).rename(self._path(ENDED))

    def add(self, parts: Sequence[PartInfo]) -> None:
        """List one file by its units; `InputError` if the log cannot be written."""
        try:
            if self._file is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._file = self._path(RUNNING).open("xb")
            self._file.write("".join(_lines(parts, self._sets)).encode())
            self._file.flush()
            if self.sync:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise InputError(
                f"cannot write {self._path(RUNNING)} ({error.strerror}); what is listed there is"
                " kept: fix the cause and run again"
            ) from error

    def _path(self, ending: str) -> Path:
        return self.folder / f"{self.name}{ending}"


def read(folder: Path) -> Manifest:
    """Read all logs in `folder`; lines that are damaged or cut off are left out and named.

    A log may get another name meanwhile (its process has ended) or be joined with others: then all
    are read again, so that none of its files is missed.
    """
    for _ in range(TRIES):
        found = read_logs(logs := names(folder))
        if names(folder) == logs:
            break
    return found


def names(folder: Path) -> list[Path]:
    """Return the paths of all logs in `folder`, sorted."""
    return sorted(folder.glob(f"*{ENDED}"))


def read_logs(logs: Iterable[Path]) -> Manifest:
    """Read these logs, as `read` does."""
    found = Manifest()
    shared: dict[str, str] = {}
    listed: dict[str, list[PartInfo]] = {}
    for path in each(logs, "reading the manifest", "log", after_s=INNER_S):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # it was renamed or joined with others meanwhile
            continue
        except OSError as error:
            found.faults.append(f"{path} cannot be read ({error.strerror})")
            continue
        if not path.name.endswith(RUNNING):
            found.ended.append(path)
        sets: dict[int, dict[str, Any]] = {}
        lines = content.split(b"\n")[:-1]
        numbered = each(lines, "listing parts", "file", after_s=INNER_S)
        for number, line in enumerate(numbered, 1):
            try:
                parts = _parse(line, sets, shared)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                found.faults.append(f"{path}: line {number} is damaged")
                continue
            if parts:
                listed[parts[0].path] = parts
        if content and not content.endswith(b"\n"):
            found.faults.append(f"{path}: the last line is cut off")
    for _, parts in sorted(listed.items()):
        found.parts += parts
    return found


def join(folder: Path, old: Iterable[Path], files: Iterable[Sequence[PartInfo]]) -> None:
    """Replace the logs `old` by one that lists `files`, each by its units."""
    sets: dict[str, int] = {}
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    text = "".join(line for parts in files for line in _lines(parts, sets))
    atomic_files.write(folder / f"{stamp}-{uuid.uuid4().hex[:12]}{ENDED}", text)
    for path in old:
        path.unlink(missing_ok=True)


def by_file(parts: Iterable[PartInfo]) -> dict[str, list[PartInfo]]:
    """Return the units of each file, by its path."""
    found: dict[str, list[PartInfo]] = {}
    for part in parts:
        found.setdefault(part.path, []).append(part)
    return found


def _lines(parts: Sequence[PartInfo], sets: dict[str, int]) -> Iterator[str]:
    file = parts[0].file
    common = {
        "split": file.split,
        "condition": file.condition,
        "detectors": file.detectors,
        "origin": file.origin,
        "kind": file.kind,
    }
    text = json.dumps(common, sort_keys=True)
    if text not in sets:
        sets[text] = len(sets)
        yield _line({"set": sets[text], **common})
    yield _line(
        {
            "file": file.path,
            "sha256": file.sha256,
            "bytes": file.size,
            "set": sets[text],
            "attempt": file.attempt,
            "units": [[part.key, part.rows, part.failures, part.inputs] for part in parts],
        }
    )


def _line(record: dict[str, Any]) -> str:
    text = json.dumps(record, separators=(",", ":"))
    return f"{_check(text.encode())} {text}\n"


def _check(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _parse(
    line: bytes, sets: dict[int, dict[str, Any]], shared: dict[str, str]
) -> list[PartInfo] | None:
    """Return the units of the file that a line lists, or None if it describes a set.

    `shared` holds each repeated text once. Raises `ValueError`, `KeyError` or `TypeError` if the
    line is damaged.
    """
    check, _, text = line.partition(b" ")
    if check.decode("ascii", "replace") != _check(text):
        raise ValueError("the check does not fit")
    record = json.loads(text)
    if "file" not in record:
        common = {name: record[name] for name in ("split", "condition", "origin", "kind")}
        detectors = {str(i): str(name) for i, name in record["detectors"].items()}
        if common["kind"] not in KINDS:
            raise ValueError("unknown kind")
        if not all(isinstance(value, str) for value in common.values()):
            raise ValueError("a text is none")
        sets[int(record["set"])] = {**common, "detectors": detectors}
        return None
    path = str(record["file"])
    if path.startswith(("/", "\\")) or ".." in Path(path).parts:
        raise ValueError("outside the run folder")
    if not SHA256.fullmatch(record["sha256"]):  # without it nothing would be compared
        raise ValueError("no digest")
    if any(int(number) < 0 for _, *numbers, _ in record["units"] for number in numbers):
        raise ValueError("a negative number of rows")
    file = PartFile(
        path, record["sha256"], int(record["bytes"]), attempt=int(record["attempt"]),
        **sets[int(record["set"])],
    )  # fmt: skip
    found = []
    start = 0
    for key, rows, failures, inputs in record["units"]:
        key, inputs = (shared.setdefault(word, word) for word in (str(key), str(inputs)))
        found.append(PartInfo(file, key, start, int(rows), int(failures), inputs))
        start += int(rows)
    return found
