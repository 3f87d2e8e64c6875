"""Print the rows of a reference leaderboard as README and docs have them, in Markdown.

python -m tests.support.reference_table results/reference
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import launderbench
from benchmark.report.condition_labels import short_names
from benchmark.scores.run_results import ConditionInfo


def rows(folder: Path) -> dict[str, str]:
    """Return one row of Markdown per ranked detector, by its name, in the order of the ranks."""
    results = launderbench.load_results(folder)
    board = results.leaderboard.dropna(subset=["rank"]).sort_values("rank")
    cells = results.conditions.drop_duplicates("condition")
    names = short_names([ConditionInfo(c["condition"], c["family"]) for _, c in cells.iterrows()])
    return {
        row["detector"]: _row(row, names[row["worst_condition"]]) for _, row in board.iterrows()
    }


def _row(row: pd.Series, worst: str) -> str:
    ranks = f"{row['rank_low']}–{row['rank_high']}"
    cells = (
        f"{row['rank']} ({ranks})", row["detector"], _rate(row, "clean_eer"),
        _rate(row, "laundered_eer"), f"{100 * row['worst_eer']:.1f}",
        worst.replace("|", "→"),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _rate(row: pd.Series, name: str) -> str:
    low, high = (100 * row[f"{name}_{end}"] for end in ("low", "high"))
    return f"{100 * row[name]:.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    print("\n".join(rows(Path(sys.argv[1])).values()))
