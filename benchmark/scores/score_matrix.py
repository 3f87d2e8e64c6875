"""Checks of a run's score rows, and their array (detectors, conditions, utterances)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.core.errors import InputError
from benchmark.metrics.discrimination import Floats, Places
from benchmark.scores.run_results import SCORE_COLUMNS, RunResults


def check(results: RunResults) -> None:
    """Raise `InputError` if the tables cannot be computed from the scores of this run."""
    names = [info.condition for info in results.conditions]
    if CLEAN not in names:
        raise InputError(f"the run's plan has no {CLEAN} condition, only {names or 'none'}")
    if not results.detectors:
        raise InputError("the run's plan has no detector")
    scores = results.scores
    missing = [c for c in SCORE_COLUMNS if c not in scores.columns]
    if missing:
        raise InputError(f"the scores lack the column {', '.join(missing)}")
    if not (scores["split"] == "test").any():
        causes = results.failures["cause"].tolist()[:1]
        why = f": the first of {len(results.failures)} failures is: {causes[0]}" if causes else ""
        raise InputError(f"the run holds no test scores yet, so there is nothing to report{why}")
    for column, known in (("detector", results.detectors), ("condition", names)):
        stray = scores.loc[_indices(scores[column], known) < 0, column]
        if len(stray):
            raise InputError(
                f"the run holds scores of {column} {stray.iloc[0]!r}, which is not in its plan"
            )
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


def _indices(column: pd.Series, known: Sequence[str]) -> Places:
    """Return the index of each value in `known`, or -1; fast for categorical columns."""
    values = pd.Categorical(column)
    places = pd.Index(known).get_indexer(pd.Index(values.categories))
    return np.append(places, -1)[values.codes]


def score_cube(results: RunResults, split: str) -> Floats:
    """Return the scores (detectors, conditions, utterances of the split), in plan order.

    NaN = not scored. Raises `InputError` if a score belongs to a trial outside the split, or if a
    trial is scored twice.
    """
    protocol = results.protocol if split == "test" else results.dev
    names = [info.condition for info in results.conditions]
    ids = protocol.table["utterance_id"].tolist()
    rows = results.scores[(results.scores["split"] == split).to_numpy()]
    utterance = _indices(rows["utterance_id"], ids)
    if (utterance < 0).any():
        raise InputError(
            f"{int((utterance < 0).sum())} scores belong to trials outside the {split} set; first:"
            f" {_where(rows[utterance < 0])}"
        )
    shape = (len(results.detectors), len(names), len(ids))
    detector = _indices(rows["detector"], results.detectors)
    flat = (detector * shape[1] + _indices(rows["condition"], names)) * shape[2] + utterance
    cube = np.full(np.prod(shape), np.nan)
    cube[flat] = rows["score"].to_numpy(dtype=np.float64)
    if np.count_nonzero(~np.isnan(cube)) < flat.size:
        duplicates = rows.loc[pd.Series(flat).duplicated().to_numpy()]
        raise InputError(f"{len(duplicates)} trials are scored twice; first: {_where(duplicates)}")
    return cube.reshape(shape)
