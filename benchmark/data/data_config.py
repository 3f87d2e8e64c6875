"""The data set that a command works on, as a value, and the utterances that it takes from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data import embedded, loading
from benchmark.data.protocol import LABELS, NO_RECIPE, Protocol
from benchmark.data.trial_table import limited

ALL = "all"


@dataclass(frozen=True)
class DataConfig:
    """A data set and how to read it.

    path       : folder of a known layout, or a table of files; None for the embedded data set. A
                 URL is one of a table, or of a folder with `protocol.csv`
    layout     : name of its layout; '' if its marks are to tell
    pattern    : regular expression over relative paths, with named groups such as `label`
    labels     : the data set's own words for bonafide and spoof
    audio_root : folder that contains the audio, if it does not lie with the table or protocol;
                 or its URL
    """

    path: Path | None = None
    layout: str = ""
    pattern: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    audio_root: Path | None = None

    def __post_init__(self) -> None:
        for word, label in self.labels.items():
            if label not in LABELS:
                raise InputError(
                    f"--labels: want WORD=bonafide or WORD=spoof, not {f'{word}={label}'!r}"
                )

    @property
    def embedded(self) -> bool:
        """True for the embedded data set."""
        return self.path is None

    def open(self) -> Protocol:
        """Return the protocol; `InputError` if the data set is absent or cannot be read."""
        if self.path is None:
            return embedded.read()
        return loading.open_data(
            self.path,
            layout=self.layout,
            pattern=self.pattern,
            labels=self.labels or None,
            audio_root=self.audio_root,
        )


EMBEDDED = DataConfig()


def evaluated(whole: Protocol, limit: int | None) -> tuple[Protocol, Protocol]:
    """Return the test and the dev utterances of a run, at most `limit` of each."""
    test, dev = whole.split("test"), whole.split("dev")
    if limit is not None:
        test = limited(test, limit)
        dev = limited(dev, limit) if len(dev.table) else dev
    return test, dev


def utterances(data: DataConfig, split: str, limit: int | None) -> Protocol:
    """Return the utterances of a split (`all` for every split), at most `limit` of each.

    Raises `InputError` if there are none, or if they are of the embedded set and not built.
    """
    whole = data.open()
    names = whole.table["split"].unique() if split == ALL else [split]
    parts = [whole.split(name) for name in names]
    if limit is not None:
        parts = [limited(part, limit) if len(part.table) else part for part in parts]
    table = pd.concat([part.table for part in parts], ignore_index=True)
    if table.empty:
        raise InputError(f"{whole.root} holds no {split} utterance")
    return with_audio(replace(whole, table=table.sort_values("utterance_id", ignore_index=True)))


def with_audio(protocol: Protocol) -> Protocol:
    """Return the protocol; `InputError` if it is of the embedded set and audio is not built."""
    if protocol.recipe != NO_RECIPE:
        embedded.require(protocol)
    return protocol
