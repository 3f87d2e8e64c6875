"""What the files of a data set hold: SHA-256 of each, remembered by path, size and time."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from benchmark.core import atomic_files, paths

THREADS = 8
MISSING = "no file"


def file_digests(root: Path, names: Iterable[str]) -> list[str]:
    """SHA-256 (hex) of the bytes of every file `root / name`, in the order of `names`.

    `MISSING` stands for a file that is not there. Digests are kept in the user's cache and taken
    from there while a file's size and modification time stay the same.
    """
    wanted = list(names)
    where = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:24]
    memory = paths.cache() / "digests" / f"{where}.json"
    known: dict[str, list[object]] = {}
    if memory.is_file():
        try:
            known = json.loads(memory.read_text())
        except ValueError:
            known = {}  # a damaged memory costs time, nothing else
    stamps = {name: _stamp(f"{root}/{name}") for name in dict.fromkeys(wanted)}
    stale = [n for n, stamp in stamps.items() if stamp and known.get(n, [])[:2] != stamp]
    with ThreadPoolExecutor(THREADS) as pool:
        hashed = pool.map(lambda name: _sha256(root / name), stale)
        bar = tqdm(hashed, "digesting files", len(stale), unit="file", disable=len(stale) < 2000)
        known |= {n: [*stamps[n], digest] for n, digest in zip(stale, bar, strict=True)}
    if stale:
        atomic_files.write(memory, json.dumps(known))
    return [str(known[name][2]) if stamps[name] else MISSING for name in wanted]


def rows_digest(rows: Iterable[tuple[str, ...]]) -> str:
    """SHA-256 (hex) over rows such as (utterance_id, label, file_sha256), in their order."""
    text = "".join("\t".join(row) + "\n" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(path: str) -> list[object]:
    """Size and modification time; empty where there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a million paths
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns] if stat.S_ISREG(found.st_mode) else []


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
