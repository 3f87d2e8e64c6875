"""Decision metrics: what scores say at a threshold, or as log-likelihood ratios.

The conventions of `metrics` hold: higher scores = more bona fide, spoof is the positive class of
precision, recall and F1, and a miss is a bona fide trial rejected (as in ASVspoof 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError
from benchmark.metrics.discrimination import Bools, Floats, Roc, checked, roc


@dataclass(frozen=True)
class Costs:
    """Detection costs; the defaults are those of ASVspoof 5 (Wang et al. 2024), track 1.

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
        """What FRR and FAR weigh in the normalised cost.

        Normalised by what the better constant decision costs.

        >>> ASVSPOOF5.weights
        (1.9, 1.0)
        """
        miss, accept = self.miss * (1.0 - self.p_spoof), self.false_accept * self.p_spoof
        return miss / min(miss, accept), accept / min(miss, accept)

    @property
    def threshold(self) -> float:
        """The log-likelihood ratio at or above which accepting costs less (Bayes)."""
        miss, accept = self.weights
        return float(np.log(accept / miss))


ASVSPOOF5 = Costs()


def parse_costs(text: str) -> Costs:
    """Costs from `P_SPOOF,C_MISS,C_FA`; `InputError` where they make no sense.

    >>> parse_costs("0.05,1,10") == ASVSPOOF5
    True
    """
    try:
        p_spoof, miss, false_accept = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"costs are P_SPOOF,C_MISS,C_FA, three numbers, not {text!r}") from error
    return Costs(p_spoof, miss, false_accept)


def min_dcf_of(curve: Roc, costs: Costs = ASVSPOOF5) -> float:
    """`min_dcf` of a curve."""
    miss, accept = costs.weights
    return float(np.min(miss * curve.frr + accept * curve.far))


def min_dcf(scores: npt.ArrayLike, bonafide: npt.ArrayLike, costs: Costs = ASVSPOOF5) -> float:
    """Smallest detection cost over all thresholds; 1 is what a constant decision costs.

    The normalised detection cost function of the NIST evaluations, with the costs of ASVspoof 5
    (Wang et al. 2024).

    >>> min_dcf([1.0, 3.0, 2.0, 4.0], [False, False, True, True])  # rejects below 2: 1 of 2 passes
    0.5
    """
    return min_dcf_of(roc(scores, bonafide), costs)


def act_dcf(llr: npt.ArrayLike, bonafide: npt.ArrayLike, costs: Costs = ASVSPOOF5) -> float:
    """Detection cost at the Bayes threshold of calibrated log-likelihood ratios (natural log).

    `llr` is log p(x | bona fide) - log p(x | spoof). Normalised as `min_dcf`, and never below it.

    >>> act_dcf([-1.0, 1.0, 0.0, 2.0], [False, False, True, True])  # accepts from -0.64 up
    0.5
    """
    values, labels = checked(llr, bonafide)
    miss, accept = costs.weights
    rejected = values < costs.threshold
    return float(miss * np.mean(rejected[labels]) + accept * np.mean(~rejected[~labels]))


def cllr(llr: npt.ArrayLike, bonafide: npt.ArrayLike) -> float:
    """Cost of log-likelihood ratios in bits (Brummer and du Preez 2006); 1 says nothing.

    >>> cllr([0.0, 0.0], [True, False])
    1.0
    """
    values, labels = checked(llr, bonafide)
    bits = llr_bits(values, labels)
    return float((bits[labels].mean() + bits[~labels].mean()) / 2)


def llr_bits(llr: Floats, labels: Bools) -> Floats:
    """The cost in bits of each trial's log-likelihood ratio, (n,): log2(1 + exp(-+llr))."""
    return np.asarray(np.logaddexp(0.0, np.where(labels, -llr, llr)) / np.log(2.0))


@dataclass(frozen=True)
class Confusion:
    """Counts at a threshold, positive class spoof; floats or arrays of shape (B,).

    Source of the ratios: Manning, Raghavan and Schuetze 2008, chapter 8; macro-F1 is the mean of
    the two classes' F1 (Sokolova and Lapalme 2009 leave the order open; this is scikit-learn's).

    >>> counts = confusion([1.0, 3.0, 2.0, 4.0, 5.0], [False, False, True, True, True], 2.5)
    >>> [float(n) for n in (counts.hit, counts.missed, counts.false_alarm, counts.correct)]
    [1.0, 1.0, 1.0, 2.0]
    >>> float(counts.f1), float(counts.accuracy)
    (0.5, 0.6)
    """

    hit: Floats  # spoof rejected: true positives
    missed: Floats  # spoof accepted: false negatives
    false_alarm: Floats  # bona fide rejected: false positives
    correct: Floats  # bona fide accepted: true negatives

    @property
    def precision(self) -> Floats:
        """Share of spoofs among rejected trials; NaN where nothing was rejected."""
        return _ratio(self.hit, self.hit + self.false_alarm)

    @property
    def recall(self) -> Floats:
        """Share of spoofs that were rejected."""
        return _ratio(self.hit, self.hit + self.missed)

    @property
    def f1(self) -> Floats:
        """F1 of spoof."""
        return _ratio(2 * self.hit, 2 * self.hit + self.missed + self.false_alarm)

    @property
    def bonafide(self) -> Confusion:
        """The same counts with bona fide as the positive class: the other half of the report."""
        return Confusion(self.correct, self.false_alarm, self.missed, self.hit)

    @property
    def macro_f1(self) -> Floats:
        """Mean of the F1 of spoof and the F1 of bona fide."""
        return (self.f1 + self.bonafide.f1) / 2

    @property
    def accuracy(self) -> Floats:
        """Share of correct decisions; says little where one class is rare."""
        total = self.hit + self.missed + self.false_alarm + self.correct
        return _ratio(self.hit + self.correct, total)

    @property
    def balanced_accuracy(self) -> Floats:
        """Mean of the share of spoofs rejected and of bona fide trials accepted."""
        return (self.recall + self.bonafide.recall) / 2

    def report(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and support of each class.

        >>> confusion([1.0, 2.0], [False, True], 1.5).report()["bonafide"]
        {'precision': 1.0, 'recall': 1.0, 'f1': 1.0, 'support': 1.0}
        """
        return {
            name: {
                "precision": float(side.precision),
                "recall": float(side.recall),
                "f1": float(side.f1),
                "support": float(side.hit + side.missed),
            }
            for name, side in (("spoof", self), ("bonafide", self.bonafide))
        }


def confusion(scores: npt.ArrayLike, bonafide: npt.ArrayLike, threshold: float) -> Confusion:
    """Counts of the four outcomes at `threshold`.

    A threshold that comes from these very trials makes an oracle of every figure: say so.
    """
    values, labels = checked(scores, bonafide)
    return Confusion(*outcomes(values, labels, threshold).sum(axis=0))


def outcomes(values: Floats, labels: Bools, threshold: float) -> Floats:
    """Indicators (n, 4) of the four outcomes, in the order of `Confusion`'s fields."""
    rejected = values < threshold
    columns = [~labels & rejected, ~labels & ~rejected, labels & rejected, labels & ~rejected]
    return np.stack(columns, axis=-1).astype(np.float64)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """The quotient; NaN where the denominator is 0."""
    nan = np.full(np.broadcast(top, bottom).shape, np.nan)
    return np.divide(top, bottom, out=nan, where=np.asarray(bottom) > 0)
