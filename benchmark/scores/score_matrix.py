"""From a run's rows of scores to arrays per track, detector and condition, with checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.core.errors import InputError
from benchmark.data.protocol import LABELS, Protocol, trial_digest
from benchmark.metrics import bootstrap
from benchmark.metrics.discrimination import Bools, Floats, Places
from benchmark.scores.run_results import SCORE_COLUMNS, RunResults

WHOLE = "-"  # the track of a data set without tracks: every trial


@dataclass(frozen=True)
class Trials:
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


def check(results: RunResults) -> None:
    """Refuse a run that no table can be made of; `InputError` names what and where."""
    names = [info.condition for info in results.conditions]
    if CLEAN not in names:
        raise InputError(f"the run plans no {CLEAN} condition; has {names or 'none'}")
    if not results.detectors:
        raise InputError("the run plans no detector")
    scores = results.scores
    missing = [c for c in SCORE_COLUMNS if c not in scores.columns]
    if missing:
        raise InputError(f"the scores lack the column {', '.join(missing)}")
    if not (scores["split"] == "test").any():
        raise InputError("the run holds no test scores yet: nothing to report")
    for column, known in (("detector", results.detectors), ("condition", names)):
        stray = scores.loc[_numbers(scores[column], known) < 0, column]
        if len(stray):
            raise InputError(f"scores of {column} {stray.iloc[0]!r}, which the plan does not hold")
    finite = np.isfinite(scores["score"].to_numpy(dtype=np.float64))
    if not finite.all():
        bad = scores.loc[~finite]
        raise InputError(
            f"{len(bad)} scores are not finite; first: {bad['score'].iloc[0]} {_where(bad)}"
        )


def _where(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    return (
        f"for {row['split']} utterance {row['utterance_id']!r}, detector {row['detector']!r},"
        f" condition {row['condition']!r}"
    )


def _numbers(column: pd.Series, known: Sequence[str]) -> Places:
    """The place of each value among `known`, -1 where it is not there; fast on categories."""
    values = pd.Categorical(column)
    places = pd.Index(known).get_indexer(pd.Index(values.categories))
    return np.append(places, -1)[values.codes]


def score_cube(results: RunResults, split: str) -> Floats:
    """Scores (detectors, conditions, utterances of the split), in plan order; NaN = not scored.

    `InputError` where a score is of another trial, or a trial is scored twice.
    """
    protocol = results.protocol if split == "test" else results.dev
    names = [info.condition for info in results.conditions]
    ids = protocol.table["utterance_id"].tolist()
    rows = results.scores[(results.scores["split"] == split).to_numpy()]
    utterance = _numbers(rows["utterance_id"], ids)
    if (utterance < 0).any():
        raise InputError(
            f"{int((utterance < 0).sum())} scores are of trials outside the {split} set; first:"
            f" {_where(rows[utterance < 0])}"
        )
    shape = (len(results.detectors), len(names), len(ids))
    detector = _numbers(rows["detector"], results.detectors)
    flat = (detector * shape[1] + _numbers(rows["condition"], names)) * shape[2] + utterance
    cube = np.full(np.prod(shape), np.nan)
    cube[flat] = rows["score"].to_numpy(dtype=np.float64)
    if np.count_nonzero(~np.isnan(cube)) < flat.size:
        twice = rows.loc[pd.Series(flat).duplicated().to_numpy()]
        raise InputError(f"{len(twice)} trials are scored twice; first: {_where(twice)}")
    return cube.reshape(shape)


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


def trials(protocol: Protocol, track: str, resamples: int) -> Trials:
    """The trial set of a track with its resamples; `InputError` where it lacks a class."""
    rows = track_rows(protocol, track)
    table = protocol.table.iloc[rows].reset_index(drop=True)
    for label in LABELS:
        if not (table["label"] == label).any():
            raise InputError(f"track {track!r} of {protocol.name} has no {label} utterance")
    bonafide = (table["label"] == "bonafide").to_numpy(dtype=np.bool_)
    digest = trial_digest(table)
    draws = bootstrap.resample(bootstrap.clusters(table), bonafide, digest, resamples)
    return Trials(track, rows, bonafide, digest, draws)
