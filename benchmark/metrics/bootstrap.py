"""Uncertainty: the paired cluster bootstrap and its intervals.

Utterances of one speaker are not independent, so whole clusters are drawn with replacement.
The draws depend on the trial set alone. Every detector and condition of a track thus gets the same
resamples, and the difference of two cells gets a paired interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri, stdtrit

from benchmark.core.errors import InputError
from benchmark.metrics.discrimination import Bools, Floats, Places

RESAMPLES = 1000
LEVEL = 0.95
FEW_CLUSTERS = 20  # with fewer, percentile intervals are too narrow and are flagged
MANY_CLUSTERS = 1000  # with more, clusters are drawn in groups


@dataclass(frozen=True)
class Resamples:
    """B draws of whole clusters from one trial set.

    cluster : (n,), cluster number of each trial
    unit    : (n,), number of each trial's resampling unit: its cluster or a group of clusters
    counts  : (B, units), how often each draw has each unit; B = 0 if the set has one cluster,
              because the spread is then unknown
    """

    cluster: Places
    unit: Places
    counts: npt.NDArray[np.int16]

    @property
    def size(self) -> int:
        """Number of draws B."""
        return len(self.counts)

    @property
    def units(self) -> int:
        """Number of resampling units."""
        return self.counts.shape[1]

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self.cluster.max()) + 1 if self.cluster.size else 0


def clusters(table: pd.DataFrame) -> Places:
    """Return the cluster number of each trial, (n,): its speaker, human or synthetic voice.

    If no trial has a known speaker (`-`), the source (recording or text) is used instead. A trial
    whose own value is `-` is a cluster by itself: no other trial is known to depend on it. One
    cluster of all unknowns would make all of them dependent.

    >>> clusters(pd.DataFrame({"speaker": ["a", "-", "a", "-"], "source": "-"})).tolist()
    [0, 1, 0, 2]
    """
    column = "speaker" if (table["speaker"] != "-").any() else "source"
    numbers: dict[object, int] = {}
    keys = (row if name == "-" else str(name) for row, name in enumerate(table[column]))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def resample(cluster: Places, bonafide: Bools, digest: str, size: int = RESAMPLES) -> Resamples:
    """Draw `size` resamples, seeded by the trial digest (hex).

    cluster  : (n,), cluster numbers; bonafide: (n,), labels

    A draw without trials of a class is repeated, because no error rate is defined on it. A draw has
    slightly fewer clusters than the set (`drawn_number`). More than `MANY_CLUSTERS` clusters are
    assigned at random to that many groups of equal size, and the groups are drawn instead (random
    groups: Wolter 2007, "Introduction to Variance Estimation", chapter 2). Groups of independent
    clusters are independent. 1,000 groups determine a standard error to within 2.2 %, as precisely
    as 1,000 resamples do. Raises `InputError` if the trial set has one class only.
    """
    number = int(cluster.max()) + 1 if cluster.size else 0
    rng = np.random.default_rng(int(digest[:16], 16))
    unit = cluster
    if number > MANY_CLUSTERS:
        unit = (rng.permutation(number) % MANY_CLUSTERS)[cluster]
    units = min(number, MANY_CLUSTERS)
    if number < 2:
        return Resamples(cluster, unit, np.zeros((0, units), dtype=np.int16))
    bona = np.bincount(unit[bonafide], minlength=units)
    spoof = np.bincount(unit[~bonafide], minlength=units)
    if not (bona.any() and spoof.any()):
        raise InputError("cannot resample: the trial set has one class only")
    counts = np.zeros((size, units), dtype=np.int16)
    number = drawn_number(units)
    for row in counts:
        while not (row @ bona and row @ spoof):
            row[:] = np.bincount(rng.integers(units, size=number), minlength=units)
    return Resamples(cluster, unit, counts)


def degrees_of_freedom(units: int) -> float:
    """Return how well the spread between clusters is known, in degrees of freedom.

    Normal and equal clusters would give K - 1. The contributions of speakers to an error rate have
    heavier tails: a few speakers hold most errors. The variance of a variance grows with their
    kurtosis (Satterthwaite 1946, "An approximate distribution of estimates of variance
    components"), and a kurtosis of 5 halves the degrees of freedom. Half is what the simulations on
    real scores ask for (`docs/statistics.md`).

    >>> degrees_of_freedom(20)
    9.5
    """
    return (units - 1) / 2


def drawn_number(units: int) -> int:
    """Return the number of clusters per resample that gives percentiles of the correct width.

    Drawing K of K clusters makes the spread too small by sqrt((K - 1) / K). It also gives
    percentiles of a normal distribution instead of Student's t. Together the interval is 5.9 % too
    narrow at 50 clusters (Hesterberg 2015, "What teachers should know about the bootstrap"). The
    spread of m draws is proportional to 1 / sqrt(m), so m is chosen to correct this (m out of n:
    Rao and Wu 1988). The minimum is two, because one cluster may have a single class.

    >>> drawn_number(20), drawn_number(50), drawn_number(1000)
    (14, 44, 994)
    """
    tail = (1 + LEVEL) / 2
    wider = stdtrit(degrees_of_freedom(units), tail) / ndtri(tail)
    return max(2, round((units - 1) / wider**2))


def interval(replicates: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of replicates (B,); NaN bounds without replicates or with NaN.

    >>> interval(np.arange(5.0), level=0.5)
    (1.0, 3.0)
    """
    if replicates.size == 0 or np.isnan(replicates).any():
        return float("nan"), float("nan")
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
