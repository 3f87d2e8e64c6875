"""A run whose scores and effects are data frames in memory: small ones, made by hand or by code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.metrics.discrimination import Floats, Places
from benchmark.scores.cell_source import CellSource
from benchmark.scores.run_results import SCORE_COLUMNS, ConditionInfo, RunResults
from benchmark.scores.score_matrix import ScoreGrid


class FrameSource(CellSource):
    """The rows of two data frames, with `SCORE_COLUMNS` and `EFFECT_COLUMNS`, in any order.

    The first reading of scores raises `InputError` if a column is absent or if a detector or a
    condition is not in the plan.
    """

    def __init__(
        self,
        score_rows: pd.DataFrame,
        effect_rows: pd.DataFrame,
        conditions: Sequence[str],
        detectors: Sequence[str],
        utterances: Mapping[str, Sequence[str]],
    ) -> None:
        """Take the rows and the plan; `utterances` are those of each split, in protocol order."""
        self.score_rows = score_rows
        self.effect_rows = effect_rows
        self._conditions = conditions
        self._detectors = detectors
        self._utterances = utterances

    def scores(self, split: str, condition: str) -> Floats:
        """Return the scores (detectors, utterances of the split)."""
        grid = ScoreGrid(split, condition, self._detectors, self._utterances[split])
        rows = self.score_rows.iloc[self._score_places.get((split, condition), [])]
        detector = _places(rows["detector"], grid.detectors)
        utterance = _places(rows["utterance_id"], grid.utterances)
        strange = rows.loc[utterance < 0, "utterance_id"].tolist()
        if strange:
            raise grid.outside(strange)
        return grid.filled(detector, utterance, rows["score"].to_numpy(dtype=np.float64))

    def effects(self, condition: str) -> pd.DataFrame:
        """Return the rows of the condition."""
        return self.effect_rows.iloc[self._effect_places.get(condition, [])]

    @cached_property
    def _score_places(self) -> dict[Any, Any]:
        """The numbers of the rows of each split and condition."""
        rows = self.score_rows
        missing = [name for name in SCORE_COLUMNS if name not in rows.columns]
        if missing:
            raise InputError(f"the scores lack the column {', '.join(missing)}")
        for column, known in (("detector", self._detectors), ("condition", self._conditions)):
            stray = rows.loc[_places(rows[column], known) < 0, column]
            if len(stray):
                raise InputError(
                    f"the run holds scores of {column} {stray.iloc[0]!r}, which is not in its plan"
                )
        return {**rows.groupby(["split", "condition"], sort=False, observed=True).indices}

    @cached_property
    def _effect_places(self) -> dict[Any, Any]:
        """The numbers of the rows of each condition."""
        return {**self.effect_rows.groupby("condition", sort=False, observed=True).indices}


def run_of_frames(
    *,
    scores: pd.DataFrame,
    effects: pd.DataFrame,
    protocol: Protocol,
    dev: Protocol,
    conditions: tuple[ConditionInfo, ...],
    detectors: tuple[str, ...],
    **fields: Any,
) -> RunResults:
    """Return a run with these rows as its source; `fields` are the other fields of `RunResults`."""
    utterances = {
        "test": protocol.table["utterance_id"].tolist(),
        "dev": dev.table["utterance_id"].tolist(),
    }
    names = [info.condition for info in conditions]
    return RunResults(
        protocol=protocol,
        dev=dev,
        conditions=conditions,
        detectors=detectors,
        source=FrameSource(scores, effects, names, detectors, utterances),
        **fields,
    )


def _places(column: pd.Series, known: Sequence[str]) -> Places:
    """Return the index of each value in `known`, or -1; fast for categorical columns."""
    values = pd.Categorical(column)
    places = pd.Index(known).get_indexer(pd.Index(values.categories))
    return np.append(places, -1)[values.codes]
