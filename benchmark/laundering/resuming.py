"""Records of finished outputs, by which a later call recognises and keeps them.

A record is a JSON file next to the outputs. It holds the key of their inputs, the digests of their
files, and the facts that the caller would otherwise have to compute again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmark.core import atomic_files, json_text

Record = dict[str, Any]


def key_of(determinants: object) -> str:
    """Hash (SHA-256, hex) everything that determines the samples; JSON types only.

    The order of dictionary entries does not matter.
    """
    return hashlib.sha256(json.dumps(determinants, sort_keys=True).encode()).hexdigest()


def keep(path: Path, record: Record) -> None:
    """Write a record, atomically, once all of its files are written."""
    atomic_files.write(path, json.dumps(record))


def kept(path: Path, key: str, files: Callable[[Record], Mapping[Path, str]]) -> Record | None:
    """Return the record in `path`; None if the inputs or the files have changed since.

    key   : the present key of the inputs
    files : returns the SHA-256 (hex) of every file, by path, from the record

    A missing or damaged record is None too: its outputs are then made again.
    """
    try:
        record: Record = json_text.parse(path.read_text(encoding="utf-8"))
        if record["key"] != key:
            return None
        same = all(_digest(file) == digest for file, digest in files(record).items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if same else None


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
