"""The equal error rate of one detector over several conditions, with one threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmark.leaderboard.detector_cells import interval
from benchmark.leaderboard.rows.columns import Interval
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import discrimination
from benchmark.metrics.bootstrap_metrics import replicate
from benchmark.scores.run_results import RunResults


def pooled_eer(
    results: RunResults, trials: TrialSet, detector: str, conditions: Sequence[str]
) -> Interval:
    """Return the EER (a share) of all trials under all `conditions` together, with its bounds.

    A condition counts as often as it is named. A speaker's trials under every condition are
    resampled together, because they are the same recordings. Without a score for each trial there
    are no bounds.
    """
    number = results.detectors.index(detector)
    scores = np.concatenate(
        [results.source.scores("test", name)[number][trials.rows] for name in conditions]
    )
    times = len(conditions)
    scored = ~np.isnan(scores)
    ranking = discrimination.rank(scores[scored], np.tile(trials.bonafide, times)[scored])
    value, _ = discrimination.eer_of(discrimination.roc_of(ranking))
    if not scored.all():
        return Interval(value)
    draws = replace(
        trials.draws,
        cluster=np.tile(trials.draws.cluster, times),
        unit=np.tile(trials.draws.unit, times),
    )
    return interval(value, replicate(ranking, draws).eer)
