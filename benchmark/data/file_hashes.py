"""SHA-256 of the files of a data set, cached by path, size and modification time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmark.audio import remote
from benchmark.core import atomic_files, json_text, paths
from benchmark.core.errors import InputError
from benchmark.core.progress import progress_bar

THREADS = 8
MISSING = "no file"


@dataclass(frozen=True)
class FileState:
    """A file as it was when it was read: size in bytes, time in ns, SHA-256 of its content."""

    size: int
    mtime_ns: int
    sha256: bytes


def state(path: Path) -> FileState | None:
    """Return the state of a file that can be read, else None."""
    if remote.is_url(path):
        known = remote.stamp(path)
        return None if known is None else FileState(*known, bytes.fromhex(_sha256(path)))
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a device or a pipe may never end
            return None
        return FileState(found.st_size, found.st_mtime_ns, bytes.fromhex(_sha256(path)))
    except (OSError, ValueError):  # a name with NUL is no name
        return None


def stamps(root: Path, names: Sequence[str]) -> list[str]:
    """Return size and modification time of every file `root / name`; `MISSING` if there is none."""
    return [stamp_text(*stamp) if stamp else MISSING for stamp in _stamps(root, names)]


def stamp_text(size: object, mtime_ns: object) -> str:
    """Return size and modification time as one text."""
    return f"{size}:{mtime_ns}"


def hashed(paths: Sequence[Path]) -> list[str]:
    """Return the SHA-256 (hex) of every file without a cache; `MISSING` for unreadable ones."""

    def one(path: Path) -> str:
        found = state(path)
        return found.sha256.hex() if found else MISSING

    with ThreadPoolExecutor(THREADS) as pool:
        return [*pool.map(one, paths)]


def file_digests(root: Path, names: Iterable[str]) -> list[str]:
    """Return the SHA-256 (hex) of every file `root / name`, in the order of `names`.

    A missing file gets `MISSING`. Digests are stored in the user's cache and reused while the size
    and the modification time of a file stay the same; a cache that cannot be written costs time.
    """
    wanted = list(names)
    place = root if remote.is_url(root) else root.resolve()
    root_key = hashlib.sha256(str(place).encode()).hexdigest()[:24]
    cache_file = paths.cache() / "digests" / f"{root_key}.json"
    known: dict[str, list[object]] = {}
    if cache_file.is_file():
        try:
            known = json_text.parse(cache_file.read_text())
        except (OSError, ValueError):
            known = {}  # a damaged cache file costs only time
    distinct = [*dict.fromkeys(wanted)]
    stamps = dict(zip(distinct, _stamps(root, distinct), strict=True))
    stale = [n for n, stamp in stamps.items() if stamp and known.get(n, [])[:2] != stamp]
    with ThreadPoolExecutor(THREADS) as pool:
        hashed = pool.map(lambda name: _sha256_or_missing(root / name), stale)
        bar = progress_bar(hashed, "hashing files", len(stale), unit="file")
        known |= {n: [*stamps[n], digest] for n, digest in zip(stale, bar, strict=True)}
    if stale:
        with contextlib.suppress(InputError):  # the cache may be read-only or full
            kept = {name: entry for name, entry in known.items() if entry[2:] != [MISSING]}
            atomic_files.write(cache_file, json.dumps(kept))
    return [str(known[name][2]) if stamps[name] else MISSING for name in wanted]


def rows_digest(rows: Iterable[tuple[str, ...]]) -> str:
    """Return the SHA-256 (hex) over rows such as (utterance_id, label, file_sha256), in order."""
    text = "".join("\t".join(row) + "\n" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamps(root: Path, names: Sequence[str]) -> list[list[object]]:
    """Return size and modification time (ns) of every file `root / name`; empty for none."""
    if remote.is_url(root):
        return [[*stamp] if stamp else [] for stamp in remote.stamps(root, names)]
    with ThreadPoolExecutor(THREADS) as pool:  # hides the latency of a shared file system
        return [*pool.map(lambda name: _stamp(f"{root}/{name}"), names, chunksize=1024)]


def _stamp(path: str) -> list[object]:
    """Return size and modification time (ns) of a regular file; empty if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - fast for a million paths
    except (OSError, ValueError):
        return []
    return [found.st_size, found.st_mtime_ns] if stat.S_ISREG(found.st_mode) else []


def _sha256_or_missing(path: Path) -> str:
    try:
        return _sha256(path)
    except OSError:  # not to be read by this user
        return MISSING


def _sha256(path: Path) -> str:
    with remote.local(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
