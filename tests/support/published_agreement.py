"""How far the order of conditions can agree: published systems with each other, and with noise.

    python -m tests.support.published_agreement     # the figures of docs/published.md

A run on the published data cannot agree with a published system better than two draws of the same
errors do. Kendall's tau and the slope are those of `benchmark.leaderboard.agreement`, over the
conditions that differ for us.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from benchmark.leaderboard.agreement import Figure, rows
from benchmark.leaderboard.published_tables import PublishedTable, load

POINTS = (0.3, 1.0, 3.0)  # standard deviation of an EER in per cent
DRAWS = 1000


def figures(table: PublishedTable, ours: str, system: str, error: np.ndarray) -> list[Figure]:
    """Return the published system `system` beside `ours`, to which `error` (rows,) is added."""
    return [
        Figure(ours, system, row["attack"] + row["level"], "condition", row["condition"], a, b)
        for row, off in zip(table.rows, error, strict=True)
        for a, b in [(float(row[ours]) + off, float(row[system]))]
    ]


def main() -> None:
    """Print tau and slope between systems, and of each system with itself and noise."""
    table = load("asvspoof-laundering")
    nothing = np.zeros(len(table.rows))
    pairs = [rows(figures(table, a, b, nothing))[0] for a, b in combinations(table.systems, 2)]
    taus = np.array([row.tau for row in pairs])
    print(f"two systems: tau {taus.min():.2f} to {taus.max():.2f}, median {np.median(taus):.2f}")
    conditions = sorted({row["condition"] for row in table.rows})
    rng = np.random.default_rng(0)
    for system in table.systems:
        shown = []
        for points in POINTS:
            found = []
            for _ in range(DRAWS):
                own = dict(zip(conditions, rng.normal(0, points, len(conditions)), strict=True))
                error = np.array([own[row["condition"]] for row in table.rows])
                found.append(rows(figures(table, system, system, error))[0])
            tau = np.quantile([row.tau for row in found], (0.05, 0.5))
            slope = np.quantile([row.slope for row in found], (0.05, 0.95))
            shown.append(
                f"{points:g} points: tau {tau[1]:.2f} (5 % below {tau[0]:.2f}),"
                f" slope {slope[0]:.2f} to {slope[1]:.2f}"
            )
        print(f"{system}: {'; '.join(shown)}")


if __name__ == "__main__":
    main()
