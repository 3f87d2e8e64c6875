"""Parts of made-up units, written and listed as a run does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.scores.manifest import PartInfo
from benchmark.scores.store import Store


def add(store: Store, key: str, *arguments: Any, **settings: Any) -> PartInfo:
    """Write and list the part of a unit; a short key is repeated to its length."""
    with store.log() as log:
        part = store.write_part((key * 24)[:24], *arguments, **settings)
        log.add([part])
    return part


def file_of(store: Store, part: PartInfo) -> Path:
    """Return the file of a part."""
    return store.folder / part.path
