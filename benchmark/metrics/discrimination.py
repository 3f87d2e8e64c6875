"""Threshold-free metrics: pure functions of scores and labels.

Scores are float64 of shape (n,), higher = more bona fide; `bonafide` is bool of shape (n,). A
trial is accepted (classified as bona fide) if its score is at or above the threshold. There are two
errors: a *false rejection* (FRR, miss) is a bona fide trial rejected, a *false acceptance* (FAR) is
a spoof accepted. The positive class is spoof: true positives are spoofs rejected (TPR = 1 - FAR),
false positives are bona fide trials rejected (FPR = FRR). Tied scores move both rates in one step.
NaN, infinite values and one-class input raise `InputError`.
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
    order            : (n,), index of each trial in the input
    last             : (n,), True at the last trial of each tie group
    """

    values: Floats
    bonafide: Bools
    order: Places
    last: Bools

    def part(self, keep: Bools) -> Ranking:
        """Return the ranking of the trials in `keep` (n,), a mask in sorted order.

        Raises `InputError` if a class is missing.
        """
        _require_both(self.bonafide[keep])
        values = self.values[keep]
        return Ranking(values, self.bonafide[keep], self.order[keep], _last_of_ties(values))


@dataclass(frozen=True)
class Roc:
    """The tie-aware ROC: one point per distinct score, and one that rejects every trial.

    thresholds : (k,), increasing; the first accepts every trial, the last none
    frr, far   : (k,), false rejection and false acceptance rates at each threshold
    """

    thresholds: Floats
    frr: Floats
    far: Floats
    n_bonafide: int
    n_spoof: int


def checked(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> tuple[Floats, Bools]:
    """Return scores as float64 (n,) and labels as bool (n,).

    Raises `InputError` for other shapes or types, scores that are not finite, or a missing class.
    """
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(bonafide)
    if values.ndim != 1 or values.shape != labels.shape or labels.dtype != np.bool_:
        raise InputError(
            f"expected scores (n,) and boolean labels (n,), not {values.shape} and"
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
    """Check the trials and sort them by score."""
    values, labels = checked(scores, bonafide)
    order = np.argsort(values, kind="stable")
    return Ranking(values[order], labels[order], order, _last_of_ties(values[order]))


def _last_of_ties(values: Floats) -> Bools:
    return np.append(values[1:] != values[:-1], True)


def roc(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> Roc:
    """Return the tie-aware ROC of the trials."""
    return roc_of(rank(scores, bonafide))


def roc_of(ranking: Ranking) -> Roc:
    """Return the ROC of trials that are already sorted."""
    rejected = np.cumsum(ranking.bonafide)[ranking.last]
    rejected_spoof = np.flatnonzero(ranking.last) + 1 - rejected
    n_bonafide, n_spoof = int(rejected[-1]), int(rejected_spoof[-1])
    return Roc(
        thresholds=thresholds_between(ranking.values[ranking.last]),
        frr=np.append(0.0, rejected / n_bonafide),
        far=np.append(1.0, 1.0 - rejected_spoof / n_spoof),
        n_bonafide=n_bonafide,
        n_spoof=n_spoof,
    )


def thresholds_between(distinct: Floats) -> Floats:
    """Return thresholds halfway between neighbouring scores, so that they fit unseen trials too."""
    below, above = distinct[:-1], distinct[1:]
    middle = below / 2 + above / 2
    middle = np.where((middle > below) & (middle <= above), middle, above)
    return np.concatenate([distinct[:1], middle, np.nextafter(distinct[-1:], np.inf)])


def eer_of(curve: Roc) -> tuple[float, float]:
    """Return `eer` of a ROC."""
    gap = curve.frr - curve.far  # non-decreasing from -1 to 1
    after = int(np.count_nonzero(gap < 0))
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    rate = curve.frr[after - 1] + share * (curve.frr[after] - curve.frr[after - 1])
    return float(rate), float(curve.thresholds[np.argmin(np.abs(gap))])


def eer(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> tuple[float, float]:
    """Return the equal error rate in [0, 1], and the threshold where FRR and FAR are closest.

    The rate is the crossing of the ROC's polyline with FRR = FAR (linear interpolation, as in
    Martin et al. 1997, "The DET curve in assessment of detection task performance"). All scores
    tied thus give 0.5, and reversed scores give 1 - EER.

    >>> eer([0.1, 0.4, 0.35, 0.8], [False, False, True, True])[0]
    0.5
    >>> eer([1.0, 1.0, 1.0, 1.0], [False, False, True, True])[0]  # all scores tied
    0.5
    """
    return eer_of(roc(scores, bonafide))


def auc_of(curve: Roc) -> float:
    """Return `auc` of a ROC."""
    return float(1.0 - np.sum(np.diff(curve.frr) * (curve.far[1:] + curve.far[:-1])) / 2)


def auc(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Return the area under the ROC in [0, 1] (Hanley and McNeil 1982).

    It is P(bona fide > spoof) + P(tie) / 2.

    >>> auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    return auc_of(roc(scores, bonafide))


def average_precision_of(curve: Roc) -> float:
    """Return `average_precision` of a ROC."""
    recall, precision = precision_recall(curve)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def precision_recall(curve: Roc) -> tuple[Floats, Floats]:
    """Return recall and precision of spoof at every threshold that rejects a trial, (k - 1,)."""
    recall = 1.0 - curve.far[1:]
    spoof = recall * curve.n_spoof
    return recall, spoof / (spoof + curve.frr[1:] * curve.n_bonafide)


def average_precision(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Return the average precision of spoof in (0, 1]: sum of precision x step in recall.

    Ties are one step; nothing is interpolated (Manning, Raghavan and Schuetze 2008, section 8.4).

    >>> average_precision([1.0, 2.0, 3.0], [False, True, False])  # 1 x 1/2 + 2/3 x 1/2
    0.8333333333333333
    """
    return average_precision_of(roc(scores, bonafide))


def tpr_at_fpr_of(curve: Roc, fpr: float) -> float:
    """Return `tpr_at_fpr` of a ROC."""
    return float(1.0 - curve.far[np.searchsorted(curve.frr, fpr * (1 + 1e-12), side="right") - 1])


def tpr_at_fpr(scores: npt.ArrayLike, bonafide: npt.ArrayLike, fpr: float) -> float:
    """Return the largest share of spoofs rejected with at most `fpr` of the bona fide rejected.

    It is a point of the ROC, never interpolated, so a threshold attains it.

    >>> tpr_at_fpr([1.0, 2.0, 3.0, 4.0], [False, True, False, True], 0.05)
    0.5
    """
    return tpr_at_fpr_of(roc(scores, bonafide), fpr)


def tied_share_of(ranking: Ranking) -> float:
    """Return the share of trials that share their score with another trial.

    >>> tied_share_of(rank([1, 1, 2, 3], [True, False, True, False]))
    0.5
    """
    sizes = np.diff(np.flatnonzero(ranking.last), prepend=-1)
    return float(sizes[sizes > 1].sum() / sizes.sum())
