"""The protocol of a data set: one table of utterances, its validation and its digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.audio_identity import AudioSketch

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


def validated(table: pd.DataFrame, source: Path) -> pd.DataFrame:
    """Return the table with defaults filled in, sorted by utterance id.

    Raises `InputError` naming `source` and the row for missing columns, duplicate ids, unknown
    labels or splits, and paths outside the data folder.
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
        .fillna({**DEFAULTS, "label": "", "path": ""})
        .fillna("-")
        .sort_values("utterance_id", kind="stable")
    )
    for column in table.columns:
        if column == "path" or column.startswith(MADE):
            table[column] = [_inside(path, source) for path in table[column].tolist()]
    twice = table.loc[table["utterance_id"].duplicated(), "utterance_id"]
    if len(twice):
        raise InputError(f"{source}: two utterances have the id {twice.iloc[0]!r}")
    for column, allowed in (("label", LABELS), ("split", SPLITS)):
        bad = table.loc[~table[column].isin(allowed)]
        if len(bad):
            row = bad.iloc[0]
            raise InputError(
                f"{source}: {column} of {row['utterance_id']!r} is {row[column]!r};"
                f" expected {' or '.join(allowed)}"
            )
    return table.reset_index(drop=True)


def _inside(path: str, source: Path) -> str:
    """Return `path`; raise `InputError` if it is empty or points outside the data folder."""
    if not path:
        raise InputError(f"{source}: an utterance has no path")
    if path[0] in "/\\" or path[1:2] == ":" or ".." in path.replace("\\", "/").split("/"):
        raise InputError(f"{source}: the path {path!r} points outside the data folder")
    return path


def require_both_classes(protocol: Protocol, subset: str) -> None:
    """Raise `InputError`, which names the `subset`, if the protocol lacks a class."""
    counts = protocol.table["label"].value_counts()
    for label in LABELS:
        if counts.get(label, 0) == 0:
            raise InputError(f"{subset} of {protocol.root} has no {label} utterance")
