"""Do nominal intervals cover the truth: a model of clustered scores whose truth is known."""

from __future__ import annotations

import numpy as np

from benchmark import metrics, statistics
from benchmark.calibration import Calibration
from benchmark.replicates import METRICS, replicate

THRESHOLD = 0.7
CALIBRATION = Calibration(1.0, -0.7)


def drawn(
    rng: np.random.Generator, clusters: int, size: int = 8, gap: float = 1.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels, clusters; half bona fide, every cluster with its own offset."""
    cluster = np.repeat(np.arange(clusters), size)
    bonafide = np.tile(np.arange(size) % 2 == 0, clusters)
    own = rng.normal(size=clusters) * 0.7
    return rng.normal(size=cluster.size) + own[cluster] + gap * bonafide, bonafide, cluster


def hits(rng: np.random.Generator, clusters: int, rounds: int, resamples: int) -> dict[str, int]:
    """How often the interval of every metric, and of a paired difference of EER, holds the truth.

    The difference is to a second detector that hears the same trials a little better.
    """

    def cell(number: int, size: int) -> tuple[list[metrics.Ranking], statistics.Resamples]:
        scores, bonafide, cluster = drawn(rng, number)
        better = scores + 0.3 * bonafide + 0.3 * rng.normal(size=scores.size)
        seed = f"{rng.integers(1 << 60):016x}"
        draws = statistics.resample(cluster, bonafide, seed, size)
        return [metrics.rank(s, bonafide) for s in (scores, better)], draws

    def points(rankings: list[metrics.Ranking]) -> dict[str, float]:
        """The metrics of the trials themselves: one resample that holds each cluster once."""
        size = rankings[0].values.size
        none = np.zeros(size, dtype=np.intp)
        once = statistics.Resamples(none, none, np.ones((1, 1), dtype=np.int16))
        one, two = (replicate(r, once, THRESHOLD, CALIBRATION) for r in rankings)
        found = {name: float(getattr(one, name)[0]) for name in METRICS}
        return found | {"difference": float(one.eer[0] - two.eer[0])}

    truth = points(cell(25_000, 0)[0])
    found = dict.fromkeys(truth, 0)
    for _ in range(rounds):
        rankings, draws = cell(clusters, resamples)
        one, two = (replicate(r, draws, THRESHOLD, CALIBRATION) for r in rankings)
        values = {name: getattr(one, name) for name in METRICS} | {"difference": one.eer - two.eer}
        for name, replicates in values.items():
            low, high = statistics.interval(replicates)
            found[name] += low <= truth[name] <= high
    return found
