"""Detection metrics: pure functions of scores and labels.

Scores are float64 of shape (n,), higher = more bona fide. `bonafide` is bool of shape (n,).
`weights`, where taken, counts each trial: shape (n,), or (B, n) for B bootstrap resamples at
once; results then have shape (B,). A trial is accepted (called bona fide) when its score is at
or above the threshold. Two errors follow: a *false rejection* (miss) is a bona fide trial
rejected, a *false acceptance* is a spoof accepted. The positive class of precision, recall, F1
and average precision is spoof. NaN, infinite values and one-class input raise `InputError`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Costs:
    """Detection costs; the defaults are those of ASVspoof 5 (Wang et al. 2024), track 1."""

    p_spoof: float = 0.05
    miss: float = 1.0
    false_accept: float = 10.0

    @property
    def weights(self) -> tuple[float, float]:
        """What a miss rate and a false acceptance rate weigh in the detection cost."""
        return self.miss * (1.0 - self.p_spoof), self.false_accept * self.p_spoof


ASVSPOOF5 = Costs()


@dataclass(frozen=True)
class Roc:
    """The tie-aware ROC: one point per distinct score, and the point that accepts nothing.

    thresholds : (k,), increasing; the first accepts every trial, the last none
    frr, far   : (k,) or (B, k), false rejection and false acceptance rates at each threshold
    """

    thresholds: Floats
    frr: Floats
    far: Floats


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
    for name, count in (("bona fide", labels.sum()), ("spoof", (~labels).sum())):
        if count == 0:
            raise InputError(f"no {name} trial among {labels.size}: a metric needs both classes")
    return values, labels


def roc(scores: npt.ArrayLike, bonafide: npt.ArrayLike, weights: Floats | None = None) -> Roc:
    """The tie-aware ROC; tied scores move both rates in one step."""
    values, labels = checked(scores, bonafide)
    order = np.argsort(values, kind="stable")
    if weights is not None:
        weights = np.asarray(weights, dtype=np.float64)
        if weights.shape[-1] != values.size:
            raise InputError(f"weights {weights.shape} do not fit {values.size} scores")
        weights = weights[..., order]
    return sorted_roc(values[order], labels[order], weights)


def sorted_roc(values: Floats, labels: Bools, weights: Floats | None = None) -> Roc:
    """`roc` of scores that are already checked and sorted upwards (weights in the same order)."""
    last = np.append(values[1:] != values[:-1], True)  # the last trial of each group of ties
    distinct = values[last]
    counts = np.ones(values.size) if weights is None else weights
    rejected = np.cumsum(counts * labels, axis=-1)[..., last]
    rejected_spoof = np.cumsum(counts * ~labels, axis=-1)[..., last]
    totals = rejected[..., -1:], rejected_spoof[..., -1:]
    if not (np.all(totals[0] > 0) and np.all(totals[1] > 0)):
        raise InputError("the weights leave a class without trials")
    start = np.zeros((*rejected.shape[:-1], 1))
    return Roc(
        thresholds=_thresholds(distinct),
        frr=np.concatenate([start, rejected / totals[0]], axis=-1),
        far=np.concatenate([start + 1.0, 1.0 - rejected_spoof / totals[1]], axis=-1),
    )


def _thresholds(distinct: Floats) -> Floats:
    """Thresholds halfway between neighbouring scores, so that they also serve unseen trials."""
    below, above = distinct[:-1], distinct[1:]
    middle = below / 2 + above / 2
    middle = np.where((middle > below) & (middle <= above), middle, above)
    return np.concatenate([distinct[:1], middle, np.nextafter(distinct[-1:], np.inf)])


def eer_of(curve: Roc) -> Floats:
    """Equal error rate of each curve: where the polyline crosses FRR = FAR, interpolated."""
    gap = curve.frr - curve.far  # from -1 up to 1, never falling
    after = np.count_nonzero(gap < 0, axis=-1, keepdims=True)
    gap_a, gap_b = (np.take_along_axis(gap, after - step, axis=-1) for step in (1, 0))
    frr_a, frr_b = (np.take_along_axis(curve.frr, after - step, axis=-1) for step in (1, 0))
    share = gap_a / (gap_a - gap_b)
    return (frr_a + share * (frr_b - frr_a))[..., 0]


def auc_of(curve: Roc) -> Floats:
    """Area under each curve, i.e. P(bona fide > spoof) + P(tie) / 2."""
    steps = np.diff(curve.frr, axis=-1)
    return np.sum(steps * (curve.far[..., 1:] + curve.far[..., :-1]), axis=-1) * -0.5 + 1.0


def eer(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> tuple[float, float]:
    """Equal error rate in [0, 1], and the threshold nearest to it.

    The rate is read off the tie-aware ROC by linear interpolation, so all scores tied give 0.5
    and reversed scores give 1 - EER.

    >>> eer([0.1, 0.4, 0.35, 0.8], [False, False, True, True])[0]
    0.5
    >>> eer([1.0, 1.0, 1.0, 1.0], [False, False, True, True])[0]  # nothing but ties
    0.5
    """
    curve = roc(scores, bonafide)
    nearest = np.argmin(np.abs(curve.frr - curve.far))
    return float(eer_of(curve)), float(curve.thresholds[nearest])


def auc(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Area under the ROC in [0, 1]; a tied pair counts one half.

    >>> auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    return float(auc_of(roc(scores, bonafide)))


def average_precision(scores: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Average precision of finding spoof: sum of precision x step in recall, ties in one step."""
    values, labels = checked(scores, bonafide)
    curve = roc(values, labels)
    spoof = (1.0 - curve.far) * np.count_nonzero(~labels)  # spoofs rejected at each threshold
    rejected = spoof + curve.frr * np.count_nonzero(labels)
    precision = spoof[1:] / rejected[1:]
    return float(np.sum(np.diff(1.0 - curve.far) * precision))


