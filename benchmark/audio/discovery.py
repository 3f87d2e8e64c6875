"""Discovery and hashing of the audio files that a user names: one file or a folder."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmark.audio.endings import AUDIO_ENDINGS, is_audio
from benchmark.core.errors import InputError
from benchmark.core.log import warn_once

_NAMED = 6  # endings that are named


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
        endings = ", ".join(sorted(AUDIO_ENDINGS))
        raise InputError(f"{purpose}: no audio file ({endings}) in {path}")
    return found


def below(folder: Path) -> tuple[Path, ...]:
    """Return every audio file in `folder` and its subfolders, sorted by relative path.

    Hidden files are skipped; other files are counted in a warning.
    """
    files = [file for file in folder.rglob("*") if file.is_file()]
    warn_of_others(folder, (file for file in files if not is_audio(file)))
    return tuple(sorted(filter(is_audio, files), key=lambda file: file.relative_to(folder).parts))


def warn_of_others(folder: Path, others: Iterable[Path]) -> None:
    """Say once how many files of a folder, hidden ones aside, are no audio, and their endings."""
    counts = Counter(
        file.suffix.lower() or "no ending" for file in others if not file.name.startswith(".")
    )
    if not counts:
        return
    shown = ", ".join(f"{ending} {count}" for ending, count in counts.most_common(_NAMED))
    rest = f" and {len(counts) - _NAMED} more endings" if len(counts) > _NAMED else ""
    number = counts.total()
    files = "1 file is" if number == 1 else f"{number} files are"
    warn_once(f"{folder}: {files} passed over, not named as audio ({shown}{rest})")


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
