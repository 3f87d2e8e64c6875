"""Helpers of all reports: table rows as dictionaries, and a check for intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd

Row = dict[str, Any]


def records(table: pd.DataFrame) -> list[Row]:
    """Return the rows as dictionaries, with None for missing values."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def bounded(table: pd.DataFrame) -> bool:
    """Check whether any number of the table has bounds (columns `*_low`).

    A single cluster gives no bounds, for any number of resamples.
    """
    return bool(table.filter(regex="_low$").notna().any(axis=None))
