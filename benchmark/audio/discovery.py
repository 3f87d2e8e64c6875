"""Discovery and hashing of the audio files that a user names: one file or a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from benchmark.core.errors import InputError

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")


def listed(path: Path, purpose: str) -> tuple[Path, ...]:
    """Return `path` itself if it is a file, else every audio file below it (see `below`).

    Raises `InputError`, which begins with `purpose`, if `path` is missing or has no audio file.
    """
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise InputError(f"{purpose}: no such file or folder: {path}")
    found = below(path)
    if not found:
        raise InputError(f"{purpose}: no audio file ({', '.join(SUFFIXES)}) in {path}")
    return found


def below(folder: Path) -> tuple[Path, ...]:
    """Return every audio file in `folder` and its subfolders, sorted by relative path.

    Hidden files are skipped: some systems leave one next to every audio file.
    """
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    found = (file for file in files if not file.name.startswith(".") and file.is_file())
    return tuple(sorted(found, key=lambda file: file.relative_to(folder).parts))


def name_below(path: Path, folder: Path) -> str:
    """Return the name of a file found by `listed`: its path below `folder`, with slashes."""
    return path.name if path == folder else path.relative_to(folder).as_posix()


def digest(paths: Iterable[Path]) -> str:
    """Return the SHA-256 (hex) of one file, or of the hashes of several files in the given order.

    File names do not enter, so moving or renaming a folder does not change the digest.
    Raises `InputError` if a file cannot be read.
    """
    each = [_sha256(path) for path in paths]
    return each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
