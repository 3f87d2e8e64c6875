"""The trial set of a track, and the bootstrap resamples that all its cells share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.core.errors import InputError
from benchmark.data.protocol import LABELS, Protocol, trial_digest
from benchmark.metrics import bootstrap
from benchmark.metrics.discrimination import Bools, Places
from benchmark.scores.run_results import RunResults

WHOLE = "-"  # the track of a data set without tracks: every trial


@dataclass(frozen=True)
class TrialSet:
    """One track's trial set.

    rows     : (n,), where its trials stand in the protocol's table
    bonafide : (n,)
    draws    : the bootstrap resamples that every cell of the track shares
    """

    track: str
    rows: Places
    bonafide: Bools
    digest: str
    draws: bootstrap.Resamples


def track_rows(protocol: Protocol, track: str) -> Places:
    """Rows of the trials of a track: all bona fide utterances and the track's spoofs."""
    table = protocol.table
    if track == WHOLE:
        return np.arange(len(table))
    chosen = (table["label"] == "bonafide") | (table["track"] == track)
    return np.flatnonzero(chosen.to_numpy())


def lost(results: RunResults, track: str) -> int:
    """How many planned trials of a track could not be read, and so are in no cell."""
    table = results.unreadable
    mine = (table["label"] == "bonafide") | (table["track"] == track) | (track == WHOLE)
    return int(mine.sum())


def trial_set(protocol: Protocol, track: str, resamples: int) -> TrialSet:
    """The trial set of a track with its resamples; `InputError` where it lacks a class."""
    rows = track_rows(protocol, track)
    table = protocol.table.iloc[rows].reset_index(drop=True)
    for label in LABELS:
        if not (table["label"] == label).any():
            raise InputError(f"track {track!r} of {protocol.name} has no {label} utterance")
    bonafide = (table["label"] == "bonafide").to_numpy(dtype=np.bool_)
    digest = trial_digest(table)
    draws = bootstrap.resample(bootstrap.clusters(table), bonafide, digest, resamples)
    return TrialSet(track, rows, bonafide, digest, draws)
