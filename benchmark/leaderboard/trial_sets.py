"""The trial set of a track, with the bootstrap resamples shared by all its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import LABELS, Protocol, trial_digest
from benchmark.metrics import bootstrap
from benchmark.metrics.discrimination import Bools, Places
from benchmark.scores.run_results import RunResults

WHOLE = "-"  # the track of a data set without tracks: all trials


@dataclass(frozen=True)
class TrialSet:
    """The trial set of one track.

    rows     : (n,), row numbers of its trials in the protocol's table
    bonafide : (n,)
    digest   : the trial digest
    draws    : the bootstrap resamples that all cells of the track share
    """

    track: str
    rows: Places
    bonafide: Bools
    digest: str
    draws: bootstrap.Resamples

    @property
    def name(self) -> str | None:
        """The track as tables name it: None for a data set without tracks."""
        return named(self.track)


def named(track: str) -> str | None:
    """Return a track as tables name it: None for a data set without tracks."""
    return None if track == WHOLE else track


def of_track(table: pd.DataFrame, track: str | float | None) -> pd.DataFrame:
    """Return the rows of one track; a missing track or `WHOLE` is that of a set without tracks."""
    if pd.isna(track) or track == WHOLE:
        return table[table["track"].isna()]
    return table[table["track"] == track]


def track_rows(protocol: Protocol, track: str) -> Places:
    """Return the row numbers of a track: all bona fide utterances and the track's spoofs."""
    table = protocol.table
    if track == WHOLE:
        return np.arange(len(table))
    chosen = (table["label"] == "bonafide") | (table["track"] == track)
    return np.flatnonzero(chosen.to_numpy())


def lost(results: RunResults, track: str) -> int:
    """Count the planned trials of a track that could not be read, and so are in no cell."""
    table = results.unreadable
    mine = (table["label"] == "bonafide") | (table["track"] == track) | (track == WHOLE)
    return int(mine.sum())


def trial_set(protocol: Protocol, track: str, resamples: int) -> TrialSet:
    """Return the trial set of a track with its resamples; `InputError` if a class is absent."""
    rows = track_rows(protocol, track)
    table = protocol.table.iloc[rows].reset_index(drop=True)
    for label in LABELS:
        if not (table["label"] == label).any():
            raise InputError(f"track {track!r} of {protocol.name} has no {label} utterance")
    bonafide = (table["label"] == "bonafide").to_numpy(dtype=np.bool_)
    digest = trial_digest(table)
    draws = bootstrap.resample(bootstrap.clusters(table), bonafide, digest, resamples)
    return TrialSet(track, rows, bonafide, digest, draws)
