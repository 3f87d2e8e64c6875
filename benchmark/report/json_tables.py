"""The leaderboards and the cells as JSON, with the columns of the CSV files.

`results/README.md` documents the keys, `results/COLUMNS.md` the columns and what `schema` promises.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd

from benchmark.leaderboard import schema, trial_sets
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.scores.run_results import RunResults

DIGITS = 6  # as in the CSV files
NONE = "-"  # what a protocol says where it has no version


def document(results: RunResults, tables: Tables, version: str) -> str:
    """Return the JSON text.

    Rates are shares, missing or undefined values are null, and keys have the names and order of
    the columns.
    """
    protocol = results.protocol
    found = {
        "schema": schema.VERSION,
        "launderbench": version,
        "data": {
            "name": protocol.name,
            "version": _known(protocol.version),
            "headline": trial_sets.named(protocol.headline),
            "trial_digest": protocol.digest(),
            "audio_digest": None if protocol.audio_digest == "-" else protocol.audio_digest,
        },
        "run_digest": tables.digest or None,
        "choices": tables.choices,
        "leaderboard": rows(tables.leaderboard),
        "tracks": rows(tables.tracks),
        "conditions": rows(tables.conditions),
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _known(text: str) -> str | None:
    return None if text == NONE else text


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of the table as dictionaries of JSON values."""
    names = [str(name) for name in table.columns]
    return [
        dict(zip(names, map(_value, row), strict=True))
        for row in table.itertuples(index=False, name=None)
    ]


def _value(value: object) -> Any:
    if value is None or value is pd.NA:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return float(f"{number:.{DIGITS}g}") + 0.0 if math.isfinite(number) else None
    return str(value)
