"""Did the attacks do what they say, and what failed."""

from __future__ import annotations

import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report.rows import Row, records
from benchmark.scores.run_results import RunResults


def checks(results: RunResults, tables: Tables) -> list[Row]:
    """The verification table: every check, with what was asked and the condition's verdict."""
    verdict = tables.conditions.drop_duplicates("condition").set_index("condition")["verified"]
    asked = {info.condition: info for info in results.conditions}
    rows = [
        row
        | {
            "verified": bool(verdict[row["condition"]]),
            "severity": asked[row["condition"]].severity,
            "severity_unit": asked[row["condition"]].unit,
            "share": _share(row),
        }
        for row in records(tables.checks)
    ]
    heard = {row["condition"] for row in rows}
    silent = [name for name in asked if name != CLEAN and name not in heard]
    return rows + [{"condition": name, "verified": False, "quantity": None} for name in silent]


def _share(row: Row) -> float | None:
    measurable = row["n_pass"] + row["n_fail"]
    return row["n_pass"] / measurable if measurable else None


def unverified(conditions: pd.DataFrame) -> list[str]:
    """The laundering conditions that did not do what they claim."""
    wrong = conditions[conditions["verified"].eq(False)]
    return [str(name) for name in wrong["condition"].unique()]


def incomplete(conditions: pd.DataFrame) -> list[Row]:
    """Cells that lack trials."""
    columns = ["track", "detector", "condition", "coverage"]
    return records(conditions.loc[~conditions["complete"].astype(bool), columns])
