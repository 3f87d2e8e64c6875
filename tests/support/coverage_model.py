"""Coverage of nominal intervals on a model of clustered scores with known true metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics import bootstrap, decision, discrimination, error_parts
from benchmark.metrics.bootstrap_metrics import METRICS, replicate
from benchmark.metrics.calibration import Calibration

THRESHOLD = 0.7
CALIBRATION = Calibration(1.0, -0.7)
SIZE = 8  # trials per cluster
OFFSET = 0.7  # standard deviation of cluster offsets, in units of that within a cluster


@dataclass(frozen=True)
class Pair:
    """Two detectors that score the same trials.

    gaps        : mean bona fide score minus mean spoof score, in standard deviations within a
                  cluster
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
    """Draw scores, labels and clusters; half is bona fide, and every cluster has an offset."""
    cluster = np.repeat(np.arange(clusters), SIZE)
    bonafide = np.tile(np.arange(SIZE) % 2 == 0, clusters)
    return _noise(rng, cluster) + gap * bonafide, bonafide, cluster


def _noise(rng: np.random.Generator, cluster: np.ndarray) -> np.ndarray:
    offset = rng.normal(size=cluster.max() + 1) * OFFSET
    return rng.normal(size=cluster.size) + offset[cluster]


def hits(
    rng: np.random.Generator, pair: Pair, clusters: int, rounds: int, resamples: int
) -> dict[str, int]:
    """Count how often the interval of each metric and each paired difference covers the truth.

    Keys are the metric names for the first detector, and these names with `_difference`.
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
        "least_error": error_parts.least_error_of(curve),
    }
    return {name: np.asarray(value) for name, value in found.items()}


def _with_differences(
    one: dict[str, np.ndarray], two: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    return one | {f"{name}_difference": one[name] - two[name] for name in METRICS}
