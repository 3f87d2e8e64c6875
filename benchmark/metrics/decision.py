"""Decision metrics of scores at a threshold, or of log-likelihood ratios.

The conventions of `discrimination` apply: higher scores = more bona fide, spoof is the positive
class of precision, recall and F1, and a miss is a bona fide trial rejected (as in ASVspoof 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError
from benchmark.metrics.discrimination import Bools, Floats, Roc, checked, roc


@dataclass(frozen=True)
class Costs:
    """Detection costs; the defaults are those of ASVspoof 5, track 1 (Wang et al. 2024).

    p_spoof      : prior probability of a spoof, in (0, 1)
    miss         : cost of rejecting a bona fide trial, above 0
    false_accept : cost of accepting a spoof, above 0
    """

    p_spoof: float = 0.05
    miss: float = 1.0
    false_accept: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.p_spoof < 1:
            raise InputError(f"the prior of spoof must lie between 0 and 1, not {self.p_spoof:g}")
        for name, value in (("a miss", self.miss), ("a false acceptance", self.false_accept)):
            if not 0 < value < np.inf:
                raise InputError(f"the cost of {name} must be above 0, not {value:g}")

    @property
    def weights(self) -> tuple[float, float]:
        """Weights of FRR and FAR in the cost, normalised by that of the better constant decision.

        >>> ASVSPOOF5.weights
        (1.9, 1.0)
        """
        miss, accept = self.miss * (1.0 - self.p_spoof), self.false_accept * self.p_spoof
        return miss / min(miss, accept), accept / min(miss, accept)

    @property
    def threshold(self) -> float:
        """Bayes threshold: log-likelihood ratio at or above which accepting costs less."""
        miss, accept = self.weights
        return float(np.log(accept / miss))


ASVSPOOF5 = Costs()


def parse_costs(text: str) -> Costs:
    """Parse costs from `P_SPOOF,C_MISS,C_FA`; `InputError` for invalid values.

    >>> parse_costs("0.05,1,10") == ASVSPOOF5
    True
    """
    try:
        p_spoof, miss, false_accept = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"costs are P_SPOOF,C_MISS,C_FA, three numbers, not {text!r}") from error
    return Costs(p_spoof, miss, false_accept)


def min_dcf_of(curve: Roc, costs: Costs = ASVSPOOF5) -> float:
    """Return `min_dcf` of a ROC."""
    miss, accept = costs.weights
    return float(np.min(miss * curve.frr + accept * curve.far))


def min_dcf(scores: npt.ArrayLike, bonafide: npt.ArrayLike, costs: Costs = ASVSPOOF5) -> float:
    """Return the smallest normalised detection cost over all thresholds, in [0, 1].

    A constant decision costs 1. This is the detection cost function of the NIST evaluations, by
    default with the costs of ASVspoof 5 (Wang et al. 2024).

    >>> min_dcf([1.0, 3.0, 2.0, 4.0], [False, False, True, True])  # rejects below 2: 1 of 2 passes
    0.5
    """
    return min_dcf_of(roc(scores, bonafide), costs)


def act_dcf(llr: npt.ArrayLike, bonafide: npt.ArrayLike, costs: Costs = ASVSPOOF5) -> float:
    """Return the detection cost of log-likelihood ratios (natural log) at the Bayes threshold.

    `llr` (n,) is log p(x | bona fide) - log p(x | spoof). The cost is normalised as in `min_dcf`,
    and never below it.

    >>> act_dcf([-1.0, 1.0, 0.0, 2.0], [False, False, True, True])  # accepts from -0.64 up
    0.5
    """
    values, labels = checked(llr, bonafide)
    miss, accept = costs.weights
    rejected = values < costs.threshold
    return float(miss * np.mean(rejected[labels]) + accept * np.mean(~rejected[~labels]))


def cllr(llr: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Return the cost in bits of log-likelihood ratios, at least 0 (Brummer and du Preez 2006).

    Ratios without information (all 0) cost 1.

    >>> cllr([0.0, 0.0], [True, False])
    1.0
    """
    values, labels = checked(llr, bonafide)
    bits = llr_bits(values, labels)
    return float((bits[labels].mean() + bits[~labels].mean()) / 2)


