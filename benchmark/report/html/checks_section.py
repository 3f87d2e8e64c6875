"""Sections on the verification of attacks, on incomplete cells and on failures."""

from __future__ import annotations

import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.laundering.verification import State
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report.rows import Row, records
from benchmark.scores.run_results import RunResults


def checks(results: RunResults, tables: Tables) -> list[Row]:
    """Return the verification table: every check, with severity and verdict of the condition."""
    verdict = tables.conditions.drop_duplicates("condition").set_index("condition")["verdict"]
    planned = {info.condition: info for info in results.conditions}
    rows = [
        row
        | {
            "state": State(verdict[row["condition"]]),
            "severity": planned[row["condition"]].severity,
            "severity_unit": planned[row["condition"]].unit,
            "share": _share(row),
        }
        for row in records(tables.checks)
    ]
    checked = {row["condition"] for row in rows}
    unchecked = [name for name in planned if name != CLEAN and name not in checked]
    return rows + [
        {"condition": name, "state": State(verdict[name]), "quantity": None} for name in unchecked
    ]


def _share(row: Row) -> float | None:
    measurable = row["n_pass"] + row["n_fail"]
    return row["n_pass"] / measurable if measurable else None


def uncounted(conditions: pd.DataFrame) -> list[Row]:
    """Return the states other than verified, each with the laundering conditions in it."""
    found = conditions.drop_duplicates("condition")
    rows = [
        {"state": state, "names": [*found.loc[found["verdict"] == state, "condition"]]}
        for state in State
        if state is not State.VERIFIED
    ]
    return [row for row in rows if row["names"]]


def incomplete(conditions: pd.DataFrame) -> list[Row]:
    """Return the cells that lack trials."""
    columns = ["track", "detector", "condition", "coverage"]
    return records(conditions.loc[~conditions["complete"].astype(bool), columns])
