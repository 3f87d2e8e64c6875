"""Audio behind a URL of any file system that fsspec knows: s3://, gs://, hf://, memory:// and more.

A URL is a path whose first part is a scheme, since `Path("s3://bucket/a")` is `s3:/bucket/a`. A
file is copied into the user's cache when it is first decoded or hashed, and again if its size or
its version has changed. Only what lies below a folder that the user named in this command is
fetched: nothing that a stored run says opens a connection.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmark.core import paths
from benchmark.core.errors import InputError, one_line

VARIABLE = "LAUNDERBENCH_REMOTE"  # URLs of folders, separated by blanks, that may be fetched from
TRIES = 3
THREADS = 8
FEW = 200  # files; for more, a folder is listed as a whole
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:")
_HERE = ("file:", "local:")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
_TAGS = ("ETag", "etag", "blob_id", "md5Hash", "md5", "crc32c", "sha256")


def is_url(path: Path) -> bool:
    """Check whether a path stands for a URL.

    >>> is_url(Path("s3://bucket/flac")), is_url(Path("/data/flac")), is_url(Path("C:/flac"))
    (True, False, False)
    """
    return bool(path.parts) and _SCHEME.fullmatch(path.parts[0]) is not None


def url(path: Path) -> str:
    """Return the URL that a path stands for.

    >>> url(Path("s3://bucket/flac/a.flac"))
    's3://bucket/flac/a.flac'
    """
    return f"{path.parts[0]}//{'/'.join(path.parts[1:])}"


def absolute(path: Path) -> Path:
    """Return a path that holds in every folder; a URL is one already."""
    return path if is_url(path) else path.absolute()


def allow(folder: Path) -> None:
    """Let this process and those that it starts fetch what lies below a folder behind a URL.

    Raises `InputError` if the URL cannot be used, or the package of its file system is missing.
    """
    if folder.parts[0] in _HERE:
        raise InputError(f"{url(folder)}: files of this machine are given by their path alone")
    _file_system(folder.parts[0])
    known = _allowed()
    if url(folder) not in known:
        os.environ[VARIABLE] = " ".join([*known, url(folder)])


def require_named(path: Path) -> None:
    """Raise `InputError` unless a URL lies below a folder that `allow` or the variable names."""
    where = url(path)
    if ".." in path.parts:
        raise InputError(f"{where}: a URL may not contain ..")
    inside = (where == root or where.startswith(f"{root.rstrip('/')}/") for root in _allowed())
    if not any(inside):
        raise InputError(
            f"the audio is behind {where}, which nobody named in this command: set"
            f" {VARIABLE} to the URL of its folder to fetch it"
        )


def _allowed() -> list[str]:
    return os.environ.get(VARIABLE, "").split()


@lru_cache(maxsize=8)
def _file_system(scheme: str) -> Any:
    """Return fsspec's file system of a scheme; `InputError` names the package that is missing."""
    try:
        import fsspec
    except ImportError as error:
        raise InputError(f"{scheme}// needs fsspec: pip install 'launderbench[remote]'") from error
    try:
        return fsspec.filesystem(scheme.removesuffix(":"))
    except ImportError as error:
        raise InputError(f"{scheme}// needs another package: {one_line(error)}") from error
    except ValueError as error:
        raise InputError(f"{scheme}// is no file system that fsspec knows") from error


def stamp(path: Path) -> tuple[int, int] | None:
    """Return size in bytes and version of a file behind a URL; None if there is none.

    The version is its time in ns, or a digest of its tag where the file system states no time.
    Raises `InputError` if the file system does not answer.
    """
    found = _asked(path, lambda system, name: system.info(name))
    return None if found is None or found.get("type") == "directory" else _stamp(found)


def stamps(root: Path, names: Sequence[str]) -> list[tuple[int, int] | None]:
    """Return `stamp` of every file `root / name`; many are found by listing the folder once."""
    if len(names) <= FEW:
        with ThreadPoolExecutor(THREADS) as pool:
            return [*pool.map(lambda name: stamp(root / name), names)]
    listed = _asked(root, lambda system, name: system.find(name, detail=True)) or {}
    system = _file_system(root.parts[0])
    found = {system._strip_protocol(name): _stamp(info) for name, info in listed.items()}
    return [found.get(system._strip_protocol(url(root / name))) for name in names]


def local(path: Path) -> Path:
    """Return the copy in the cache of a file behind a URL; any other path as it is.

    Raises `FileNotFoundError` if there is no such file, `InputError` if it cannot be fetched.
    """
    if not is_url(path):
        return path
    known = stamp(path)
    if known is None:
        raise FileNotFoundError(f"there is no {url(path)}")
    copy = paths.cache().joinpath("remote", path.parts[0].removesuffix(":"), *path.parts[1:])
    if copy.is_file() and (copy.stat().st_size, copy.stat().st_mtime_ns) == known:
        return copy
    temporary = copy.with_name(f".{copy.name}.{uuid.uuid4().hex}")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        _asked(path, lambda system, name: system.get_file(name, str(temporary)))
        if temporary.stat().st_size != known[0]:
            raise InputError(f"{url(path)} changed while it was fetched: run again")
        os.utime(temporary, ns=(known[1], known[1]))
        temporary.replace(copy)
    except OSError as error:
        raise InputError(f"cannot write {copy} ({error.strerror or one_line(error)})") from error
    finally:
        temporary.unlink(missing_ok=True)
    return copy


def _asked(path: Path, question: Any) -> Any:
    """Return the answer of a file system, asked again if it fails; None if there is no file."""
    require_named(path)
    where = url(path)
    system = _file_system(path.parts[0])
    for left in reversed(range(TRIES)):
        try:
            return question(system, where)
        except FileNotFoundError:
            return None
        except Exception as error:
            if not left:
                raise InputError(
                    f"{where} cannot be read ({type(error).__name__}: {one_line(error)[:200]})"
                ) from error
            time.sleep(2.0 ** (TRIES - left))
    return None


def _stamp(info: dict[str, Any]) -> tuple[int, int]:
    for name in _TIMES:
        value = info.get(name)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                continue
        if isinstance(value, datetime):
            value = value.timestamp()
        if isinstance(value, (int, float)):
            return int(info.get("size") or 0), int(value * 1_000_000) * 1000
    tag = next((str(info[name]) for name in _TAGS if info.get(name)), "")
    digest = hashlib.sha256(tag.encode()).digest() if tag else b""
    return int(info.get("size") or 0), int.from_bytes(digest[:6], "big") * 1000