def llr_bits(llr: Floats, labels: Bools) -> Floats:
    """Return the cost in bits of each log-likelihood ratio, (n,): log2(1 + exp(-+llr))."""
    return np.asarray(np.logaddexp(0.0, np.where(labels, -llr, llr)) / np.log(2.0))


@dataclass(frozen=True)
class Confusion:
    """Counts of the four outcomes at a threshold, positive class spoof; floats or arrays (B,).

    The ratios follow Manning, Raghavan and Schuetze 2008, chapter 8. Macro-F1 is the mean of both
    classes' F1, as in scikit-learn (Sokolova and Lapalme 2009 do not fix the order of averaging).

    >>> counts = confusion([1.0, 3.0, 2.0, 4.0, 5.0], [False, False, True, True, True], 2.5)
    >>> [float(n) for n in (counts.tp, counts.fp, counts.tn, counts.fn)]
    [1.0, 1.0, 2.0, 1.0]
    >>> float(counts.f1), float(counts.accuracy)
    (0.5, 0.6)
    """

    tp: Floats  # true positives: spoofs rejected
    fp: Floats  # false positives: bona fide rejected
    tn: Floats  # true negatives: bona fide accepted
    fn: Floats  # false negatives: spoofs accepted

    @property
    def precision(self) -> Floats:
        """Share of spoofs among rejected trials; NaN if no trial was rejected."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> Floats:
        """Share of spoofs that were rejected."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> Floats:
        """F1 of the class spoof."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fn + self.fp)

    @property
    def bonafide(self) -> Confusion:
        """The same counts with bona fide as the positive class."""
        return Confusion(self.tn, self.fn, self.tp, self.fp)

    @property
    def macro_f1(self) -> Floats:
        """Mean of the F1 of spoof and the F1 of bona fide."""
        return (self.f1 + self.bonafide.f1) / 2

    @property
    def accuracy(self) -> Floats:
        """Share of correct decisions; not informative if one class is rare."""
        total = self.tp + self.fp + self.tn + self.fn
        return _ratio(self.tp + self.tn, total)

    @property
    def balanced_accuracy(self) -> Floats:
        """Mean of the share of spoofs rejected and the share of bona fide trials accepted."""
        return (self.recall + self.bonafide.recall) / 2

    def report(self) -> dict[str, dict[str, float]]:
        """Return precision, recall, F1 and support of each class.

        >>> confusion([1.0, 2.0], [False, True], 1.5).report()["bonafide"]
        {'precision': 1.0, 'recall': 1.0, 'f1': 1.0, 'support': 1.0}
        """
        return {
            name: {
                "precision": float(side.precision),
                "recall": float(side.recall),
                "f1": float(side.f1),
                "support": float(side.tp + side.fn),
            }
            for name, side in (("spoof", self), ("bonafide", self.bonafide))
        }


def confusion(scores: npt.ArrayLike, bonafide: npt.ArrayLike, threshold: float) -> Confusion:
    """Count the four outcomes at `threshold`.

    If the threshold comes from these same trials, all figures are oracle values; label them so.
    """
    values, labels = checked(scores, bonafide)
    return Confusion(*outcomes(values, labels, threshold).sum(axis=0))


def outcomes(values: Floats, labels: Bools, threshold: float) -> Floats:
    """Return indicators (n, 4) of the four outcomes, in the order of the fields of `Confusion`."""
    rejected = values < threshold
    columns = [~labels & rejected, labels & rejected, labels & ~rejected, ~labels & ~rejected]
    return np.stack(columns, axis=-1).astype(np.float64)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """Return the quotient; NaN where the denominator is 0."""
    nan = np.full(np.broadcast(top, bottom).shape, np.nan)
    return np.divide(top, bottom, out=nan, where=np.asarray(bottom) > 0)
