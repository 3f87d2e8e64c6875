"""The pooled EER: one threshold for the trials of many cells, which are never held all at once.

Of each cell a sketch is kept: its scores if they are few, else a score for each run of neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.discrimination import Floats, Places, Roc, eer_of, thresholds_between

MOST = 4096  # scores that a sketch holds


@dataclass(frozen=True)
class Sketch:
    """Scores of one class of one cell, in ascending order.

    values, weights : (m,), a score and the number of trials that it stands for
    misplaced       : the most trials that lie on another side of a threshold than their score does
    """

    values: Floats
    weights: Places
    misplaced: int

    @property
    def trials(self) -> int:
        """The number of trials."""
        return int(self.weights.sum())


def sketch(ordered: Floats, most: int = MOST) -> Sketch:
    """Return the sketch of scores (n,) in ascending order.

    With `most` scores or fewer it holds them all. Else each run of neighbours is represented by its
    middle score. A threshold cuts at most one run, so it misplaces at most half of a run.
    """
    number = ordered.size
    ends = np.linspace(0, number, min(number, most) + 1).astype(np.intp)
    sizes = np.diff(ends)
    largest = int(sizes.max(initial=0))
    return Sketch(ordered[ends[:-1] + sizes // 2].copy(), sizes, largest // 2)


def pooled_eer(bonafide: Sequence[Sketch], spoof: Sequence[Sketch]) -> tuple[float, float]:
    """Return the EER of all trials together, and a bound of its error; NaN if a class is absent.

    Every trial counts once, whatever its cell. FRR and FAR of the sketches are within the share of
    misplaced trials of the true ones at every threshold, so their crossing is too.
    """
    if not (sum(one.trials for one in bonafide) and sum(one.trials for one in spoof)):
        return float("nan"), float("nan")
    sides = [_joined(side) for side in (bonafide, spoof)]
    distinct = np.unique(np.concatenate([values for values, _ in sides]))
    rejected = []
    for values, weights in sides:
        held = np.bincount(np.searchsorted(distinct, values), weights, minlength=distinct.size)
        rejected.append(np.append(0.0, np.cumsum(held)))
    (bona, fake), (n_bona, n_fake) = rejected, (int(side[-1]) for side in rejected)
    curve = Roc(thresholds_between(distinct), bona / n_bona, 1.0 - fake / n_fake, n_bona, n_fake)
    error = max(
        sum(one.misplaced for one in side) / number
        for side, number in ((bonafide, n_bona), (spoof, n_fake))
    )
    return eer_of(curve)[0], float(error)


def _joined(side: Sequence[Sketch]) -> tuple[Floats, Places]:
    return (
        np.concatenate([one.values for one in side]),
        np.concatenate([one.weights for one in side]),
    )