def min_dcf(scores: npt.ArrayLike, bonafide: npt.ArrayLike, costs: Costs = ASVSPOOF5) -> float:
    """Smallest detection cost over all thresholds; 1 is what a constant decision costs."""
    curve = roc(scores, bonafide)
    miss, accept = costs.weights
    return float(np.min(miss * curve.frr + accept * curve.far) / min(miss, accept))


def act_dcf(llr: npt.ArrayLike, bonafide: npt.ArrayLike, costs: Costs = ASVSPOOF5) -> float:
    """Detection cost at the Bayes threshold of calibrated log-likelihood ratios (natural log).

    `llr` is log p(x | bona fide) - log p(x | spoof). Normalised as `min_dcf`, and never below it.
    """
    values, labels = checked(llr, bonafide)
    miss, accept = costs.weights
    rejected = values < np.log(accept / miss)
    cost = miss * np.mean(rejected[labels]) + accept * np.mean(~rejected[~labels])
    return float(cost / min(miss, accept))


def cllr(llr: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Cost of log-likelihood ratios in bits (Brummer and du Preez 2006); 1 says nothing.

    >>> cllr([0.0, 0.0], [True, False])
    1.0
    """
    values, labels = checked(llr, bonafide)
    bona, spoof = np.logaddexp(0.0, -values[labels]), np.logaddexp(0.0, values[~labels])
    return float((bona.mean() + spoof.mean()) / 2 / np.log(2.0))


@dataclass(frozen=True)
class Confusion:
    """Counts at a threshold, positive class spoof; floats or arrays of shape (B,)."""

    hit: Floats  # spoof rejected
    missed: Floats  # spoof accepted
    false_alarm: Floats  # bona fide rejected
    correct: Floats  # bona fide accepted

    @property
    def precision(self) -> Floats:
        """Share of spoofs among rejected trials; NaN where nothing was rejected."""
        return _ratio(self.hit, self.hit + self.false_alarm)

    @property
    def recall(self) -> Floats:
        """Share of spoofs that were rejected."""
        return _ratio(self.hit, self.hit + self.missed)

    @property
    def specificity(self) -> Floats:
        """Share of bona fide trials that were accepted."""
        return _ratio(self.correct, self.correct + self.false_alarm)

    @property
    def f1(self) -> Floats:
        """F1 of spoof."""
        return _ratio(2 * self.hit, 2 * self.hit + self.missed + self.false_alarm)

    @property
    def macro_f1(self) -> Floats:
        """Mean of the F1 of spoof and the F1 of bona fide."""
        other = _ratio(2 * self.correct, 2 * self.correct + self.missed + self.false_alarm)
        return (self.f1 + other) / 2

    @property
    def accuracy(self) -> Floats:
        """Share of correct decisions; says little where one class is rare."""
        total = self.hit + self.missed + self.false_alarm + self.correct
        return _ratio(self.hit + self.correct, total)

    @property
    def balanced_accuracy(self) -> Floats:
        """Mean of the share of spoofs rejected and of bona fide trials accepted."""
        return (self.recall + self.specificity) / 2


def confusion(scores: npt.ArrayLike, bonafide: npt.ArrayLike, threshold: float) -> Confusion:
    """Counts of the four outcomes at `threshold`, which must not come from these trials."""
    values, labels = checked(scores, bonafide)
    return Confusion(*outcomes(values, labels, threshold).sum(axis=0))


def outcomes(values: Floats, labels: Bools, threshold: float) -> Floats:
    """Indicators (n, 4) of the four outcomes, in the order of `Confusion`'s fields."""
    rejected = values < threshold
    columns = [~labels & rejected, ~labels & ~rejected, labels & rejected, labels & ~rejected]
    return np.stack(columns, axis=-1).astype(np.float64)


def tied_share(scores: npt.ArrayLike) -> float:
    """Share of trials whose score some other trial has too."""
    counts = np.unique(np.asarray(scores, dtype=np.float64), return_counts=True)[1]
    return float(counts[counts > 1].sum() / counts.sum())


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """The quotient; NaN where the denominator is 0."""
    nan = np.full(np.broadcast(top, bottom).shape, np.nan)
    return np.divide(top, bottom, out=nan, where=np.asarray(bottom) > 0)
