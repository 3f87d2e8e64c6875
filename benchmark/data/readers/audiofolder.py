"""Folders of audio with a table of metadata, as the `audiofolder` of Hugging Face describes them.

A file metadata.csv, metadata.jsonl or metadata.parquet (or meta.csv, labels.csv) lies in the root
or in each folder of a split; its column file_name is relative to it. Classes come from a column or
from the names of folders.
"""

from __future__ import annotations

import posixpath
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.log import warn_once
from benchmark.data.protocol import Protocol
from benchmark.data.readers import arrow_tables
from benchmark.data.readers.common import Hints, Reader, audio_below, protocol
from benchmark.data.readers.folders import said_by_folders
from benchmark.data.readers.tables import SYNONYMS, json_table, named, renamed, text_table
from benchmark.data.readers.tree import places

NAMES = (
    "metadata.csv",
    "metadata.tsv",
    "metadata.jsonl",
    "metadata.parquet",
    "meta.csv",
    "labels.csv",
)
_BY_FOLDER = "class by folder"


def tables(root: Path) -> list[Path]:
    """Return the metadata files; of two in one folder the first of `NAMES`."""
    if not root.is_dir():
        return []
    return [*{file.parent: file for file in reversed(places(root, *NAMES))}.values()][::-1]


def _audiofolder(root: Path, hints: Hints) -> Protocol | None:
    files = tables(root)
    parts = [_part(file, root, hints) for file in files]
    kept = [part for part in parts if part is not None]
    if not kept:
        return None
    table = pd.concat(kept, ignore_index=True).fillna("")
    by_folder = table.pop(_BY_FOLDER).any()
    if by_folder and table["label"].nunique() == 1:
        return None  # a part of a corpus: a word in its path does not make it a data set
    found = protocol(root.resolve().name, hints.audio_root or root, table, files[0])
    unlisted = 0 if hints.audio_root else _unlisted(found)
    if unlisted and by_folder:  # the folders alone say more
        warn_once(f"{files[0]} is not read: it does not list {unlisted} audio files")
        return None
    if unlisted:
        warn_once(
            f"{root}: audio files that {files[0].name} does not list are not read: {unlisted}"
        )
    return found


def _unlisted(found: Protocol) -> int:
    listed = set(found.table["path"])
    there = (file.relative_to(found.root).as_posix() for file in audio_below(found.root))
    return sum(path not in listed for path in there)


def _part(file: Path, root: Path, hints: Hints) -> pd.DataFrame | None:
    """Read one metadata file; None if it does not name audio files and their classes."""
    try:
        table = _read(file)
    except InputError:
        if file.name.startswith("metadata."):
            return None if file.suffix == ".csv" and not _names_files(file) else _read(file)
        return None
    lower = {column.casefold() for column in table.columns}
    if not lower & {"path", *SYNONYMS["path"]}:
        return None
    base = hints.audio_root or file.parent
    near = "" if hints.audio_root else file.parent.relative_to(root).as_posix()
    near = "" if near == "." else near
    own = _names_classes(table, file, hints, near)
    had = ", ".join(table.columns)
    if not own:  # replaced below by what the folders say
        table = renamed(table, file).assign(label="bonafide")
    table = named(table, file, hints if own else Hints(audio_root=hints.audio_root), base)
    table["path"] = [posixpath.join(near, path) for path in table["path"]]
    if near and "utterance_id" not in lower:
        table["utterance_id"] = [posixpath.join(near, uid) for uid in table["utterance_id"]]
    folders = said_by_folders(table["path"].tolist(), hints.words, file, both=own)
    if not own:
        if any(label is None for label, _ in folders):
            if "file_name" not in lower:
                return None
            raise InputError(
                f"{file}: missing column label, and the folders do not say the classes; has {had}"
            )
        table["label"] = [label for label, _ in folders]
    if "split" not in table and any(split for _, split in folders):
        table["split"] = [split or "other" for _, split in folders]
    return table.assign(**{_BY_FOLDER: not own})


def _names_classes(table: pd.DataFrame, file: Path, hints: Hints, near: str) -> bool:
    """Return True if a table has labels that are classes, or that the folders do not replace."""
    own = renamed(table, file)
    if "label" not in own:
        return False
    if all(hints.words.class_of(word) for word in own["label"].unique()):
        return True
    paths = [posixpath.join(near, path.replace("\\", "/")) for path in own["path"]]
    folders = said_by_folders(paths, hints.words, file)
    return not all(label for label, _ in folders)


def _read(file: Path) -> pd.DataFrame:
    if file.suffix == ".parquet":
        return arrow_tables.plain_table(file)
    return json_table(file) if file.suffix == ".jsonl" else text_table(file)


def _names_files(file: Path) -> bool:
    """Return True if the header says that a table is one of `audiofolder`."""
    try:
        with file.open("rb") as handle:
            return b"file_name" in handle.readline(4096)
    except OSError:
        return False


READERS = (Reader("audiofolder", _audiofolder, elsewhere=True),)
