"""Atomic file writing, and a lock file against concurrent processes."""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from benchmark.core.errors import InputError
from benchmark.core.log import logger


def write(path: Path, content: bytes | str, sync: bool = False, executable: bool = False) -> Path:
    """Write `content` to `path` atomically and create its folder; a kill leaves the old file.

    With `sync` the file is on the disk when this returns, so that a power cut does not lose it.
    With `executable` its owner may run it from the moment that it is there. Raises `InputError`
    naming the path and the cause if writing fails (for example, a full disk).
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        if executable:
            temporary.chmod(temporary.stat().st_mode | stat.S_IXUSR)
        temporary.replace(path)
        if sync:
            _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InputError(
            f"cannot write {path} ({error.strerror});"
            " files written earlier are kept: fix the cause and run again"
        ) from error
    return path


def _sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def growing(folder: Path, names: Sequence[str]) -> Iterator[dict[str, IO[str]]]:
    """Open text files for writing in pieces; they get their names once all are complete.

    After an error or a kill the old files remain. Raises `InputError` if a file cannot be written.
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
    """Hold the lock file `path`; wait while another process holds it.

    The lock of a killed process is released. While waiting, one line on stderr names the `purpose`.
    Warns where the operating system or the file system has no locks. Raises `InputError` if the
    file cannot be created.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise InputError(f"cannot write {path} ({error.strerror})") from error
    with file:
        try:
            import fcntl  # missing on Windows

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                logger.warning(f"waiting for another process to finish: {purpose}")
                fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError) as error:
            warnings.warn(f"cannot lock {path} ({error}): run one process at a time", stacklevel=3)
        yield
