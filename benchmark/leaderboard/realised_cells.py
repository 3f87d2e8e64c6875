"""The cells of further realisations of a run, on the same trials as those of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmark.core.progress import progress_bar
from benchmark.leaderboard import cells
from benchmark.leaderboard.seeds import Realised
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics.decision import Costs
from benchmark.scores.realisations import Realisation
from benchmark.scores.run_digest import RunDigest


@dataclass(frozen=True)
class RealisedCells:
    """What the tables of a run take from its further realisations.

    tracks  : for each track and each detector of the run, its cells in the realisations that it has
    digests : the run digest of every realisation, by its name
    """

    tracks: list[list[Realised]]
    digests: dict[str, str] = field(default_factory=dict)


def compute(
    detectors: Sequence[str],
    realised: Sequence[Realisation],
    sets: Sequence[TrialSet],
    costs: Costs,
) -> RealisedCells:
    """Compute the cells of every realisation; a detector may be in some of them only."""
    found = RealisedCells([[[] for _ in detectors] for _ in sets])
    for item in realised:
        tracks = [cells.track_data(item.results, trials, costs) for trials in sets]
        digest = RunDigest(item.results)
        total = len(sets) * len(item.results.detectors) * len(item.results.conditions)
        what = f"computing metrics of {item.seeds.name}"
        with progress_bar(total=total, desc=what, unit="cell") as bar:
            computed = cells.compute(item.results, tracks, bar, seen=digest.add)
        found.digests[item.seeds.name] = digest.hex()
        for track, by_detector in zip(found.tracks, computed.tracks, strict=True):
            known = {mine.detector: mine for mine in by_detector}
            for name, mine in zip(detectors, track, strict=True):
                if name in known:
                    mine.append((item.seeds, known[name]))
    return found
