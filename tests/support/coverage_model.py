"""Coverage of nominal intervals on models of clustered scores with known true metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from benchmark.metrics import (
    bootstrap,
    bootstrap_scale,
    decision,
    discrimination,
    error_parts,
)
from benchmark.metrics.bootstrap_metrics import METRICS, replicate
from benchmark.metrics.calibration import Calibration, calibrate
from tests.support import score_model
from tests.support.score_model import Trials

SIZE = 8  # trials per cluster
OFFSET = 0.7  # standard deviation of cluster offsets, in units of that within a cluster
LARGE = 1_000_000  # trials whose metrics are the truth


class Model(Protocol):
    """Two detectors that score the same trials."""

    def drawn(self, rng: np.random.Generator, clusters: int) -> Trials:
        """Draw trials of so many clusters."""
        ...

    @property
    def size(self) -> int:
        """Trials per cluster."""
        ...


@dataclass(frozen=True)
class Pair:
    """Detectors with normal scores.

    gaps        : mean bona fide score minus mean spoof score, in standard deviations within a
                  cluster
    correlation : of their scores within a class
    """

    gaps: tuple[float, float]
    correlation: float
    size: int = SIZE

    def drawn(self, rng: np.random.Generator, clusters: int) -> Trials:
        """Draw trials, half of them bona fide."""
        scores, bonafide, cluster = drawn(rng, clusters, self.gaps[0])
        common = self.correlation * (scores - self.gaps[0] * bonafide)
        rest = np.sqrt(1 - self.correlation**2) * _noise(rng, cluster)
        other = common + rest + self.gaps[1] * bonafide
        return Trials(np.stack([scores, other]), bonafide, cluster)


@dataclass(frozen=True)
class Published:
    """Two published systems (`score_model`), made as good as is asked for.

    eers        : of the two
    per_speaker : bona fide and spoof trials
    """

    names: tuple[str, str]
    eers: tuple[float, float]
    per_speaker: tuple[int, int]

    @property
    def size(self) -> int:
        """Trials per speaker."""
        return sum(self.per_speaker)

    def drawn(self, rng: np.random.Generator, clusters: int) -> Trials:
        """Draw trials with the correlation of the two systems."""
        return score_model.drawn(rng, [*self.names], [*self.eers], clusters, self.per_speaker)


PAIRS = {
    "close": Pair((1.5, 1.7), 0.9),
    "moderate": Pair((1.5, 1.8), 0.6),
    "apart": Pair((1.5, 2.0), 0.3),
    "strong": Pair((3.0, 3.4), 0.6),
    "almost one": Pair((1.5, 1.8), 0.97),
}


def drawn(
    rng: np.random.Generator, clusters: int, gap: float = 1.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw scores, labels and clusters; half is bona fide, and every cluster has an offset."""
    cluster = np.repeat(np.arange(clusters), SIZE)
    bonafide = np.tile(np.arange(SIZE) % 2 == 0, clusters)
    return _noise(rng, cluster) + gap * bonafide, bonafide, cluster


def _noise(rng: np.random.Generator, cluster: np.ndarray) -> np.ndarray:
    offset = rng.normal(size=cluster.max() + 1) * OFFSET
    return rng.normal(size=cluster.size) + offset[cluster]


@dataclass(frozen=True)
class Frozen:
    """The threshold and the calibration of a detector, which are its own in the population."""

    threshold: float
    calibration: Calibration


def hits(
    rng: np.random.Generator, model: Model, clusters: int, rounds: int, resamples: int
) -> dict[str, int]:
    """Count how often the interval of each metric and each paired difference covers the truth.

    Keys are the metric names for the first detector, and these names with `_difference`.
    """
    large = model.drawn(rng, LARGE // model.size)
    rankings = [discrimination.rank(values, large.bonafide) for values in large.scores]
    frozen = [
        Frozen(discrimination.eer_of(discrimination.roc_of(r))[1], calibrate(s, large.bonafide))
        for r, s in zip(rankings, large.scores, strict=True)
    ]
    one, two = (_metrics(r, f) for r, f in zip(rankings, frozen, strict=True))
    truth = {name: np.asarray(value) for name, value in _with_differences(one, two).items()}
    found = dict.fromkeys(truth, 0)
    for _ in range(rounds):
        trials = model.drawn(rng, clusters)
        smaller = min(np.count_nonzero(trials.bonafide), np.count_nonzero(~trials.bonafide))
        digest = f"{rng.integers(1 << 60):016x}"
        draws = bootstrap.resample(trials.cluster, trials.bonafide, digest, resamples)
        cells = []
        for scores, known in zip(trials.scores, frozen, strict=True):
            ranking = discrimination.rank(scores, trials.bonafide)
            raw = replicate(ranking, draws, known.threshold, known.calibration)
            cells.append(vars(bootstrap_scale.scaled(_metrics(ranking, known), raw, smaller)))
        for name, values in _with_differences(*cells).items():
            low, high = bootstrap.interval(values)
            found[name] += low <= truth[name] <= high
    return found


def _metrics(ranking: discrimination.Ranking, frozen: Frozen) -> dict[str, float]:
    curve, llr = discrimination.roc_of(ranking), frozen.calibration(ranking.values)
    counts = decision.confusion(ranking.values, ranking.bonafide, frozen.threshold)
    return {
        "eer": discrimination.eer_of(curve)[0],
        "auc": discrimination.auc_of(curve),
        "f1": float(counts.f1),
        "min_dcf": decision.min_dcf_of(curve),
        "act_dcf": decision.act_dcf(llr, ranking.bonafide),
        "cllr": decision.cllr(llr, ranking.bonafide),
        "least_error": error_parts.least_error_of(curve),
    }


def _with_differences(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    return one | {f"{name}_difference": one[name] - two[name] for name in METRICS}
