"""The leaderboard of one track: means over families, ranks and warnings from a grid of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.cells import CLEAN, Trials
from benchmark.metrics import Floats
from benchmark.statistics import Replicates

SHORTCUT = "shortcut"  # the detector that listens to level and silence only
REVERSED = 0.60  # clean EER above which the sign of the scores is in doubt
TIED = 0.5  # share of tied clean scores worth a warning


@dataclass(frozen=True)
class Cell:
    """One row of the conditions table, and its resamples where the cell is complete."""

    row: dict[str, Any]
    draws: Replicates | None


def standings(trials: Trials, grid: list[list[Cell]], audio_digest: str) -> pd.DataFrame:
    """One row per detector, ranked by the mean over families of the mean EER in the family.

    `grid` holds one line of cells per detector. Unverified conditions enter no mean. A detector
    that lacks a complete cell among clean and the verified conditions has no mean and no rank.
    """
    rows, means = [], []
    for line in grid:
        row, mean = _standing(trials, line)
        rows.append(row | {"audio_digest": audio_digest})
        means.append(mean)
    ranked = [place for place, mean in enumerate(means) if mean is not None]
    for place, rank, bounds in _ranks(rows, ranked, means):
        rows[place] |= {"rank": rank, "rank_low": bounds[0], "rank_high": bounds[1]}
    cleans = {row["detector"]: _clean(line) for row, line in zip(rows, grid, strict=True)}
    for row in rows:
        row["warnings"] = "; ".join(_warnings(row, trials, cleans))
    table = pd.DataFrame(rows)
    for column in ("rank", "rank_low", "rank_high"):
        table[column] = table[column].astype("Int64")
    return table.sort_values(["rank", "detector"], na_position="last", ignore_index=True)


def _standing(trials: Trials, line: list[Cell]) -> tuple[dict[str, Any], Floats | None]:
    """The row of one detector, and its mean EER in every resample (None: unranked)."""
    clean = _clean(line)
    laundered = [cell for cell in line if cell.row["condition"] != CLEAN]
    counted = [cell for cell in laundered if cell.row["verified"]]
    missing = sum(cell.draws is None for cell in [clean, *counted])
    usable = counted if counted and not missing else []
    replicates = _family_mean([(c.row["family"], c.draws.eer) for c in usable if c.draws])
    low, high = statistics.interval(replicates)
    worst = max(usable, key=lambda cell: cell.row["eer"], default=None)
    row = {
        "track": trials.track,
        "rank": np.nan,
        "rank_low": np.nan,
        "rank_high": np.nan,
        "detector": clean.row["detector"],
        "clean_eer": clean.row["eer"],
        "clean_eer_low": clean.row["eer_low"],
        "clean_eer_high": clean.row["eer_high"],
        "mean_eer": _mean(usable, "eer"),
        "mean_eer_low": low,
        "mean_eer_high": high,
        "worst_eer": worst.row["eer"] if worst else np.nan,
        "worst_condition": worst.row["condition"] if worst else "",
        "clean_auc": clean.row["auc"],
        "mean_auc": _mean(usable, "auc"),
        "clean_f1": clean.row["f1"],
        "mean_f1": _mean(usable, "f1"),
        "prevalence": float((~trials.bonafide).mean()),
        "coverage": float(np.mean([cell.row["coverage"] for cell in line])),
        "complete": all(cell.row["complete"] for cell in line),
        "missing_cells": missing,
        "verified": f"{len(counted)}/{len(laundered)}",
        "n_bonafide": int(trials.bonafide.sum()),
        "n_spoof": int((~trials.bonafide).sum()),
        "n_clusters": trials.draws.clusters,
        "warnings": "",
        "trial_digest": trials.digest,
    }
    return row, replicates if usable else None


def _clean(line: list[Cell]) -> Cell:
    return next(cell for cell in line if cell.row["condition"] == CLEAN)


def _mean(usable: list[Cell], metric: str) -> float:
    """Mean over families of the family's mean; NaN where any part is NaN or there is none."""
    values = [(cell.row["family"], np.asarray(cell.row[metric])) for cell in usable]
    return float(_family_mean(values)) if values else float("nan")


def _family_mean(values: list[tuple[str, Floats]]) -> Floats:
    """Families weigh the same, however many conditions each has."""
    families: dict[str, list[Floats]] = {}
    for family, value in values:
        families.setdefault(family, []).append(value)
    if not families:
        return np.empty(0)
    return np.asarray(np.mean([np.mean(part, axis=0) for part in families.values()], axis=0))


def _ranks(
    rows: list[dict[str, Any]], ranked: list[int], means: list[Floats | None]
) -> list[tuple[int, int, tuple[int, int]]]:
    """(place in `rows`, rank, rank interval) of each ranked detector; ties share a rank."""
    values = [rows[place]["mean_eer"] for place in ranked]
    replicates = [mean for mean in means if mean is not None]
    bounds = statistics.rank_bounds(replicates)
    ranks = [1 + sum(other < value for other in values) for value in values]
    return list(zip(ranked, ranks, bounds, strict=True))


def _warnings(row: dict[str, Any], trials: Trials, cleans: dict[str, Cell]) -> list[str]:
    """What a reader must know before believing a row."""
    found = []
    if row["missing_cells"]:
        cells = (
            "1 cell lacks" if row["missing_cells"] == 1 else f"{row['missing_cells']} cells lack"
        )
        found.append(f"unranked: {cells} trials")
    elif np.isnan(row["rank"]):
        found.append("unranked: no verified laundering condition")
    number = trials.draws.clusters
    if number < 2:
        found.append("one cluster: no intervals")
    elif number < statistics.FEW_CLUSTERS:
        found.append(f"few clusters ({number}): intervals are too narrow")
    if row["clean_eer"] > REVERSED:
        found.append("clean EER above 60 %: polarity is likely reversed (higher = more bona fide)")
    mine, shortcut = cleans[row["detector"]], cleans.get(SHORTCUT)
    if mine.row["tied_share"] >= TIED:
        found.append(f"{mine.row['tied_share']:.0%} of the clean scores are tied")
    compared = shortcut is not None and mine is not shortcut and mine.draws and shortcut.draws
    if compared and shortcut and mine.draws and shortcut.draws:
        low, _ = statistics.interval(shortcut.draws.eer - mine.draws.eer)
        if not low > 0:
            found.append("does not beat the shortcut classifier on clean")
    return found
