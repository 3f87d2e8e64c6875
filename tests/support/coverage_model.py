"""Do nominal intervals cover the truth: a model of clustered scores whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics import bootstrap, decision, discrimination
from benchmark.metrics.bootstrap_metrics import METRICS, replicate
from benchmark.metrics.calibration import Calibration

THRESHOLD = 0.7
CALIBRATION = Calibration(1.0, -0.7)
SIZE = 8  # trials of a cluster
OWN = 0.7  # standard deviation of a cluster's offset, in that of its trials


@dataclass(frozen=True)
class Pair:
    """Two detectors that hear the same trials.

    gaps        : how far their bona fide scores lie above their spoof scores, in standard
                  deviations of the scores of a cluster
    correlation : of their scores within a class
    """

    gaps: tuple[float, float]
    correlation: float


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
    """Scores, labels, clusters; half bona fide, every cluster with its own offset."""
    cluster = np.repeat(np.arange(clusters), SIZE)
    bonafide = np.tile(np.arange(SIZE) % 2 == 0, clusters)
    return _noise(rng, cluster) + gap * bonafide, bonafide, cluster


def _noise(rng: np.random.Generator, cluster: np.ndarray) -> np.ndarray:
    own = rng.normal(size=cluster.max() + 1) * OWN
    return rng.normal(size=cluster.size) + own[cluster]


def hits(
    rng: np.random.Generator, pair: Pair, clusters: int, rounds: int, resamples: int
) -> dict[str, int]:
    """How often the interval of every metric, and of its paired difference, holds the truth.

    By the metric's name, of the first detector; and that name with `_difference`.
    """

    def rankings(number: int) -> tuple[list[discrimination.Ranking], np.ndarray]:
        scores, bonafide, cluster = drawn(rng, number, pair.gaps[0])
        common = pair.correlation * (scores - pair.gaps[0] * bonafide)
        rest = np.sqrt(1 - pair.correlation**2) * _noise(rng, cluster)
        other = common + rest + pair.gaps[1] * bonafide
        return [discrimination.rank(values, bonafide) for values in (scores, other)], cluster

    one, two = (_metrics(ranking) for ranking in rankings(125_000)[0])
    truth = _with_differences(one, two)
    found = dict.fromkeys(truth, 0)
    for _ in range(rounds):
        both, cluster = rankings(clusters)
        labels = both[0].bonafide[np.argsort(both[0].order)]
        draws = bootstrap.resample(cluster, labels, f"{rng.integers(1 << 60):016x}", resamples)
        cells = (vars(replicate(r, draws, THRESHOLD, CALIBRATION)) for r in both)
        for name, values in _with_differences(*cells).items():
            low, high = bootstrap.interval(values)
            found[name] += low <= truth[name] <= high
    return found


def _metrics(ranking: discrimination.Ranking) -> dict[str, np.ndarray]:
    curve, llr = discrimination.roc_of(ranking), CALIBRATION(ranking.values)
    counts = decision.confusion(ranking.values, ranking.bonafide, THRESHOLD)
    found = {
        "eer": discrimination.eer_of(curve)[0],
        "auc": discrimination.auc_of(curve),
        "f1": counts.f1,
        "min_dcf": decision.min_dcf_of(curve),
        "act_dcf": decision.act_dcf(llr, ranking.bonafide),
        "cllr": decision.cllr(llr, ranking.bonafide),
    }
    return {name: np.asarray(value) for name, value in found.items()}


def _with_differences(
    one: dict[str, np.ndarray], two: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    return one | {f"{name}_difference": one[name] - two[name] for name in METRICS}
