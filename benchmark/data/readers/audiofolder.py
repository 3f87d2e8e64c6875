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
from benchmark.data.protocol import Protocol
from benchmark.data.readers import arrow_tables
from benchmark.data.readers.common import Hints, Reader, places, protocol
from benchmark.data.readers.folders import said_by_folders
from benchmark.data.readers.tables import SYNONYMS, json_table, named, text_table

NAMES = (
    "metadata.csv",
    "metadata.tsv",
    "metadata.jsonl",
    "metadata.parquet",
    "meta.csv",
    "labels.csv",
)


def tables(root: Path) -> list[Path]:
    """Return the metadata files; of two in one folder the first of `NAMES`."""
    if not root.is_dir():
        return []
    return [*{file.parent: file for file in reversed(places(root, *NAMES))}.values()][::-1]


def _audiofolder(root: Path, hints: Hints) -> Protocol | None:
    parts = [_part(file, root, hints) for file in tables(root)]
    kept = [part for part in parts if part is not None]
    if not kept:
        return None
    base = hints.audio_root or root
    table = pd.concat(kept, ignore_index=True).fillna("")
    return protocol(root.resolve().name, base, table, tables(root)[0])


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
    own = bool(lower & {"label", *SYNONYMS["label"]})
    had = ", ".join(table.columns)
    if not own:
        table = table.assign(label="bonafide")  # replaced below by what the folders say
    table = named(table, file, hints if own else Hints(audio_root=hints.audio_root), base)
    table["path"] = [posixpath.join(near, path) for path in table["path"]]
    if near and "utterance_id" not in lower:
        table["utterance_id"] = [posixpath.join(near, uid) for uid in table["utterance_id"]]
    folders = said_by_folders(table["path"].tolist(), hints.words, file, both=own)
    if not own:
        if any(label is None for label, _ in folders):
            raise InputError(
                f"{file}: missing column label, and the folders do not say the classes; has {had}"
            )
        table["label"] = [label for label, _ in folders]
    if "split" not in table and any(split for _, split in folders):
        table["split"] = [split or "other" for _, split in folders]
    return table


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
