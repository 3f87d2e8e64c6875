"""The rows of a table as dictionaries, and whether it has intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd

Row = dict[str, Any]


def records(table: pd.DataFrame) -> list[Row]:
    """The rows as dictionaries, None where a value is missing."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def bounded(table: pd.DataFrame) -> bool:
    """Do resamples bound any number of the table (columns `*_low`)?

    They bound none of one cluster, however many resamples were asked for.
    """
    return bool(table.filter(regex="_low$").notna().any(axis=None))
