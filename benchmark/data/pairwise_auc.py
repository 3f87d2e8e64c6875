"""The AUC of scores that may be compared within groups only."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

Group = tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]


def pairwise_auc(groups: Iterable[Group]) -> float | None:
    """Return the mean AUC of groups, weighted by their pairs of trials; None without a pair.

    groups : whether each trial is bona fide (n,), and its score (n,), per group

    A trial is ranked against those of its own group alone.
    """
    pairs, total = 0, 0.0
    for bonafide, scores in groups:
        human = int(np.count_nonzero(bonafide))
        if weight := human * (len(bonafide) - human):
            pairs += weight
            total += weight * float(roc_auc_score(bonafide, scores))
    return round(total / pairs, 4) if pairs else None
