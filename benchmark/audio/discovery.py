"""Audio files that the user names: one file, or all files of a folder, and what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from benchmark.core.errors import InputError

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")


def listed(path: Path, what: str) -> tuple[Path, ...]:
    """`path` itself where it is a file, else every audio file below it, as `below` finds them.

    `what` says in an `InputError` what was looked for: nothing lies at `path`, or no audio file.
    """
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise InputError(f"{what}: no such file or folder: {path}")
    found = below(path)
    if not found:
        raise InputError(f"{what}: no audio file ({', '.join(SUFFIXES)}) in {path}")
    return found


def below(folder: Path) -> tuple[Path, ...]:
    """Every audio file in `folder` and its folders, sorted by its name there.

    Hidden files, which some systems leave beside the real ones, are passed over.
    """
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    found = (file for file in files if not file.name.startswith(".") and file.is_file())
    return tuple(sorted(found, key=lambda file: file.relative_to(folder).parts))


def name_below(path: Path, folder: Path) -> str:
    """What to call a file that `listed` found: its path below the folder, with slashes."""
    return path.name if path == folder else path.relative_to(folder).as_posix()


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 (hex) over the contents of files in the order given; of one file, its own.

    The names are not in it: a folder that is moved or renamed holds the same.
    """
    each = [_sha256(path) for path in paths]
    return each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
