"""Print the tables of a reference leaderboard as README and docs have them, in Markdown.

python -m tests.support.reference_table results/reference
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import launderbench
from benchmark.report.condition_labels import short_names
from benchmark.report.html import seeds_section
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


def over_seeds(folder: Path) -> list[str]:
    """Return one row of Markdown per detector of `rows`: its means over trainings and draws."""
    ranked = rows(folder)
    track = launderbench.load_results(folder).leaderboard.dropna(subset=["rank"])["track"].iloc[0]
    seeds = pd.read_csv(folder / "seeds.csv")
    seeds = seeds[(seeds["metric"] == "eer") & (seeds["track"] == track)]
    seeds = seeds[seeds["detector"].isin([*ranked])].set_index(["over", "detector"])
    clean, laundered = seeds.loc["clean"], seeds.loc["laundered"].sort_values("rank")
    return [_over(clean.loc[name], row, str(name)) for name, row in laundered.iterrows()]


def _over(clean: pd.Series, laundered: pd.Series, name: str) -> str:
    ranks = "{:.0f} ({:.0f}–{:.0f})".format(*laundered[["rank", "rank_low", "rank_high"]])
    several = laundered["n_trainings"] > 1
    between = [f"{100 * row['spread_training']:.1f}" for row in (clean, laundered)]
    cells = (
        ranks, name, seeds_section.trainings(name, laundered["n_trainings"]),
        _rate(clean, "mean"), between[0] if several else "",
        _rate(laundered, "mean"), between[1] if several else "",
        f"{100 * laundered['spread_attack']:.1f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


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
    print("\n".join([*rows(Path(sys.argv[1])).values(), *over_seeds(Path(sys.argv[1]))]))
