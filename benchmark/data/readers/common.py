"""Functions shared by the readers: finding files, parsing tables, class and split names."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.layouts import LAYOUTS
from benchmark.data.protocol import Protocol, validated

CLASS_WORDS: Mapping[str, frozenset[str]] = {
    "bonafide": frozenset(
        (
            "bonafide",
            "bona-fide",
            "bona_fide",
            "bona fide",
            "genuine",
            "real",
            "human",
            "authentic",
            "original",
        )
    ),
    "spoof": frozenset(("spoof", "spoofed", "fake", "deepfake", "synthetic", "generated")),
}
SPLIT_WORDS: Mapping[str, frozenset[str]] = {
    "train": frozenset(("train", "training", "trn")),
    "dev": frozenset(("dev", "development", "val", "valid", "validation")),
    "test": frozenset(("test", "testing", "eval", "evaluation")),
}


@dataclass(frozen=True)
class Hints:
    """User options about a data set, in addition to its path.

    `pattern` is a regular expression with named groups over relative paths. `labels` maps the data
    set's own class names to `bonafide` and `spoof`.
    """

    pattern: str = ""
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Reader:
    """A layout by its name in `LAYOUTS`, and the function that reads it.

    `read` returns None if the layout is absent and raises `InputError` if it is present but broken.
    `marks` only detects a layout; corpora that are often kept in one folder have it.
    """

    name: str
    read: Callable[[Path, Hints], Protocol | None]
    marks: Callable[[Path], Sequence[Path]] | None = None

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


def places(root: Path, *names: str) -> list[Path]:
    """Return all of `names` in `root`, else those in its subfolders, else one level deeper.

    Archives and mirrors unpack corpora in this way, some of them in a folder within a folder.
    """
    for above in ("", "*/", "*/*/"):
        found = [path for name in names for path in sorted(root.glob(f"{above}{name}"))]
        if found:
            return found
    return []


def walk(root: Path) -> Iterator[Path]:
    """Yield every file below `root`, sorted; follow links, but enter no folder twice.

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
        for name in sorted(names):
            yield Path(folder, name)


def table_of(file: Path, separator: str) -> pd.DataFrame:
    """Read a table with a header, all columns as text; `InputError` names file and cause."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                file,
                sep=separator,
                dtype=str,
                keep_default_na=False,
                encoding="utf-8-sig",
                index_col=False,  # else a first row with too many cells shifts every column
            )
    except pd.errors.ParserWarning as error:
        raise InputError(f"{file}: rows have more columns than the header") from error
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{file} is empty") from error
    except (ValueError, OSError) as error:
        raise InputError(
            f"{file} cannot be read as a table ({' '.join(str(error).split())})"
        ) from error


def columns_of(file: Path, names: tuple[str, ...]) -> pd.DataFrame:
    """Read a protocol without header, columns separated by whitespace, all as text.

    Raises `InputError` naming the file and, for a row with too few columns, its line.
    """
    try:
        table = pd.read_csv(
            file, sep=r"\s+", header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{file} is empty") from error
    except (ValueError, OSError) as error:
        raise InputError(f"{file} cannot be read ({' '.join(str(error).split())})") from error
    if table.shape[1] != len(names):
        wanted = ", ".join(names)
        raise InputError(f"{file} has {table.shape[1]} columns, not {len(names)}: {wanted}")
    short = (table == "").any(axis=1).to_numpy()
    if short.any():
        raise InputError(f"{file}: line {short.argmax() + 1} has fewer than {len(names)} columns")
    table.columns = pd.Index(names)
    return table


def class_of(words: pd.Series, source: Path, labels: Mapping[str, str] | None = None) -> pd.Series:
    """Map each word to `bonafide` or `spoof`; `InputError` names one that is neither.

    0 and 1 mean opposite classes in different corpora, so they are refused without `labels`.
    """
    known = {word: label for label, own in CLASS_WORDS.items() for word in own}
    if labels:
        known = {word.lower(): label for word, label in labels.items()}
    lower = words.str.strip().str.lower()
    strange = lower[~lower.isin(list(known))]
    if len(strange):
        word = words[strange.index[0]]
        raise InputError(
            f"{source}: the label {word!r} is neither bona fide nor spoof;"
            f" use --labels '{word or 'WORD'}=spoof,...' to map the data set's own class names"
        )
    return lower.map(known)


def split_of(words: pd.Series) -> pd.Series:
    """Map the usual split names to train, dev or test; others stay and are refused later."""
    known = {word: split for split, own in SPLIT_WORDS.items() for word in own}
    lower = words.str.strip().str.lower()
    return lower.map(known).fillna(words)


def protocol(name: str, root: Path, table: pd.DataFrame, source: Path) -> Protocol:
    """Return the validated protocol of a corpus; see `validated` for the errors."""
    return Protocol(name=name, root=root, table=validated(table, source))
