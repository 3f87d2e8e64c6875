"""The protocol of a data set: one table of utterances, its validation and its digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.audio_identity import AudioSketch
from benchmark.data.cleaning import (
    clean_paths,
    is_outside,
    lines_with,
    outside,
    place,
    plainly_clean,
    stripped,
)

LABELS = ("bonafide", "spoof")
NO_VERSION = "-"  # of a data set that states none
OTHER = "other"  # utterances that belong to no split (progress and hidden subsets)
SPLITS = ("train", "dev", "test", OTHER)
REQUIRED = ("utterance_id", "path", "label")
DEFAULTS = {"speaker": "-", "spoof_system": "-", "split": "test", "source": "-", "track": "-"}
MADE = "made:"  # prefix of the columns with paths of ready-made laundered audio
DURATION = "duration"  # a column in seconds; a run adds it if the data set has none
ABSENT = "-"  # in a `made:` column: the data set has no such audio of the utterance
NO_RECIPE = "-"
PROTOCOL_FILE = "protocol.csv"
CARD_FILE = "card.json"
SHORT_DIGEST = 12  # hex digits of a trial digest in captions and citations, to match the two


@dataclass(frozen=True)
class Protocol:
    """The utterances of a data set.

    `table` has the columns utterance_id, path (relative to `root`), label (bonafide or spoof),
    speaker, spoof_system, split (train, dev, test or other), source and track. Further columns are
    kept; `pair` names the recording of which an utterance is a copy and is used in training.
    Columns `made:NAME` hold paths of the same utterances, laundered by the authors of the data set.
    A bona fide utterance belongs to every track. `headline` is the track on which the leaderboard
    ranks (`-`: the data set has no tracks). Rows are sorted by utterance_id. `recipe` is the digest
    of the build recipe of a data set that is built on each machine. It identifies the data set in
    place of its files, whose bits may differ between machines (`-`: the files identify it).
    `audio_digest` and `audio_sketch` describe decoded samples where they were measured.
    """

    name: str
    root: Path
    table: pd.DataFrame
    version: str = NO_VERSION
    headline: str = "-"
    audio_digest: str = "-"
    audio_sketch: AudioSketch | None = None
    systems_left_out: tuple[str, ...] = field(default=())
    recipe: str = NO_RECIPE

    def split(self, name: str) -> Protocol:
        """Return the protocol of one split."""
        return replace(self, table=self.table[self.table["split"] == name].reset_index(drop=True))

    def digest(self) -> str:
        """Return the trial digest of these utterances."""
        return trial_digest(self.table)

    def made(self) -> list[str]:
        """Return the names of the conditions for which the data set has ready-made audio."""
        return [c.removeprefix(MADE) for c in self.table.columns if c.startswith(MADE)]

    def tracks(self) -> list[str]:
        """Return the names of the tracks, the headline first; `['-']` if there are none."""
        spoof = self.table.loc[self.table["label"] == "spoof", "track"]
        names = sorted(set(spoof) - {self.headline})
        return [self.headline, *names] if self.headline in set(spoof) else names


def trial_digest(table: pd.DataFrame) -> str:
    """Return the SHA-256 (hex) over the sorted (utterance_id, label) pairs, without the audio."""
    rows = sorted(zip(table["utterance_id"], table["label"], strict=True))
    text = "".join(f"{uid}\t{label}\n" for uid, label in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def validated(table: pd.DataFrame, source: Path, root: Path | None = None) -> pd.DataFrame:
    """Return the table with defaults filled in, ids and paths cleaned, sorted by utterance id.

    `root` is the folder of the audio: paths inside it become relative. Raises `InputError` naming
    `source` and the row for missing columns, duplicate ids, unknown labels or splits, paths outside
    the data folder, and a path under both labels.
    """
    missing = [c for c in REQUIRED if c not in table.columns]
    if missing:
        raise InputError(
            f"{source}: missing column {', '.join(missing)}; has {list(table.columns)}"
        )
    if table.empty:
        raise InputError(f"{source} holds no utterance")
    table = table.assign(**{c: v for c, v in DEFAULTS.items() if c not in table.columns})
    table = (
        table.replace("", None)
        .fillna({**DEFAULTS, "utterance_id": "", "label": "", "path": ""})
        .fillna("-")
    )
    table = table.assign(utterance_id=stripped(table["utterance_id"]))
    _require_ids(table, source)
    for column in table.columns:
        if column == "path" or column.startswith(MADE):
            table[column] = _inside(table, column, source, root)
    for column, allowed in (("label", LABELS), ("split", SPLITS)):
        bad = ~table[column].isin(allowed)
        if bad.any():
            at = int(bad.to_numpy().argmax())
            uid, word = table["utterance_id"].iloc[at], table[column].iloc[at]
            raise InputError(
                f"{place(source, at, uid)}: {column} of {uid!r} is {word!r};"
                f" expected {' or '.join(allowed)}"
            )
    _require_one_label(table, source)
    return table.sort_values("utterance_id", kind="stable").reset_index(drop=True)


def _require_ids(table: pd.DataFrame, source: Path) -> None:
    """Raise `InputError` for a row without an id, and for two rows with one."""
    ids = table["utterance_id"]
    if (empty := ids == "").any():
        row = int(empty.to_numpy().argmax())
        raise InputError(f"{source}: row {row + 1} has no utterance_id")
    twice = ids[ids.duplicated()]
    if len(twice):
        if (twice == table.loc[twice.index, "path"]).all():  # the paths are the ids
            _require_one_label(table, source)
        raise InputError(
            f"{source}: two utterances have the id {twice.iloc[0]!r}{_lines(source, twice.iloc[0])}"
        )


def _inside(table: pd.DataFrame, column: str, source: Path, root: Path | None) -> list[str]:
    """Return clean paths; raise `InputError` for one that is empty or outside the data folder."""
    given = table[column].tolist()
    if plainly_clean(given):
        return given
    paths = clean_paths(given, root or source.parent)
    for row, path in enumerate(paths):
        if not path or "\0" in path:
            uid = table["utterance_id"].iloc[row]
            raise InputError(f"{place(source, row, uid)}: the utterance {uid!r} has no path")
        if is_outside(path):
            uid = table["utterance_id"].iloc[row]
            raise outside(path, place(source, row, given[row], uid))
    return paths


def _require_one_label(table: pd.DataFrame, source: Path) -> None:
    """Raise `InputError` if one file is listed under both labels."""
    shared = table[table["path"].duplicated(keep=False)]
    if shared.empty:
        return
    mixed = shared.groupby("path")["label"].nunique()
    mixed = mixed[mixed > 1]
    if len(mixed):
        path = str(mixed.index[0])
        rows = shared[shared["path"] == path].drop_duplicates("label")
        said = " and ".join(
            f"{label} ({uid})"
            for uid, label in zip(rows["utterance_id"], rows["label"], strict=True)
        )
        raise InputError(
            f"{source}: the path {path!r} is listed as {said}{_lines(source, path)}: remove the"
            " wrong one"
        )


def _lines(source: Path, cell: str) -> str:
    """Return the lines of a cell that stands twice in a text file, in words."""
    found = lines_with(source, cell, most=2) if source.is_file() else []
    return f" (lines {found[0]} and {found[1]})" if len(found) == 2 else ""


def require_both_classes(protocol: Protocol, subset: str) -> None:
    """Raise `InputError`, which names the `subset`, if the protocol lacks a class."""
    counts = protocol.table["label"].value_counts()
    for label in LABELS:
        if counts.get(label, 0) == 0:
            raise InputError(f"{subset} of {protocol.root} has no {label} utterance")
