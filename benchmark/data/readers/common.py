"""Functions shared by the readers: finding folders, files and audio."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark.audio.endings import is_audio
from benchmark.core.log import warn_once
from benchmark.data.layouts import LAYOUTS
from benchmark.data.protocol import Protocol, validated
from benchmark.data.readers.words import Vocabulary


@dataclass(frozen=True)
class Hints:
    """User options about a data set, in addition to its path.

    `pattern` is a regular expression with named groups over relative paths. `labels` maps the data
    set's own class names to `bonafide` and `spoof`. `audio_root` is the folder that contains the
    audio, where that is not the folder of the table.
    """

    pattern: str = ""
    labels: Mapping[str, str] | None = None
    audio_root: Path | None = None

    @property
    def words(self) -> Vocabulary:
        """The words for the two classes."""
        return Vocabulary(self.labels or {})


@dataclass(frozen=True)
class Reader:
    """A layout by its name in `LAYOUTS`, and the function that reads it.

    `read` returns None if the layout is absent and raises `InputError` if it is present but broken.
    `marks` only detects a layout; corpora that are often kept in one folder have it. `elsewhere`
    tells that the audio may lie in another folder, `Hints.audio_root`.
    """

    name: str
    read: Callable[[Path, Hints], Protocol | None]
    marks: Callable[[Path], Sequence[Path]] | None = None
    elsewhere: bool = False

    @property
    def wants(self) -> str:
        """The files that mark this layout, in words."""
        return LAYOUTS[self.name]


def locate(root: Path, *names: str) -> Path | None:
    """Return the first of `names` in `root` or in a folder directly below it; None without one."""
    if not root.is_dir():
        return None
    for folder in (root, *sorted(p for p in root.iterdir() if p.is_dir())):
        for name in names:
            if (folder / name).exists():
                return folder / name
    return None


def walk(root: Path) -> Iterator[Path]:
    """Yield every file below `root`, sorted; follow links, but enter no folder twice.

    A file whose name is not UTF-8 is left out with a warning.

    Folders that contain `root` are not entered either: a link to one is a loop and leads to files
    outside the data set.
    """
    seen = {str(above) for above in root.resolve().parents}
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        odd = [name for name in names if not _is_text(f"{folder}/{name}")]
        if odd:
            warn_once(
                f"{folder}: {len(odd)} of its files are left out, because no table can hold their"
                f" names, which are not UTF-8: {odd[0]!r}"
            )
        yield from (Path(folder, name) for name in sorted(set(names).difference(odd)))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def protocol(name: str, root: Path, table: pd.DataFrame, source: Path) -> Protocol:
    """Return the validated protocol of a corpus; see `validated` for the errors."""
    return Protocol(name=name, root=root, table=validated(table, source, root))


def audio_below(folder: Path) -> list[Path]:
    """Return the audio files below a folder, sorted."""
    return [file for file in walk(folder) if is_audio(file)]
