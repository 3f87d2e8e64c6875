"""The metrics of one cell: point values, decisions at frozen and oracle thresholds, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics import bootstrap, decision, discrimination
from benchmark.metrics.bootstrap_metrics import METRICS, Replicates
from benchmark.metrics.calibration import Calibration, calibrate
from benchmark.metrics.decision import Confusion, Costs
from benchmark.metrics.discrimination import Bools, Floats, Ranking

COUNTS = ("hit", "missed", "false_alarm", "correct")
RATIOS = ("precision", "recall", "f1", "macro_f1", "accuracy", "balanced_accuracy")
BONAFIDE = ("precision", "recall", "f1")
FPRS = {"tpr_at_fpr1": 0.01, "tpr_at_fpr5": 0.05}
DEV, TRAINING = "dev", "training"  # origin of a frozen threshold


@dataclass(frozen=True)
class OperatingPoint:
    """The threshold and calibration frozen before any laundering; NaN or None if not available.

    source : `DEV` for clean dev of this data set, `TRAINING` for the dev split of the training
             data, else ''
    """

    threshold: float = np.nan
    source: str = ""
    calibration: Calibration | None = None


def operating(scores: Floats, bonafide: Bools, own: float | None) -> OperatingPoint:
    """Compute the EER threshold and the calibration of one detector on its clean dev scores.

    NaN marks a missing score. A dev set that lacks a class or a trial is not used, because two
    detectors would then depend on different trials. The detector's `own` threshold, from the dev
    split of its training data, is used instead if it has one.
    """
    if np.isnan(scores).any() or bonafide.all() or not bonafide.any():
        return OperatingPoint() if own is None else OperatingPoint(own, TRAINING)
    return OperatingPoint(discrimination.eer(scores, bonafide)[1], DEV, calibrate(scores, bonafide))


def numbers(ranking: Ranking | None, frozen: OperatingPoint, costs: Costs) -> dict[str, Any]:
    """Compute the point metrics of a cell by column name; NaN if `ranking` is None.

    `ranking` is None if a class is absent.
    """
    point: dict[str, Any] = dict.fromkeys(METRICS, np.nan)
    decided: Confusion | None = None
    oracle: Confusion | None = None
    own_threshold, rest = np.nan, dict.fromkeys((*FPRS, "average_precision", "tied_share"), np.nan)
    if ranking is not None:
        values, labels = ranking.values, ranking.bonafide
        curve = discrimination.roc_of(ranking)
        point["eer"], own_threshold = discrimination.eer_of(curve)
        point["auc"] = discrimination.auc_of(curve)
        point["min_dcf"] = decision.min_dcf_of(curve, costs)
        oracle = decision.confusion(values, labels, own_threshold)
        rest = {name: discrimination.tpr_at_fpr_of(curve, fpr) for name, fpr in FPRS.items()}
        rest["average_precision"] = discrimination.average_precision_of(curve)
        rest["tied_share"] = discrimination.tied_share_of(ranking)
        if np.isfinite(frozen.threshold):
            decided = decision.confusion(values, labels, frozen.threshold)
        if frozen.calibration is not None:
            llr = frozen.calibration(values)
            point["act_dcf"] = decision.act_dcf(llr, labels, costs)
            point["cllr"] = decision.cllr(llr, labels)
    return {
        **point,
        "threshold": frozen.threshold,
        "threshold_from": frozen.source,
        **_decisions("", decided),
        "oracle_threshold": own_threshold,
        **_decisions("oracle_", oracle),
        **rest,
    }


def _decisions(prefix: str, counts: Confusion | None) -> dict[str, float]:
    """Return the confusion matrix and the per-class report as columns; NaN without counts."""
    sides = [(name, counts, name) for name in (*COUNTS, *RATIOS)]
    other = None if counts is None else counts.bonafide
    sides += [(f"bonafide_{name}", other, name) for name in BONAFIDE]
    return {
        f"{prefix}{column}": np.nan if side is None else float(getattr(side, name))
        for column, side, name in sides
    }


def bounds(draws: Replicates | None) -> dict[str, float]:
    """Compute the interval of every metric, as columns `_low` and `_high`; NaN without draws."""
    found = {}
    for name in METRICS:
        values = np.empty(0) if draws is None else getattr(draws, name)
        found[f"{name}_low"], found[f"{name}_high"] = bootstrap.interval(values)
    return found


def differences(
    row: dict[str, Any], draws: Replicates | None, clean: dict[str, Any], base: Replicates | None
) -> dict[str, float]:
    """Compute the difference of every metric to clean, with paired bounds.

    NaN unless both cells have resamples, that is, are complete.
    """
    found: dict[str, float] = {}
    for name in METRICS:
        delta, low, high = np.nan, np.nan, np.nan
        if draws is not None and base is not None:
            delta = row[name] - clean[name]
            low, high = bootstrap.interval(getattr(draws, name) - getattr(base, name))
        columns = (f"{name}_delta", f"{name}_delta_low", f"{name}_delta_high")
        found |= dict(zip(columns, (delta, low, high), strict=True))
    return found


def in_order(row: dict[str, Any], first: Sequence[str]) -> dict[str, Any]:
    """Order the columns: `first`, then each metric with bounds and difference, then the rest."""
    tails = ("", "_low", "_high", "_delta", "_delta_low", "_delta_high")
    names = [*first, *(f"{metric}{tail}" for metric in METRICS for tail in tails)]
    return {name: row[name] for name in [*names, *(n for n in row if n not in set(names))]}
