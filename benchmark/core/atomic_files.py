"""Files are written whole or not at all."""

from __future__ import annotations

import contextlib
import sys
import uuid
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from benchmark.core.errors import InputError


def write(path: Path, content: bytes | str) -> Path:
    """Write `content` to `path` atomically, making its folder; a kill leaves the old file.

    Raises `InputError` naming the path and the cause where it cannot be written (a full disk).
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InputError(
            f"cannot write {path} ({error.strerror});"
            " what was written before is kept: mend this and run again"
        ) from error
    return path


@contextlib.contextmanager
def growing(folder: Path, names: Sequence[str]) -> Iterator[dict[str, IO[str]]]:
    """Text files to be written piece by piece; they take their names when all is written.

    After an error or a kill the old files stand. `InputError` where one cannot be made.
    """
    temporary = {name: folder / f".{name}.{uuid.uuid4().hex}" for name in names}
    try:
        with contextlib.ExitStack() as stack:
            folder.mkdir(parents=True, exist_ok=True)
            yield {
                name: stack.enter_context(path.open("w", encoding="utf-8", newline=""))
                for name, path in temporary.items()
            }
        for name, path in temporary.items():
            path.replace(folder / name)
    except OSError as error:
        raise InputError(f"cannot write in {folder} ({error.strerror})") from error
    finally:
        for path in temporary.values():
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def lock(path: Path, purpose: str) -> Iterator[None]:
    """Hold the lock file `path`, which a killed process gives back; wait for it if need be.

    One line on stderr says what the wait is for (`purpose`). Where the file system or the system
    knows no locks a warning says so. `InputError` where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise InputError(f"cannot write {path} ({error.strerror})") from error
    with file:
        try:
            import fcntl  # not on Windows

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"waiting for another process to finish: {purpose}", file=sys.stderr)
                fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError) as error:
            warnings.warn(f"cannot lock {path} ({error}): start one at a time", stacklevel=3)
        yield
