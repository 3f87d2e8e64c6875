"""The leaderboard of one track: means over families, ranks, groups of equals, and warnings."""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.leaderboard.cell_metrics import TRAINING
from benchmark.leaderboard.detector_cells import DetectorCells
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap_metrics import METRICS

SHORTCUT = "shortcut"  # the detector that uses level and silence only
REVERSED = 0.60  # clean EER above which the sign of the scores is in doubt
TIED = 0.5  # share of tied clean scores that gives a warning
CLEAN_OR_MEAN = ("clean", "mean")  # values of the column `over`
COMPARISON_COLUMNS = (
    "track", "detector", "other", "over", "metric",
    "difference", "difference_low", "difference_high", "distinguishable",
)  # fmt: skip


def standings(
    trials: TrialSet,
    by_detector: list[DetectorCells],
    audio_digest: str,
    imported: Collection[str] = (),
) -> pd.DataFrame:
    """Return one row per detector, ranked by the mean over families of the family's mean EER.

    Unverified conditions enter no mean. A detector with an incomplete cell among clean and the
    verified conditions has no mean and no rank. Detectors that share a letter in `group` are not
    distinguishable: the paired interval of their difference contains 0. Without resamples there
    are neither letters nor rank bounds.
    """
    rows = [_row(trials, cells) | {"audio_digest": audio_digest} for cells in by_detector]
    by_rank = sorted(_ranked(by_detector), key=lambda place: (rows[place]["mean_eer"], place))
    means = [by_detector[place].mean_draws("eer") for place in by_rank]
    limits, groups = bootstrap.rank_bounds(means), bootstrap.alike(means)
    for place, limit, group in zip(by_rank, limits, groups, strict=True):
        mine = rows[place]["mean_eer"]
        better = sum(rows[other]["mean_eer"] < mine for other in by_rank)
        rows[place]["rank"] = 1 + better
        if trials.draws.size:
            rows[place] |= {"rank_low": limit[0], "rank_high": limit[1], "group": group}
    shortcut = next((cells for cells in by_detector if cells.detector == SHORTCUT), None)
    for row, cells in zip(rows, by_detector, strict=True):
        found = _warnings(row, trials, cells, shortcut)
        if cells.detector in imported:
            found.insert(0, "imported scores: made elsewhere")
        row["warnings"] = "; ".join(found)
    table = pd.DataFrame(rows)
    for column in ("rank", "rank_low", "rank_high"):
        table[column] = table[column].astype("Int64")
    return table.sort_values(["rank", "detector"], na_position="last", ignore_index=True)


def comparisons(track: str, by_detector: list[DetectorCells]) -> list[dict[str, Any]]:
    """Return one row per pair of ranked detectors, metric, and `over` (clean or family mean).

    `difference` is detector minus other, with bounds from the paired resamples. `distinguishable`
    is true if the bounds exclude 0 (None without resamples). There is no correction for multiple
    comparisons.
    """
    ranked = [by_detector[place] for place in _ranked(by_detector)]
    found = []
    for one, two in combinations(ranked, 2):
        for over in CLEAN_OR_MEAN:
            for metric in METRICS:
                (a, draws_a), (b, draws_b) = (_values(cells, over, metric) for cells in (one, two))
                low, high = bootstrap.interval(draws_a - draws_b)
                found.append(
                    {
                        "track": track,
                        "detector": one.detector,
                        "other": two.detector,
                        "over": over,
                        "metric": metric,
                        "difference": a - b,
                        "difference_low": low,
                        "difference_high": high,
                        "distinguishable": None if np.isnan(low) else bool(low > 0 or high < 0),
                    }
                )
    return found


def _values(cells: DetectorCells, over: str, metric: str) -> tuple[float, Any]:
    if over == "mean":
        return cells.mean(metric), cells.mean_draws(metric)
    return cells.clean.row[metric], getattr(cells.clean.draws, metric)


def _ranked(by_detector: list[DetectorCells]) -> list[int]:
    return [place for place, cells in enumerate(by_detector) if cells.families]


