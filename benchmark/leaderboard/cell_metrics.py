"""The metrics of one cell: point values, decisions at frozen and oracle thresholds, intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmark.leaderboard.rows.cell_rows import ConditionRow, Decisions, Measures, OracleDecisions
from benchmark.leaderboard.rows.columns import Estimate
from benchmark.metrics import bootstrap, decision, discrimination
from benchmark.metrics.bootstrap_metrics import METRICS, Replicates
from benchmark.metrics.calibration import Calibration, calibrate
from benchmark.metrics.decision import Confusion, Costs
from benchmark.metrics.discrimination import Bools, Floats, Ranking

COUNTS = ("tp", "fp", "tn", "fn")
RATIOS = ("precision", "recall", "macro_f1", "accuracy", "balanced_accuracy")
BONAFIDE = ("precision", "recall", "f1")
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


def numbers(
    ranking: Ranking | None, frozen: OperatingPoint, costs: Costs
) -> tuple[dict[str, float], Measures]:
    """Compute the metrics of a cell: those of `METRICS` by name, and the others.

    `ranking` is None if a class is absent; the metrics are then NaN.
    """
    point = dict.fromkeys(METRICS, np.nan)
    if ranking is None:
        return point, Measures(threshold=frozen.threshold, threshold_from=frozen.source or None)
    values, labels = ranking.values, ranking.bonafide
    curve = discrimination.roc_of(ranking)
    point["eer"], own_threshold = discrimination.eer_of(curve)
    point["auc"] = discrimination.auc_of(curve)
    point["min_dcf"] = decision.min_dcf_of(curve, costs)
    decisions = Decisions()
    if np.isfinite(frozen.threshold):
        decided = decision.confusion(values, labels, frozen.threshold)
        point["f1"], decisions = float(decided.f1), Decisions(**_decisions(decided))
    if frozen.calibration is not None:
        llr = frozen.calibration(values)
        point["act_dcf"] = decision.act_dcf(llr, labels, costs)
        point["cllr"] = decision.cllr(llr, labels)
    oracle = decision.confusion(values, labels, own_threshold)
    return point, Measures(
        threshold=frozen.threshold,
        threshold_from=frozen.source or None,
        decisions=decisions,
        oracle_threshold=own_threshold,
        oracle=OracleDecisions(**_decisions(oracle), f1=float(oracle.f1)),
        tpr_at_fpr1=discrimination.tpr_at_fpr_of(curve, 0.01),
        tpr_at_fpr5=discrimination.tpr_at_fpr_of(curve, 0.05),
        average_precision=discrimination.average_precision_of(curve),
        tied_share=discrimination.tied_share_of(ranking),
    )


def _decisions(counts: Confusion) -> dict[str, Any]:
    """Return the fields of `Decisions`."""
    other = counts.bonafide
    return {
        **{name: int(getattr(counts, name)) for name in COUNTS},
        **{name: float(getattr(counts, name)) for name in RATIOS},
        **{f"bonafide_{name}": float(getattr(other, name)) for name in BONAFIDE},
    }


def estimates(point: dict[str, float], draws: Replicates | None) -> dict[str, Estimate]:
    """Return every metric with its bounds; none without draws."""
    found = {}
    for name in METRICS:
        values = np.empty(0) if draws is None else getattr(draws, name)
        found[name] = Estimate(point[name], *bootstrap.interval(values))
    return found


def with_differences(
    row: ConditionRow, draws: Replicates | None, clean: ConditionRow, base: Replicates | None
) -> ConditionRow:
    """Return the row with the difference of every metric to clean, with paired bounds.

    There is no difference unless both cells have resamples, that is, are complete.
    """
    if draws is None or base is None:
        return row
    found: dict[str, Any] = {}
    for name in METRICS:
        mine: Estimate = getattr(row, name)
        low, high = bootstrap.interval(getattr(draws, name) - getattr(base, name))
        delta = mine.value - getattr(clean, name).value
        found[name] = replace(mine, delta=delta, delta_low=low, delta_high=high)
    return replace(row, **found)
