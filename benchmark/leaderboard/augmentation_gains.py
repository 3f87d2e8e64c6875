"""What laundering in training gains on families that the training met, and on those it never met.

For every family, three trainings are compared on its conditions: on clean audio, with all families,
and with all but this one. A gain is the difference of EERs to the training on clean audio; the
share of the gain that remains without the family is what carries over to launderings never met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.leaderboard import compare_runs, trial_sets
from benchmark.leaderboard.detector_cells import (
    Cell,
    DetectorCells,
    distinguishable,
    interval,
    weighted,
)
from benchmark.leaderboard.rows.columns import Interval
from benchmark.leaderboard.rows.comparison_rows import AugmentationRow, SeededEer
from benchmark.leaderboard.schema import frame
from benchmark.metrics.discrimination import Floats
from benchmark.scores.run_results import RunResults

METRIC = "eer"
CLEAN, EVERY = "clean", "all"  # values of the column `family`
INCOMPLETE, UNVERIFIED = "lacks trials", "no condition is verified"
NO_GAIN, NO_BOUNDS = "no gain to carry over", "its gain is not told from 0"


@dataclass(frozen=True)
class Trained:
    """The names in a run of one detector, trained once in every way with one seed.

    without : by family, the name of the training that never met it
    """

    clean: str
    every: str
    without: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (self.clean, self.every, *self.without.values())


@dataclass(frozen=True)
class _Scored:
    """The cells of one detector and seed, by way of training."""

    clean: DetectorCells
    every: DetectorCells
    without: Mapping[str, DetectorCells]

    @property
    def incomplete(self) -> bool:
        return any(c.missing for c in (self.clean, self.every, *self.without.values()))

    def left_out(self, family: str) -> list[Cell]:
        """Return the cells of a family after the training that never met it; `all` joins them."""
        if family != EVERY:
            return self.without[family].families.get(family, [])
        return [cell for name in self.without for cell in self.left_out(name)]


def table(
    results: RunResults, trained: Mapping[str, Sequence[Trained]], resamples: int
) -> pd.DataFrame:
    """Return one row per detector and family, on the headline track (see `AugmentationRow`).

    trained : by detector, its trainings, one per seed

    EERs are means over trainings, bounds those of the paired bootstrap over speakers for just these
    trainings. The cells of a family are weighted as in the leaderboard. The row `all` joins what
    each training scores on the family that it never met; in the row `clean`, `eer_without` is the
    mean over the trainings that lack a family.
    """
    track = (results.protocol.tracks() or [trial_sets.WHOLE])[0]
    trials = trial_sets.trial_set(results.protocol, track, resamples)
    names = [name for seeds in trained.values() for one in seeds for name in one.names]
    conditions = [info.condition for info in results.conditions]
    (scored,) = compare_runs.measure(results, [trials], names, conditions)
    of = {cells.detector: cells for cells in scored}
    rows = []
    for detector, seeds in trained.items():
        runs = [
            _Scored(of[s.clean], of[s.every], {f: of[name] for f, name in s.without.items()})
            for s in seeds
        ]
        families = [*seeds[0].without]
        rows += [_row(trials.name, detector, family, runs) for family in (*families, EVERY)]
        rows.append(_clean_row(trials.name, detector, runs))
    return frame(AugmentationRow, rows)


def _row(track: str | None, detector: str, family: str, runs: Sequence[_Scored]) -> AugmentationRow:
    """Return the row of a family, or of all of them."""
    parts = [
        [_of(run.clean, family) for run in runs],
        [_of(run.every, family) for run in runs],
        [run.left_out(family) for run in runs],
    ]
    remark = INCOMPLETE if any(run.incomplete for run in runs) else ""
    if not remark and not all(cells for part in parts for cells in part):
        remark = UNVERIFIED
    if remark:
        return _blank(track, detector, family, len(runs), remark)
    (clean, every, without), draws = _means(parts)
    gains = [clean.value - every.value, clean.value - without.value]
    met, unmet = map(interval, gains, (draws[0] - draws[1], draws[0] - draws[2]))
    remark = _doubt(met)
    carried = np.nan if remark else gains[1] / gains[0]
    count = len(parts[0][0])
    return AugmentationRow(
        track, detector, family, count, len(runs), clean, every, without, met, unmet, carried,
        remark or None,
    )  # fmt: skip


def _clean_row(track: str | None, detector: str, runs: Sequence[_Scored]) -> AugmentationRow:
    if any(run.incomplete for run in runs):
        return _blank(track, detector, CLEAN, len(runs), INCOMPLETE)
    parts = [
        [[run.clean.clean] for run in runs],
        [[run.every.clean] for run in runs],
        *([[run.without[family].clean] for run in runs] for family in runs[0].without),
    ]
    means, draws = _means(parts)
    without = SeededEer(
        float(np.mean([mean.value for mean in means[2:]])),
        float(np.mean([mean.spread for mean in means[2:]])),
    )
    gains = (means[0].value - means[1].value, means[0].value - without.value)
    drawn = (draws[0] - draws[1], draws[0] - np.mean(draws[2:], axis=0))
    met, unmet = map(interval, gains, drawn)
    return AugmentationRow(
        track, detector, CLEAN, 1, len(runs), means[0], means[1], without, met, unmet, np.nan, None
    )


def _of(cells: DetectorCells, family: str) -> list[Cell]:
    return cells.counted if family == EVERY else cells.families.get(family, [])


def _means(parts: Sequence[Sequence[Sequence[Cell]]]) -> tuple[list[SeededEer], list[Floats]]:
    """Return, for each way of training, the mean over its trainings, and the mean resamples."""
    means, draws = [], []
    for runs in parts:
        points = [float(weighted(cells, lambda cell: np.asarray(cell.eer))) for cells in runs]
        spread = float(np.std(points, ddof=1)) if len(points) > 1 else np.nan
        means.append(SeededEer(float(np.mean(points)), spread))
        drawn = [weighted(cells, lambda cell: cell.replicates(METRIC)) for cells in runs]
        draws.append(np.mean(drawn, axis=0))
    return means, draws


def _doubt(gain: Interval) -> str:
    """Say why no share of a gain can be given; '' if it can."""
    if not gain.value > 0:
        return NO_GAIN
    return NO_BOUNDS if distinguishable(gain) is False else ""


def _blank(
    track: str | None, detector: str, family: str, trainings: int, remark: str
) -> AugmentationRow:
    nothing = SeededEer(), SeededEer(), SeededEer(), Interval(), Interval()
    return AugmentationRow(track, detector, family, 0, trainings, *nothing, np.nan, remark)
