"""The protocol: one table of utterances, its validation and its digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError

LABELS = ("bonafide", "spoof")
OTHER = "other"  # utterances of a corpus that serve in no split (progress and hidden subsets)
SPLITS = ("train", "dev", "test", OTHER)
REQUIRED = ("utterance_id", "path", "label")
DEFAULTS = {"speaker": "-", "spoof_system": "-", "split": "test", "source": "-", "track": "-"}
MADE = "made:"  # begins the columns with paths of audio that came laundered
DURATION = "duration"  # a column of seconds; a run fills it in where the data set has none
ABSENT = "-"  # in such a column: of this utterance there is none
PROTOCOL_FILE = "protocol.csv"
CARD_FILE = "card.json"
SHORT_DIGEST = 12  # hex digits of a trial digest in captions and citations, which are matched by it


@dataclass(frozen=True)
class Protocol:
    """The utterances of a data set.

    `table` has the columns utterance_id, path (relative to `root`), label (bonafide or spoof),
    speaker, spoof_system, split (train, dev, test or other), source and track; further columns
    survive (`pair` says which utterances are copies of one recording, for training).
    Columns `made:NAME` hold paths of the same utterances as somebody else laundered them.
    A bona fide utterance belongs to every track; `headline` is the track that the leaderboard
    ranks on (`-`: the data set has no tracks). Rows are sorted by utterance_id.
    """

    name: str
    root: Path
    table: pd.DataFrame
    version: str = "-"
    headline: str = "-"
    audio_digest: str = "-"
    systems_left_out: tuple[str, ...] = field(default=())

    def split(self, name: str) -> Protocol:
        """The utterances of one split."""
        return replace(self, table=self.table[self.table["split"] == name].reset_index(drop=True))

    def digest(self) -> str:
        """The trial digest of these utterances."""
        return trial_digest(self.table)

    def made(self) -> list[str]:
        """Names of the conditions in which the utterances come ready-made."""
        return [c.removeprefix(MADE) for c in self.table.columns if c.startswith(MADE)]

    def tracks(self) -> list[str]:
        """Names of the tracks, the headline first; `['-']` where the data set has none."""
        spoof = self.table.loc[self.table["label"] == "spoof", "track"]
        names = sorted(set(spoof) - {self.headline})
        return [self.headline, *names] if self.headline in set(spoof) else names


def trial_digest(table: pd.DataFrame) -> str:
    """SHA-256 (hex) over the sorted (utterance_id, label) pairs: not over the samples."""
    rows = sorted(zip(table["utterance_id"], table["label"], strict=True))
    text = "".join(f"{uid}\t{label}\n" for uid, label in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def validated(table: pd.DataFrame, source: Path) -> pd.DataFrame:
    """The table with defaults filled, sorted by id; `InputError` naming `source` and the row."""
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
                f" want {' or '.join(allowed)}"
            )
    return table.reset_index(drop=True)


def _inside(path: str, source: Path) -> str:
    """`path` where it stays inside the data folder; `InputError` where it leads out of it."""
    if not path:
        raise InputError(f"{source}: an utterance has no path")
    if path[0] in "/\\" or path[1:2] == ":" or ".." in path.replace("\\", "/").split("/"):
        raise InputError(f"{source}: the path {path!r} leads out of the data folder")
    return path


def require_both_classes(protocol: Protocol, what: str) -> None:
    """Refuse a set of trials in which a class is missing."""
    counts = protocol.table["label"].value_counts()
    for label in LABELS:
        if counts.get(label, 0) == 0:
            raise InputError(f"{what} of {protocol.root} has no {label} utterance")