def _row(trials: TrialSet, cells: DetectorCells) -> dict[str, Any]:
    """Return the row of one detector without its rank."""
    clean = cells.clean
    usable = [cell for part in cells.families.values() for cell in part]
    draws = cells.mean_draws("eer")
    low, high = bootstrap.interval(draws)
    lost_low, lost_high = np.nan, np.nan
    if usable and clean.draws is not None:
        lost_low, lost_high = bootstrap.interval(draws - clean.draws.eer)
    worst = max(usable, key=lambda cell: cell.row["eer"], default=None)
    return {
        "track": trials.track,
        "rank": np.nan,
        "rank_low": np.nan,
        "rank_high": np.nan,
        "group": "",
        "detector": cells.detector,
        "clean_eer": clean.row["eer"],
        "clean_eer_low": clean.row["eer_low"],
        "clean_eer_high": clean.row["eer_high"],
        "mean_eer": cells.mean("eer"),
        "mean_eer_low": low,
        "mean_eer_high": high,
        "eer_delta": cells.mean("eer") - clean.row["eer"],
        "eer_delta_low": lost_low,
        "eer_delta_high": lost_high,
        "worst_eer": worst.row["eer"] if worst else np.nan,
        "worst_condition": worst.row["condition"] if worst else "",
        "clean_auc": clean.row["auc"],
        "mean_auc": cells.mean("auc"),
        "clean_f1": clean.row["f1"],
        "mean_f1": cells.mean("f1"),
        "clean_min_dcf": clean.row["min_dcf"],
        "mean_min_dcf": cells.mean("min_dcf"),
        "clean_act_dcf": clean.row["act_dcf"],
        "mean_act_dcf": cells.mean("act_dcf"),
        "clean_cllr": clean.row["cllr"],
        "mean_cllr": cells.mean("cllr"),
        "prevalence": float((~trials.bonafide).mean()),
        "coverage": float(np.mean([cell.row["coverage"] for cell in cells.cells])),
        "complete": all(cell.row["complete"] for cell in cells.cells),
        "missing_cells": cells.missing,
        "verified": f"{len(cells.verified)}/{len(cells.laundered)}",
        "n_bonafide": int(trials.bonafide.sum()),
        "n_spoof": int((~trials.bonafide).sum()),
        "n_clusters": trials.draws.clusters,
        "warnings": "",
        "trial_digest": trials.digest,
    }


def _warnings(
    row: dict[str, Any], trials: TrialSet, cells: DetectorCells, shortcut: DetectorCells | None
) -> list[str]:
    """Return the warnings about a row."""
    found = []
    if row["missing_cells"]:
        count = (
            "1 cell lacks" if row["missing_cells"] == 1 else f"{row['missing_cells']} cells lack"
        )
        found.append(f"unranked: {count} trials")
    elif np.isnan(row["rank"]):
        found.append("unranked: no verified laundering condition")
    number = trials.draws.clusters
    if number < 2:
        found.append("one cluster: no intervals")
    elif trials.draws.size and number < bootstrap.FEW_CLUSTERS:
        found.append(f"few clusters ({number}): intervals are too narrow")
    mine = cells.clean
    if mine.row["eer"] > REVERSED:
        found.append("clean EER above 60 %: polarity is likely reversed (higher = more bona fide)")
    if mine.row["threshold_from"] == TRAINING:
        found.append(
            "no whole set of clean dev trials: the threshold is of its training data's dev split,"
            " actDCF and Cllr are blank"
        )
    elif not mine.row["threshold_from"]:
        found.append("no whole set of clean dev trials: F1, actDCF and Cllr are blank")
    if mine.row["tied_share"] >= TIED:
        found.append(f"{mine.row['tied_share']:.0%} of the clean scores are tied")
    if shortcut is not None and cells is not shortcut and mine.draws and shortcut.clean.draws:
        low, _ = bootstrap.interval(shortcut.clean.draws.eer - mine.draws.eer)
        if trials.draws.size and not low > 0:
            found.append("does not beat the shortcut classifier on clean")
    return found
