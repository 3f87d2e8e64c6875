"""Tables of many detectors with known true order, for the error rate of ties and ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmark.metrics import bootstrap, bootstrap_scale, discrimination, familywise
from benchmark.metrics.bootstrap_metrics import replicate
from benchmark.metrics.discrimination import Floats
from tests.support import score_model

SYSTEM = "rawnet2"  # whose score distributions all detectors have
PER_SPEAKER = (5, 10)


@dataclass(frozen=True)
class Board:
    """The EERs (n,) of detectors on one sample, and their resamples, n arrays (B,)."""

    values: Floats
    draws: list[Floats]
    speakers: int


@dataclass(frozen=True)
class Shares:
    """What became of the tables.

    false        : share of tables with at least one false difference
    unadjusted   : the same if each pair is decided by its own interval
    ranks_missed : share of tables in which a rank range does not hold the true rank
    found        : share of the true differences that are found
    by_itself    : the same if each pair is decided by its own interval
    """

    false: float
    unadjusted: float
    ranks_missed: float
    found: float
    by_itself: float


def board(
    rng: np.random.Generator,
    eers: Sequence[float],
    speakers: int,
    correlation: float,
    resamples: int,
) -> Board:
    """Draw a table of detectors whose true EERs are `eers`, with scores correlated in a class."""
    number = len(eers)
    common = np.full((number, number), correlation) + (1 - correlation) * np.eye(number)
    trials = score_model.drawn(rng, [SYSTEM] * number, list(eers), speakers, PER_SPEAKER, common)
    digest = f"{rng.integers(1 << 60):016x}"
    draws = bootstrap.resample(trials.cluster, trials.bonafide, digest, resamples)
    values, found = [], []
    for scores in trials.scores:
        ranking = discrimination.rank(scores, trials.bonafide)
        eer = discrimination.eer_of(discrimination.roc_of(ranking))[0]
        point = dict.fromkeys(bootstrap_scale.SCALES, np.nan) | {"eer": eer}
        smaller = speakers * min(PER_SPEAKER)
        found.append(bootstrap_scale.scaled(point, replicate(ranking, draws), smaller).eer)
        values.append(eer)
    return Board(np.array(values), found, speakers)


def shares(boards: Sequence[Board], eers: Sequence[float]) -> Shares:
    """Judge tables of detectors whose true EERs are `eers`."""
    true = np.asarray(eers)
    pairs = list(combinations(range(true.size), 2))
    false, alone, missed, found, itself, different = 0, 0, 0, 0, 0, 0
    for one in boards:
        p = familywise.p_values(one.values, one.draws, one.speakers)
        below = familywise.below(p)
        wrong = below & ~(true[:, None] < true)
        false += bool(wrong.any())
        own = []
        for i, j in pairs:
            low, high = bootstrap.interval(one.draws[i] - one.draws[j])
            own.append((low > 0) - (high < 0))
            different += true[i] != true[j]
            itself += bool(own[-1] and own[-1] == np.sign(true[i] - true[j]))
            found += bool(below[i, j] if true[i] < true[j] else below[j, i] & (true[j] < true[i]))
        alone += any(s and s != np.sign(true[i] - true[j])
                     for (i, j), s in zip(pairs, own, strict=True))  # fmt: skip
        bounds = familywise.rank_bounds(p)
        missed += any(not (low <= 1 + np.sum(true < mine) and np.sum(true <= mine) <= high)
                      for (low, high), mine in zip(bounds, true, strict=True))  # fmt: skip
    number = len(boards)
    each = max(different, 1)
    return Shares(false / number, alone / number, missed / number, found / each, itself / each)
