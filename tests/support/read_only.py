"""Folders that refuse every change, also for root, whom permissions do not stop."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHANGES = {  # audit events of Python -> the arguments that are paths
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
    "os.chmod": (0,),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_folders: list[str] = []
_hooked = False


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """Let this process change nothing below these folders, as on a read-only file system."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_refuse)  # it cannot be removed, and does nothing outside the block
        _hooked = True
    held = [str(folder.resolve()) for folder in folders]
    _folders.extend(held)
    try:
        yield
    finally:
        for folder in held:
            _folders.remove(folder)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _folders:
        return
    paths: list[Any] = []
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        paths = [arguments[0]]
    elif event in CHANGES:
        paths = [arguments[place] for place in CHANGES[event]]
    for path in paths:
        if not isinstance(path, (str, bytes, os.PathLike)):
            continue
        text = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - resolving would read links
        if event == "os.mkdir" and os.path.isdir(text):  # noqa: PTH112 - it says so as ever
            continue
        if any(text == folder or text.startswith(f"{folder}{os.sep}") for folder in _folders):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), text)
