"""Scores of one split under one condition as an array, and the check of what a run holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.core.errors import InputError
from benchmark.metrics.discrimination import Floats, Places
from benchmark.scores.run_results import RunResults


@dataclass(frozen=True)
class ScoreGrid:
    """The detectors and utterances, in plan order, that one split has under one condition."""

    split: str
    condition: str
    detectors: Sequence[str]
    utterances: Sequence[str]

    def filled(self, detector: Places, utterance: Places, values: Floats) -> Floats:
        """Return the values (n,) as an array (detectors, utterances), NaN where there is none.

        `detector` and `utterance` (n,) are the places of the values. Raises `InputError` if a value
        is not finite, or if two have one place.
        """
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            first = self._where(detector[bad[0]], self.utterances[utterance[bad[0]]])
            raise InputError(
                f"{bad.size} scores are not finite; first: {values[bad[0]]} for {first}"
            )
        array = np.full((len(self.detectors), len(self.utterances)), np.nan)
        array[detector, utterance] = values
        if np.count_nonzero(~np.isnan(array)) < values.size:
            flat = pd.Series(detector * array.shape[1] + utterance)
            twice = np.flatnonzero(flat.duplicated().to_numpy())
            first = self._where(detector[twice[0]], self.utterances[utterance[twice[0]]])
            raise InputError(f"{twice.size} trials are scored twice; first: for {first}")
        return array

    def outside(self, utterances: Sequence[str]) -> InputError:
        """Return the error about scored utterances that are not of the split."""
        return InputError(
            f"{len(utterances)} scored trials are outside the {self.split} set; first:"
            f" {utterances[0]!r} under {self.condition}"
        )

    def _where(self, detector: int, utterance: str) -> str:
        """Name the place of one score."""
        return (
            f"{self.split} utterance {utterance!r}, detector {self.detectors[detector]!r},"
            f" condition {self.condition!r}"
        )


def check(results: RunResults) -> None:
    """Raise `InputError` if no tables can be computed from this run, for lack of plan or scores."""
    names = [info.condition for info in results.conditions]
    if CLEAN not in names:
        raise InputError(f"the run's plan has no {CLEAN} condition, only {names or 'none'}")
    if not results.detectors:
        raise InputError("the run's plan has no detector")
    if not any(np.isfinite(results.source.scores("test", name)).any() for name in names):
        causes = results.failures["cause"].tolist()[:1]
        why = f": the first of {len(results.failures)} failures is: {causes[0]}" if causes else ""
        raise InputError(f"the run holds no test scores yet, so there is nothing to report{why}")
