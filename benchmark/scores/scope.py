"""The scores of a run in a scope: those of clean bona fide in place of laundered ones, or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.metrics.discrimination import Floats
from benchmark.scores.run_results import RunResults
from benchmark.scores.scopes import BOTH, checked


def of(results: RunResults, name: str) -> RunResults:
    """Return the results in a scope; `InputError` if there is no such scope."""
    return replace(results, scope=checked(name))


def scores(results: RunResults, laundered: Floats) -> Floats:
    """Return the test scores of a condition as the scope of `results` has them.

    laundered : (detectors, test trials), as they are stored; NaN = not scored
    """
    if checked(results.scope) == BOTH:
        return laundered
    bonafide = (results.protocol.table["label"] == "bonafide").to_numpy(dtype=np.bool_)
    return np.where(bonafide, results.source.scores("test", CLEAN), laundered)


def marked(table: pd.DataFrame, results: RunResults) -> pd.DataFrame:
    """Return a table of results with the scope of their scores in its column `scope`."""
    return table.assign(scope=pd.Series(results.scope, table.index, dtype=table["scope"].dtype))
