"""Unpack an archive that came from elsewhere: nothing in it may reach out of the folder."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from benchmark.core.errors import InputError

RATIO = 50  # sound packs at most to a tenth or so; more is a trap
FLOOR = 64 << 20  # bytes that even the smallest archive may hold
RESERVE = 64 << 20  # bytes of the disk that are left free
MOST_FILES = 5_000_000
PIECE = 1 << 20
LITTER = ("__MACOSX", ".DS_Store")


@dataclass(frozen=True)
class _Member:
    """A file in an archive; `cause` says why it may not be unpacked."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]
    cause: str = ""


def is_archive(path: Path) -> bool:
    """Does the name say that `unpack` can read it?"""
    return path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def unpack(archive: Path, folder: Path, home: str = "") -> int:
    """Unpack a ZIP or tar file into `folder`; gives the number of files.

    Members that do not lie in a folder `home` of the archive are put below it. Raises
    `InputError`, naming the archive and the member, for members that would land outside of
    `folder` and for links and devices; for an archive that is damaged, cut short or encrypted;
    for one that holds over 50 times its own size; and where the disk is too small.
    """
    most = max(FLOOR, RATIO * archive.stat().st_size)
    written = count = 0
    try:
        with tqdm(desc=f"unpacking {archive.name}", unit="file") as bar:
            for member in _members(archive, folder, most):
                count += 1
                if count > MOST_FILES:
                    raise InputError(f"{archive} holds more than {MOST_FILES} files")
                target = folder / _inside(member, archive, home)
                written += _write(member, target, archive, most - written)
                bar.update()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, LZMAError) as error:
        raise InputError(f"{archive} is damaged or cut short ({error}): fetch it again") from error
    except (NotImplementedError, RuntimeError) as error:  # how zipfile says encrypted
        raise InputError(f"{archive} cannot be unpacked here ({error})") from error
    except OSError as error:
        # bz2 and gzip say so as well, without a number
        cause = error.strerror if error.errno else f"damaged or cut short: {error}"
        raise InputError(f"{archive} cannot be unpacked into {folder} ({cause})") from error
    if not count:
        raise InputError(f"{archive} holds no files")
    return count


def _members(archive: Path, folder: Path, most: int) -> Iterator[_Member]:
    folder.mkdir(parents=True, exist_ok=True)
    if archive.name.lower().endswith(".zip"):
        return _of_zip(archive, folder, most)
    return _of_tar(archive, folder)


def _of_zip(archive: Path, folder: Path, most: int) -> Iterator[_Member]:
    """All members are looked at before the first one is unpacked."""
    with zipfile.ZipFile(archive) as opened:
        found = []
        for info in opened.infolist():
            link = stat.S_ISLNK(info.external_attr >> 16)
            cause = "is a link" if link else "is encrypted" if info.flag_bits & 1 else ""
            if not info.is_dir():
                opener = _zip_opener(opened, info)
                found.append(_Member(info.filename, info.file_size, opener, cause))
        for member in found:
            _inside(member, archive, "")
        total = sum(member.size for member in found)
        if total > most:
            raise _too_large(archive, most)
        _room(folder, total)
        yield from (member for member in found if not _litter(member.name))


def _zip_opener(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: opened.open(info)


def _of_tar(archive: Path, folder: Path) -> Iterator[_Member]:
    """One pass over a stream: what a tar holds is known only when it has been read."""
    _room(folder, archive.stat().st_size)
    with tarfile.open(archive, "r|*") as opened:
        for info in opened:
            if info.isdir() or _litter(info.name):
                continue
            cause = "" if info.isreg() else "is a link or a device"
            yield _Member(info.name, info.size, _tar_opener(opened, info), cause)


def _tar_opener(opened: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes] | None]:
    return lambda: opened.extractfile(info)


def _inside(member: _Member, archive: Path, home: str) -> PurePosixPath:
    """Where a member belongs below the folder."""
    name = member.name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or name[1:2] == ":" or "\0" in name or not parts:
        raise InputError(
            f"{archive}: the member {member.name!r} leads out of the folder; not unpacked"
        )
    if member.cause:
        raise InputError(f"{archive}: the member {member.name!r} {member.cause}; not unpacked")
    return PurePosixPath(*([home] if home and parts[0] != home else []), *parts)


def _write(member: _Member, target: Path, archive: Path, most: int) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.size > most:
        raise _too_large(archive, most)
    if member.size > FLOOR:
        _room(target.parent, member.size)
    source = member.open()
    if source is None:
        raise InputError(f"{archive}: the member {member.name!r} cannot be read")
    written = 0
    if target.is_symlink():
        target.unlink()  # it is replaced, never written through
    with source, target.open("wb") as file:
        while piece := source.read(PIECE):
            written += len(piece)
            if written > most:
                raise _too_large(archive, most)
            file.write(piece)
    if written != member.size:
        raise InputError(f"{archive} is damaged or cut short (in {member.name!r}): fetch it again")
    return written


def _room(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted > free - RESERVE:
        raise InputError(
            f"{folder}: unpacking needs {wanted / 1e9:.1f} GB and {free / 1e9:.1f} GB are free"
        )


def _litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and (parts[0] == LITTER[0] or parts[-1] == LITTER[1])


def _too_large(archive: Path, most: int) -> InputError:
    return InputError(
        f"{archive} would unpack to more than {RATIO} times its size: that is no archive of sound"
    )
