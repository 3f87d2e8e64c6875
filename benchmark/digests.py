"""What the files of a data set hold: SHA-256 of each, remembered by path, size and time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from benchmark import files, paths

THREADS = 8


def file_digests(root: Path, names: Iterable[str]) -> list[str]:
    """SHA-256 (hex) of the bytes of every file `root / name`, in the order of `names`.

    Digests are kept in the user's cache and taken from there while a file's size and modification
    time stay the same.
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
    stamps = {name: _stamp(root / name) for name in wanted}
    stale = [n for n in stamps if known.get(n, [])[:2] != stamps[n]]
    with ThreadPoolExecutor(THREADS) as pool:
        hashed = pool.map(lambda name: _sha256(root / name), stale)
        bar = tqdm(hashed, "digesting files", len(stale), unit="file", disable=len(stale) < 2000)
        known |= {n: [*stamps[n], digest] for n, digest in zip(stale, bar, strict=True)}
    if stale:
        files.write(memory, json.dumps(known))
    return [str(known[name][2]) for name in wanted]


def rows_digest(rows: pd.DataFrame) -> str:
    """SHA-256 (hex) over the (utterance_id, label, file_sha256) rows, in their order."""
    columns = (rows["utterance_id"], rows["label"], rows["file_sha256"])
    text = "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True))
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(path: Path) -> list[object]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
