"""Which columns of tables of an earlier schema hold other numbers today."""

from __future__ import annotations

import re

import pandas as pd

# Since schema 4 intervals are made otherwise, and means are weighted by condition.
OF_INTERVALS = re.compile("_low$|_high$|^distinguishable$|^warnings$|^tied_with$|^group$")
OF_MEANS = (
    "laundered_", "eer_delta", "rank", "group", "difference", "degradation",
    "relative_degradation", "distinguishable", "warnings", "detector", "eer", "area",
)  # fmt: skip
WITH_MEANS = ("leaderboard", "tracks", "robustness", "differences")


def of_means(name: str, column: str) -> bool:
    """Return whether a column of the table `name` holds means, or follows from them."""
    return name in WITH_MEANS and column.startswith(OF_MEANS)


def changed(name: str, table: pd.DataFrame) -> list[str]:
    """Return the columns of the table `name` that hold other numbers since schema 4."""
    return [c for c in table if OF_INTERVALS.search(c) or of_means(name, c)]
