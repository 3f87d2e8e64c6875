"""Safe unpacking of foreign archives: no member may leave the target folder or fill the memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn, cast

from benchmark.core.errors import InputError
from benchmark.core.progress import progress_bar

RATIO = 50  # audio compresses to about a tenth at most; a higher ratio means an archive bomb
FLOOR = 64 << 20  # bytes that even the smallest archive may unpack to
RESERVE = 64 << 20  # bytes of the disk that are left free
MOST_FILES = 5_000_000
PIECE = 1 << 20
MOST_HEADER = 1 << 20  # bytes of one extended header of a tar file: a name, times, an owner
EXTENDED = (
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)  # fmt: skip
COMPRESSED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
LITTER = ("__MACOSX", ".DS_Store")


@dataclass(frozen=True)
class _Member:
    """A file in an archive; a non-empty `cause` says why it must not be unpacked."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]
    cause: str = ""


def is_archive(path: Path) -> bool:
    """Return True if `unpack` can read files with this file name extension."""
    return path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def unpack(archive: Path, folder: Path, home: str = "") -> int:
    """Unpack a ZIP or tar file into `folder` and return the number of files.

    Members outside a folder `home` of the archive are placed in `folder / home`. Raises
    `InputError`, naming the archive and the member, for members that would land outside `folder`
    and for links, devices and sparse files. It is also raised for an archive that is damaged, cut
    short or encrypted, that unpacks to over 50 times its size, or that does not fit on the disk.
    What is at a member's place already is replaced; nothing is written through a link.
    """
    limit = max(FLOOR, RATIO * archive.stat().st_size)
    written = count = 0
    try:
        with progress_bar(desc=f"unpacking {archive.name}", unit="file") as bar:
            for member in _members(archive, folder, limit):
                count += 1
                if count > MOST_FILES:
                    raise InputError(f"{archive} holds more than {MOST_FILES} files")
                place = _inside(member, archive, home)
                _require_no_link(folder, place, archive)
                written += _write(member, folder / place, archive, limit - written)
                bar.update()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, LZMAError) as error:
        raise InputError(f"{archive} is damaged or cut short ({error}): fetch it again") from error
    except (NotImplementedError, RuntimeError) as error:  # zipfile's errors for encryption
        raise InputError(f"{archive} cannot be unpacked here ({error})") from error
    except OSError as error:
        # bz2 and gzip report damage as an OSError without errno
        cause = error.strerror if error.errno else f"damaged or cut short: {error}"
        raise InputError(f"{archive} cannot be unpacked into {folder} ({cause})") from error
    if not count:
        raise InputError(f"{archive} holds no files")
    return count


def _members(archive: Path, folder: Path, limit: int) -> Iterator[_Member]:
    folder.mkdir(parents=True, exist_ok=True)
    if archive.name.lower().endswith(".zip"):
        return _of_zip(archive, folder, limit)
    return _of_tar(archive, folder, limit)


def _of_zip(archive: Path, folder: Path, limit: int) -> Iterator[_Member]:
    """Yield the members of a ZIP file, after checking all of them."""
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
        if total > limit:
            raise _too_large(archive, limit)
        _require_space(folder, total)
        yield from (member for member in found if not _is_litter(member.name))


def _zip_opener(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: opened.open(info)


def _of_tar(archive: Path, folder: Path, limit: int) -> Iterator[_Member]:
    """Yield the members of a tar file in one pass: its contents are known only once read."""
    _require_space(folder, archive.stat().st_size)
    with (
        _decompressed(archive) as stream,
        tarfile.open(
            fileobj=_Counted(stream, archive, limit), mode="r|", tarinfo=_ShortHeader
        ) as opened,
    ):
        while (info := opened.next()) is not None:
            opened.members.clear()  # type: ignore[attr-defined]  # it would keep all of them
            if info.isdir() or _is_litter(info.name):
                continue
            cause = "" if info.isreg() else "is a link or a device"
            yield _Member(info.name, info.size, _tar_opener(opened, info), cause)


def _decompressed(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        magic = file.read(6)
    opener = next((found for start, found in COMPRESSED if magic.startswith(start)), None)
    return archive.open("rb") if opener is None else cast("IO[bytes]", opener(archive, "rb"))


class _Counted(io.RawIOBase):
    """The content of a tar file; `InputError` where it is far longer than its archive.

    Headers count too: they are all that a bomb of long names needs. Twice the limit of the files
    is left for both together.
    """

    def __init__(self, stream: IO[bytes], archive: Path, limit: int) -> None:
        self._stream, self._archive, self._limit, self._left = stream, archive, limit, 2 * limit

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes."""
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large(self._archive, self._limit)
        return piece


class _ShortHeader(tarfile.TarInfo):
    """A member of a tar file whose extended headers are refused, not read, if they are long."""

    def _proc_member(self, opened: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("it holds a sparse file")
        if self.type in EXTENDED and self.size > MOST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        found: tarfile.TarInfo = super()._proc_member(opened)  # type: ignore[misc]
        return found

    def _sparse(self, *_: object) -> NoReturn:
        """Refuse a sparse file: tarfile reads the map of a cut one for ever."""
        raise tarfile.ReadError("it holds a sparse file")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _sparse


def _tar_opener(opened: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes] | None]:
    return lambda: opened.extractfile(info)


def _inside(member: _Member, archive: Path, home: str) -> PurePosixPath:
    """Return the relative path to which a member is unpacked; refuse unsafe members."""
    name = member.name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or name[1:2] == ":" or "\0" in name or not parts:
        raise InputError(
            f"{archive}: the member {member.name!r} points outside the folder; not unpacked"
        )
    if member.cause:
        raise InputError(f"{archive}: the member {member.name!r} {member.cause}; not unpacked")
    return PurePosixPath(*([home] if home and parts[0] != home else []), *parts)


def _require_no_link(folder: Path, place: PurePosixPath, archive: Path) -> None:
    """Raise `InputError` if a folder on the way to a member is a link."""
    for parent in place.parents[:-1]:
        if (folder / parent).is_symlink():
            raise InputError(
                f"{archive}: the member {str(place)!r} would be written through the link"
                f" {folder / parent}; not unpacked"
            )


def _write(member: _Member, target: Path, archive: Path, limit: int) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.size > limit:
        raise _too_large(archive, limit)
    if member.size > FLOOR:
        _require_space(target.parent, member.size)
    source = member.open()
    if source is None:
        raise InputError(f"{archive}: the member {member.name!r} cannot be read")
    written = 0
    target.unlink(missing_ok=True)  # a link, or a name of a file elsewhere
    with source, target.open("xb") as file:
        while piece := source.read(PIECE):
            written += len(piece)
            if written > limit:
                raise _too_large(archive, limit)
            file.write(piece)
    if written != member.size:
        raise InputError(f"{archive} is damaged or cut short (in {member.name!r}): fetch it again")
    return written


def _require_space(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted > free - RESERVE:
        raise InputError(
            f"{folder}: unpacking needs {wanted / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free"
        )


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and (parts[0] == LITTER[0] or parts[-1] == LITTER[1])


def _too_large(archive: Path, limit: int) -> InputError:
    return InputError(
        f"{archive} would unpack to more than {RATIO} times its size: it is not an audio archive"
    )
