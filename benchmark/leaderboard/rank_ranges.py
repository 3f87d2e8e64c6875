"""How far ranks depend on which conditions a suite happens to hold.

A suite is one list of launderings out of many. Beside the ranks that speakers leave open stand
those that are left open if launderings are drawn anew too, and the ranks with each condition left
out in turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.leaderboard import weights
from benchmark.leaderboard.detector_cells import DetectorCells
from benchmark.metrics.discrimination import Floats

Range = tuple[int, int]  # best and worst rank


def drawn_means(ranked: Sequence[DetectorCells], digest: str) -> list[Floats]:
    """Return the mean EER (B,) of each detector with speakers and launderings resampled.

    Draw b has the same speakers and the same launderings (`weights.resampled`) for all detectors.
    All detectors must have the same counted conditions. Empty arrays without resamples.
    """
    found = []
    drawn: Floats | None = None
    for cells in ranked:
        eers = np.stack([cell.replicates("eer") for cell in cells.counted], axis=1)
        if drawn is None:
            drawn = weights.resampled([cell.place for cell in cells.counted], len(eers), digest)
        found.append(np.asarray(np.sum(drawn * eers, axis=1)))
    return found


def without_one(ranked: Sequence[DetectorCells]) -> list[Range]:
    """Return the best and worst rank of each detector, with all conditions or any one left out.

    Ranks are those of point estimates: 1 + the number of detectors with a lower mean EER.
    """
    if not ranked:
        return []
    places = [cell.place for cell in ranked[0].counted]
    eers = np.array([[cell.eer for cell in cells.counted] for cells in ranked])
    every = np.arange(len(places))
    kept = [every, *(np.delete(every, left) for left in every if len(places) > 1)]
    ranks = np.array(
        [_ranks(eers[:, rest] @ weights.shares([places[at] for at in rest])) for rest in kept]
    )
    return [(int(low), int(high)) for low, high in zip(ranks.min(0), ranks.max(0), strict=True)]


def _ranks(means: Floats) -> Floats:
    return np.asarray(1 + np.sum(means[:, None] > means[None, :] + 1e-12, axis=1))
