"""Hugging Face data sets as they lie on disk: Parquet from the hub, Arrow from `save_to_disk`.

The audio is a column of files inside, which are unpacked once (see `unpacking`), or the rows name
files. Only pyarrow is needed; `launderbench data fetch` needs the extra `hub`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.cleaning import AUDIO_ROOT, clean_paths
from benchmark.data.protocol import DEFAULTS, Protocol
from benchmark.data.readers.common import Hints, Reader, protocol
from benchmark.data.readers.hub_files import audio_column, has_utterances, shards, warn_of_code
from benchmark.data.readers.tables import class_of, clean_table, renamed, split_of
from benchmark.data.readers.unpacking import INNER, unpacked
from benchmark.data.readers.words import split_in


def _hub(root: Path, hints: Hints) -> Protocol | None:
    return read(root, hints, root.resolve().name)


def read(root: Path, hints: Hints, name: str) -> Protocol | None:
    """Return the protocol of a data set of Parquet or Arrow files; None if there is none.

    The column `label_word` keeps the data set's own word for the class.
    """
    files = shards(root)
    if not files:
        return None
    audio = audio_column(files[0].path)
    if not has_utterances(files[0].path, audio):
        if audio:
            raise InputError(
                f"{files[0].path} has audio in the column {audio!r}, but no column label"
            )
        return None
    for shard in files[1:]:
        if audio_column(shard.path) != audio:
            raise InputError(
                f"{shard.path} has no column {audio!r}, unlike {files[0].path.name}: give the"
                " folder of one configuration"
            )
    if audio and hints.audio_root is not None:
        raise InputError(
            f"{root} has its audio inside {files[0].path.name} and the like: leave out {AUDIO_ROOT}"
        )
    warn_of_code(root)
    folder, table = unpacked(root, files, audio)
    if table.empty:
        raise InputError(f"{root} holds no utterance")
    table = renamed(clean_table(table.fillna(""), root), root)
    if not audio:
        folder = hints.audio_root or root
        table["path"] = clean_paths(table["path"].tolist(), folder)
    if "label" not in table:
        raise InputError(f"{root}: missing column label; has {', '.join(table.columns)}")
    table["label_word"] = table["label"]
    table["label"] = class_of(table["label"], root, hints.words)
    table["split"] = _splits(table)
    table["utterance_id"] = _ids(table)
    return protocol(name, folder, table.drop(columns=[INNER], errors="ignore"), root)


def _splits(table: pd.DataFrame) -> pd.Series:
    """Return the split of each row: by its own column, else by its file, else test."""
    if "split" in table:
        return split_of(table["split"])
    known = {word: split_in(word) or DEFAULTS["split"] for word in table["hub_split"].unique()}
    return table["hub_split"].map(known)


def _ids(table: pd.DataFrame) -> pd.Series:
    """Return ids: the data set's own, else its names of the files; with the split if they recur."""
    for column in ("utterance_id", INNER, "path"):
        if column not in table or (table[column] == "").any():
            continue
        ids = table[column]
        if ids.duplicated().any():
            ids = table["hub_split"] + "/" + ids
        if not ids.duplicated().any():
            return ids
    return table["path"]


READERS = (Reader("hub", _hub, elsewhere=True),)
