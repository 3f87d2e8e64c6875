"""Source of a run's scores and measured effects, which is read condition by condition.

What a condition holds is dropped before the next one is read. The memory that a report takes thus
does not grow with the number of conditions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import pandas as pd

from benchmark.metrics.discrimination import Floats

SPLITS = ("test", "dev")


class CellSource(ABC):
    """The scores and effects of the detectors and utterances of one plan.

    An implementation may keep the scores of clean test and of dev, and nothing else.
    """

    @abstractmethod
    def scores(self, split: str, condition: str) -> Floats:
        """Return the scores (detectors, utterances of the split) in plan order.

        NaN = not scored. Raises `InputError` if a score is not finite, belongs to no trial of the
        split, or if a trial is scored twice.
        """

    @abstractmethod
    def effects(self, condition: str) -> pd.DataFrame:
        """Return the checks of the test utterances, one row each, with `EFFECT_COLUMNS`."""

    def cells(self, condition: str) -> tuple[Floats, pd.DataFrame]:
        """Return the scores of the test split and the effects, read together where that is less."""
        return self.scores("test", condition), self.effects(condition)
