"""Uncertainty: the paired cluster bootstrap, its intervals, and rank intervals.

Utterances of one speaker are not independent, so whole clusters are drawn with replacement.
The draws depend on the trial set alone: every detector and condition of a track sees the same
resamples, and the difference of two cells has an interval of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark import metrics
from benchmark.errors import InputError
from benchmark.metrics import Bools, Floats

RESAMPLES = 1000
LEVEL = 0.95
FEW_CLUSTERS = 20  # below this many, percentile intervals are too narrow: flagged
_CHUNK = 50_000  # weights held at once: fits the cache, and bounds memory at any number of trials


@dataclass(frozen=True)
class Resamples:
    """B draws of whole clusters from one trial set.

    cluster : (n,), each trial's cluster number
    counts  : (B, clusters), how often each draw holds each cluster; B = 0 where the set has one
              cluster, since nothing can be said about its spread
    """

    cluster: npt.NDArray[np.intp]
    counts: npt.NDArray[np.int16]

    @property
    def size(self) -> int:
        """Number of draws B."""
        return len(self.counts)

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return self.counts.shape[1]


def clusters(table: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Number the cluster of each trial: its speaker, human or synthetic voice.

    Where no trial has a speaker (`-`), the source (the recording or text) takes its place. A
    trial whose own value is `-` is a cluster by itself: nothing ties it to another, and lumping
    all unknowns into one cluster would tie everything.

    >>> clusters(pd.DataFrame({"speaker": ["a", "-", "a", "-"], "source": "-"})).tolist()
    [0, 1, 0, 2]
    """
    column = "speaker" if (table["speaker"] != "-").any() else "source"
    numbers: dict[object, int] = {}
    keys = (row if name == "-" else str(name) for row, name in enumerate(table[column]))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def resample(
    cluster: npt.NDArray[np.intp], bonafide: Bools, digest: str, size: int = RESAMPLES
) -> Resamples:
    """Draw `size` resamples, seeded by the trial digest (hex).

    A draw that leaves a class without trials is drawn again: no error rate is defined on it.
    """
    number = int(cluster.max()) + 1 if cluster.size else 0
    if number < 2:
        return Resamples(cluster, np.zeros((0, number), dtype=np.int16))
    bona = np.bincount(cluster[bonafide], minlength=number)
    spoof = np.bincount(cluster[~bonafide], minlength=number)
    if not (bona.any() and spoof.any()):
        raise InputError("cannot resample: the trial set has one class only")
    rng = np.random.default_rng(int(digest[:16], 16))
    counts = np.zeros((size, number), dtype=np.int16)
    for row in counts:
        while not (row @ bona and row @ spoof):
            row[:] = np.bincount(rng.integers(number, size=number), minlength=number)
    return Resamples(cluster, counts)


@dataclass(frozen=True)
class Replicates:
    """The metrics of one cell in every resample, each of shape (B,); F1 NaN without threshold."""

    eer: Floats
    auc: Floats
    f1: Floats


def replicate(
    scores: Floats, bonafide: Bools, draws: Resamples, threshold: float = np.nan
) -> Replicates:
    """EER, AUC and F1 at `threshold` of every resample; scores are sorted once."""
    values, labels = metrics.checked(scores, bonafide)
    f1 = np.full(draws.size, np.nan)
    if np.isfinite(threshold):
        per_cluster = np.zeros((draws.clusters, 4))
        np.add.at(per_cluster, draws.cluster, metrics.outcomes(values, labels, threshold))
        f1 = metrics.Confusion(*(draws.counts @ per_cluster).T).f1
    order = np.argsort(values, kind="stable")
    values, labels, cluster = values[order], labels[order], draws.cluster[order]
    eer, auc = np.empty(draws.size), np.empty(draws.size)
    step = max(1, _CHUNK // values.size)
    for start in range(0, draws.size, step):
        part = slice(start, start + step)
        weights = draws.counts[part][:, cluster].astype(np.float64)
        curve = metrics.sorted_roc(values, labels, weights)
        eer[part], auc[part] = metrics.eer_of(curve), metrics.auc_of(curve)
    return Replicates(eer, auc, f1)


def interval(replicates: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of replicates (B,); NaN bounds where there are none.

    >>> interval(np.arange(5.0), level=0.5)
    (1.0, 3.0)
    """
    if replicates.size == 0 or np.isnan(replicates).any():
        return float("nan"), float("nan")
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def rank_bounds(means: Sequence[Floats]) -> list[tuple[int, int]]:
    """Best and worst rank of each detector that paired resamples do not rule out.

    `means` holds one array (B,) per detector, lower = better; column b is one resample for all.
    A detector is significantly better than another where the interval of their paired
    difference lies below 0. Its rank lies between 1 + the number significantly better and n -
    the number significantly worse. Without resamples nothing is ruled out.
    """
    number = len(means)
    bounds = []
    for mine in means:
        limits = [interval(mine - other) for other in means]
        worse = sum(high < 0 for _, high in limits)
        better = sum(low > 0 for low, _ in limits)
        bounds.append((1 + better, number - worse))
    return bounds
