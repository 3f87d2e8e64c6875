"""Metrics of scores and labels in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError
from benchmark.data.protocol import LABELS
from benchmark.metrics import decision, discrimination
from benchmark.metrics.decision import ASVSPOOF5, Costs
from benchmark.metrics.discrimination import Bools, Floats


@dataclass(frozen=True)
class Metrics:
    """Metrics of one set of trials; positive class spoof, rates from 0 to 1.

    threshold  : scores below it are called spoof
    oracle     : True if the threshold was chosen on these same trials, at their EER; precision,
                 recall, F1 and accuracy are then optimistic
    tp, fp     : spoof and bona fide trials called spoof
    tn, fn     : bona fide and spoof trials called bona fide
    min_dcf    : with the costs of ASVspoof 5 unless others are given
    """

    eer: float
    auc: float
    average_precision: float
    min_dcf: float
    threshold: float
    oracle: bool
    f1: float
    precision: float
    recall: float
    accuracy: float
    balanced_accuracy: float
    tp: int
    fp: int
    tn: int
    fn: int
    n_bonafide: int
    n_spoof: int


def eer(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the equal error rate, 0 to 1; arguments and errors as in `metrics`."""
    values, bonafide = _trials(scores, labels)
    return discrimination.eer(values, bonafide)[0]


def metrics(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    threshold: float | None = None,
    costs: Costs = ASVSPOOF5,
) -> Metrics:
    """Return the metrics of scores (n,), higher = more bona fide, with their labels (n,).

    labels    : words `bonafide` and `spoof`, or booleans (True = bona fide)
    threshold : the lowest score that counts as bona fide, chosen on other trials; None: the EER
                point of these trials

    Raises `InputError` for scores that are not finite, for other labels or for one class only.
    """
    values, bonafide = _trials(scores, labels)
    curve = discrimination.roc(values, bonafide)
    rate, own = discrimination.eer_of(curve)
    limit = own if threshold is None else _threshold(threshold)
    counts = decision.confusion(values, bonafide, limit)
    rejected = values < limit
    return Metrics(
        rate,
        discrimination.auc_of(curve),
        discrimination.average_precision_of(curve),
        decision.min_dcf_of(curve, costs),
        limit,
        threshold is None,
        float(counts.f1),
        float(counts.precision),
        float(counts.recall),
        float(counts.accuracy),
        float(counts.balanced_accuracy),
        int((rejected & ~bonafide).sum()),
        int((rejected & bonafide).sum()),
        int((~rejected & bonafide).sum()),
        int((~rejected & ~bonafide).sum()),
        int(bonafide.sum()),
        int((~bonafide).sum()),
    )


def _trials(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, Bools]:
    given = _array("scores", scores)
    if given.dtype.kind not in "iuf":
        raise InputError(f"scores: want numbers, not values of type {given.dtype}")
    values = given.astype(np.float64)
    bonafide = _bonafide(_array("labels", labels))
    if values.size != bonafide.size:
        raise InputError(f"there are {values.size} scores and {bonafide.size} labels")
    bad = ~np.isfinite(values)
    if bad.any():
        raise InputError(f"score {int(bad.argmax())} is {values[bad.argmax()]}: want finite scores")
    for name, held in zip(LABELS, (bonafide.any(), (~bonafide).any()), strict=True):
        if not held:
            raise InputError(f"the labels hold no {name} trial: both classes are needed")
    return values, bonafide


def _threshold(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise InputError(f"threshold: want a number, not {value!r}")
    number = float(value)
    if np.isnan(number):
        raise InputError("threshold: want a number, not NaN")
    return number


def _array(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return the values as an array (n,), n >= 1; `InputError` if they are none."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name}: want one array ({error})") from error
    if array.ndim != 1 or not array.size:
        raise InputError(f"{name}: want one value per trial, not an array of shape {array.shape}")
    return array


def _bonafide(labels: npt.NDArray[np.generic]) -> Bools:
    """Return which labels are bona fide; 0 and 1 are refused, because either may be the spoofs."""
    if all(isinstance(label, (bool, np.bool_)) for label in labels):
        return labels.astype(np.bool_)
    words = [str(word) for word in labels.ravel()]
    strange = sorted(set(words) - set(LABELS))
    if strange:
        raise InputError(
            f"label {strange[0]!r}: want the words bonafide and spoof, or booleans (True = bona"
            " fide)"
        )
    return np.array([word == "bonafide" for word in words]).reshape(labels.shape)
