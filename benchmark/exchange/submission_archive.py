"""The file of a submission: a zip archive of stored entries, always written alike, read safely.

An archive is data of strangers. No entry may be compressed, so none can be larger than the archive;
names must be those of a submission; Parquet files must not hold more than their size promises.
"""

from __future__ import annotations

import re
import stat
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from benchmark.core.errors import InputError, one_line
from benchmark.exchange import bounded_parquet

CARD = "submission.json"
LARGEST = 16 * 2**30  # bytes of an archive
LARGEST_TEXT = 2**28  # bytes of an entry that is read whole as JSON, CSV or log
MOST = 100_000  # entries
DAY = (1980, 1, 1, 0, 0, 0)  # of every entry: the earliest that a zip can state
CHUNK = 2**20
_HEX = "[0-9a-f]"
_NAME = "[A-Za-z0-9_.+-]+"
_RUN = "|".join(
    (
        r"plan\.json",
        rf"(?:plans|origins)/{_HEX}{{64}}\.json",
        rf"trials/{_HEX}{{64}}\.parquet",
        rf"detectors/{_NAME}\.json",
        rf"parts/{_HEX}{{2}}/{_NAME}\.parquet",
        rf"compact/{_NAME}\.parquet",
        r"manifest/units\.log",
        rf"quality/(?:sample|{_HEX}{{24}})\.json",
    )
)
_ALLOWED = re.compile(
    rf"submission\.json|run\.json|[a-z_]+\.csv|(?:realisations/attack\d+-train\d+/)?(?:{_RUN})"
)
_ENCRYPTED = 0x1


def write(path: Path, folder: Path) -> None:
    """Write the files of a folder as an archive; equal files make equal bytes.

    Raises `InputError` if the archive cannot be written; no part of it is left behind then.
    """
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    building = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(building, "w", zipfile.ZIP_STORED) as archive:
            for name in names:
                entry = zipfile.ZipInfo(name, DAY)
                entry.create_system = 3  # Unix, wherever it is written
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.file_size = (folder / name).stat().st_size
                with (folder / name).open("rb") as source, archive.open(entry, "w") as sink:
                    while chunk := source.read(CHUNK):
                        sink.write(chunk)
        building.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path} ({error.strerror})") from error
    finally:
        building.unlink(missing_ok=True)


def unpack(path: Path, folder: Path) -> list[str]:
    """Write the entries of an archive into a new folder; return their names, sorted.

    Raises `InputError` naming the archive and its first entry that a submission cannot have.
    """
    size = _size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _require_entries(path, entries, size)
            for entry in entries:
                _extract(path, archive, entry, folder / entry.filename)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no sound zip archive ({one_line(error)})") from error
    except OSError as error:
        raise InputError(f"{path} cannot be unpacked ({error.strerror or error})") from error
    return sorted(entry.filename for entry in entries)


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError(
            f"{path} is no file of a submission: launderbench submit-results RUN --out FILE makes"
            " one of a run folder"
        )
    if found.st_size > LARGEST:
        raise InputError(f"{path} has {found.st_size} bytes; a submission has at most {LARGEST}")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is no submission: it is no zip archive")
    return found.st_size


def _require_entries(path: Path, entries: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raise `InputError` for the first entry that a submission cannot have."""
    if len(entries) > MOST:
        raise InputError(f"{path} has {len(entries)} entries; a submission has at most {MOST}")
    seen: set[str] = set()
    total = 0
    for entry in entries:
        if cause := _fault(entry):
            raise InputError(f"{path}: its entry {entry.filename!r} {cause}")
        if entry.filename in seen:
            raise InputError(f"{path}: its entry {entry.filename!r} is there twice")
        seen.add(entry.filename)
        total += entry.file_size
    if total > size:
        raise InputError(
            f"{path}: its entries claim {total} bytes, more than the archive's {size}: they overlap"
        )
    if CARD not in seen:
        raise InputError(f"{path} is no submission: it has no {CARD}")


def _fault(entry: zipfile.ZipInfo) -> str:
    """Say why a submission cannot have an entry; '' if it can."""
    if not _ALLOWED.fullmatch(entry.filename):
        parts = re.split(r"[/\\]", entry.filename)
        if ".." in parts or not parts[0] or ":" in parts[0]:
            return "would be written outside of its folder"
        return "is no file of a submission"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        return (
            f"is compressed ({entry.compress_size} bytes would become {entry.file_size}); a"
            " submission's are not"
        )
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is no plain file"
    if not entry.filename.endswith(".parquet") and entry.file_size > LARGEST_TEXT:
        return f"has {entry.file_size} bytes; {LARGEST_TEXT} are allowed"
    return ""


def _extract(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("xb") as sink:
        for chunk in _chunks(source):
            sink.write(chunk)
    if target.suffix == ".parquet" and (cause := bounded_parquet.fault(target)):
        raise InputError(f"{path}: its entry {entry.filename!r} {cause}")


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        yield chunk
