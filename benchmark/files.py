"""Files are written whole or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path

from benchmark.errors import InputError


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
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot write {path} ({error.strerror});"
            " what was written before is kept: mend this and run again"
        ) from error
    return path
