"""Ranking metrics: what scores say without a threshold. Pure functions of scores and labels.

Scores are float64 of shape (n,), higher = more bona fide; `bonafide` is bool of shape (n,). A
trial is accepted (called bona fide) when its score is at or above the threshold. Two errors
follow: a *false rejection* (FRR, miss) is a bona fide trial rejected, a *false acceptance* (FAR)
is a spoof accepted. Where a metric speaks of positives, spoof is the positive class: its true
positives are spoofs rejected (TPR = 1 - FAR), its false positives bona fide trials rejected
(FPR = FRR). Tied scores move both rates in one step. NaN, infinite values and one-class input
raise `InputError`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Ranking:
    """Checked trials in ascending order of score, sorted once for every metric of a cell.

    values, bonafide : (n,), sorted by value
    order            : (n,), where each stood before
    last             : (n,), True at the last trial of each group of ties
    """

    values: Floats
    bonafide: Bools
    order: Places
    last: Bools

    def part(self, keep: Bools) -> Ranking:
        """The ranking of the trials in `keep` (n,), a mask in sorted order; both classes needed."""
        _require_both(self.bonafide[keep])
        values = self.values[keep]
        return Ranking(values, self.bonafide[keep], self.order[keep], _last_of_ties(values))


@dataclass(frozen=True)
class Roc:
    """The tie-aware ROC: one point per distinct score, and the point that accepts nothing.

    thresholds : (k,), increasing; the first accepts every trial, the last none
    frr, far   : (k,), false rejection and false acceptance rates at each threshold
    """

    thresholds: Floats
    frr: Floats
    far: Floats
    n_bonafide: int
    n_spoof: int


def checked(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> tuple[Floats, Bools]:
    """Both as arrays of shape (n,); `InputError` for what no metric is defined on."""
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(bonafide)
    if values.ndim != 1 or values.shape != labels.shape or labels.dtype != np.bool_:
        raise InputError(
            f"want scores (n,) and boolean labels (n,), not {values.shape} and"
            f" {labels.dtype} {labels.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InputError(
            f"{bad.size} of {values.size} scores are not finite (first: number {bad[0]},"
            f" {values[bad[0]]})"
        )
    _require_both(labels)
    return values, labels


def _require_both(labels: Bools) -> None:
    for name, count in (("bona fide", labels.sum()), ("spoof", (~labels).sum())):
        if count == 0:
            raise InputError(f"no {name} trial among {labels.size}: a metric needs both classes")


def rank(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> Ranking:
    """Check and sort the trials."""
    values, labels = checked(scores, bonafide)
    order = np.argsort(values, kind="stable")
    return Ranking(values[order], labels[order], order, _last_of_ties(values[order]))


def _last_of_ties(values: Floats) -> Bools:
    return np.append(values[1:] != values[:-1], True)


def roc(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> Roc:
    """The tie-aware ROC of the trials."""
    return roc_of(rank(scores, bonafide))


def roc_of(ranking: Ranking) -> Roc:
    """`roc` of trials that are already sorted."""
    rejected = np.cumsum(ranking.bonafide)[ranking.last]
    rejected_spoof = np.flatnonzero(ranking.last) + 1 - rejected
    n_bonafide, n_spoof = int(rejected[-1]), int(rejected_spoof[-1])
    return Roc(
        thresholds=_thresholds(ranking.values[ranking.last]),
        frr=np.append(0.0, rejected / n_bonafide),
        far=np.append(1.0, 1.0 - rejected_spoof / n_spoof),
        n_bonafide=n_bonafide,
        n_spoof=n_spoof,
    )


def _thresholds(distinct: Floats) -> Floats:
    """Thresholds halfway between neighbouring scores, so that they also serve unseen trials."""
    below, above = distinct[:-1], distinct[1:]
    middle = below / 2 + above / 2
    middle = np.where((middle > below) & (middle <= above), middle, above)
    return np.concatenate([distinct[:1], middle, np.nextafter(distinct[-1:], np.inf)])


def eer_of(curve: Roc) -> tuple[float, float]:
    """`eer` of a curve."""
    gap = curve.frr - curve.far  # from -1 up to 1, never falling
    after = int(np.count_nonzero(gap < 0))
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    rate = curve.frr[after - 1] + share * (curve.frr[after] - curve.frr[after - 1])
    return float(rate), float(curve.thresholds[np.argmin(np.abs(gap))])


def eer(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> tuple[float, float]:
    """Equal error rate in [0, 1], and the threshold at which the two rates lie nearest.

    The rate is where the ROC's polyline crosses FRR = FAR (linear interpolation, as in Martin et
    al. 1997, "The DET curve in assessment of detection task performance"), so all scores tied
    give 0.5 and reversed scores give 1 - EER.

    >>> eer([0.1, 0.4, 0.35, 0.8], [False, False, True, True])[0]
    0.5
    >>> eer([1.0, 1.0, 1.0, 1.0], [False, False, True, True])[0]  # nothing but ties
    0.5
    """
    return eer_of(roc(scores, bonafide))


def auc_of(curve: Roc) -> float:
    """`auc` of a curve."""
    return float(1.0 - np.sum(np.diff(curve.frr) * (curve.far[1:] + curve.far[:-1])) / 2)


def auc(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Area under the ROC in [0, 1]: P(bona fide > spoof) + P(tie) / 2 (Hanley and McNeil 1982).

    >>> auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    return auc_of(roc(scores, bonafide))


def average_precision_of(curve: Roc) -> float:
    """`average_precision` of a curve."""
    recall, precision = precision_recall(curve)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def precision_recall(curve: Roc) -> tuple[Floats, Floats]:
    """Recall and precision of finding spoof at every threshold that rejects a trial, (k - 1,)."""
    recall = 1.0 - curve.far[1:]
    spoof = recall * curve.n_spoof
    return recall, spoof / (spoof + curve.frr[1:] * curve.n_bonafide)


def average_precision(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Average precision of finding spoof: sum of precision x step in recall, ties in one step.

    No interpolation (Manning, Raghavan and Schuetze 2008, section 8.4).

    >>> average_precision([1.0, 2.0, 3.0], [False, True, False])  # 1 x 1/2 + 2/3 x 1/2
    0.8333333333333333
    """
    return average_precision_of(roc(scores, bonafide))


def tpr_at_fpr_of(curve: Roc, fpr: float) -> float:
    """`tpr_at_fpr` of a curve."""
    return float(1.0 - curve.far[np.searchsorted(curve.frr, fpr * (1 + 1e-12), side="right") - 1])


def tpr_at_fpr(scores: npt.ArrayLike, bonafide: npt.ArrayLike, fpr: float) -> float:
    """Largest share of spoofs caught while at most `fpr` of the bona fide trials are rejected.

    A step of the ROC, never interpolated: a threshold exists that does it.

    >>> tpr_at_fpr([1.0, 2.0, 3.0, 4.0], [False, True, False, True], 0.05)
    0.5
    """
    return tpr_at_fpr_of(roc(scores, bonafide), fpr)


def tied_share_of(ranking: Ranking) -> float:
    """Share of trials whose score some other trial has too.

    >>> tied_share_of(rank([1, 1, 2, 3], [True, False, True, False]))
    0.5
    """
    sizes = np.diff(np.flatnonzero(ranking.last), prepend=-1)
    return float(sizes[sizes > 1].sum() / sizes.sum())
