"""Cell-by-cell comparison of two runs over the same trials, with paired bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.progress import progress_bar
from benchmark.data.audio_identity import ROUNDING_DB
from benchmark.laundering.verification import State
from benchmark.leaderboard import cells, trial_sets
from benchmark.leaderboard.detector_cells import Cell, DetectorCells, distinguishable, interval
from benchmark.leaderboard.rows.columns import Interval
from benchmark.leaderboard.rows.comparison_rows import RunDifferenceRow
from benchmark.leaderboard.schema import frame
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap_metrics import METRICS
from benchmark.metrics.discrimination import Floats
from benchmark.scores import scope, score_matrix
from benchmark.scores.run_results import RunResults
from benchmark.scores.scopes import BOTH, SCOPES

MEAN = "mean over conditions"  # a value of the column `condition`
INCOMPLETE, UNVERIFIED = "lacks trials", "not verified in both"
UNLAUNDERED = "no laundering condition in common"


@dataclass(frozen=True)
class RunComparison:
    """The comparison of the cells that two runs share.

    table : one row per track, detector, condition (and `MEAN`) and metric: `a`, `b`, their
            `difference` b - a with bounds, `distinguishable` if the bounds exclude 0 (missing
            without bounds), and in `remark` the reason for a missing difference
    only  : for each run the detectors and the conditions that the other lacks
    notes : caveats for the interpretation of the differences
    """

    table: pd.DataFrame
    only: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def compare(a: RunResults, b: RunResults, resamples: int = bootstrap.RESAMPLES) -> RunComparison:
    """Compare run `b` with run `a` on their common detectors and conditions.

    Both runs use the same bootstrap draws. F1, actDCF and Cllr use the threshold and calibration
    that each run froze on its own dev trials. Raises `InputError` if the scopes or the test
    trials differ, if no detector is common, or if a run has bad or no test scores.
    """
    if a.scope != b.scope:
        raise InputError(
            f"the tables of the first run are of scope {a.scope}, those of the second of scope"
            f" {b.scope}, which cannot be compared: name one with --scope"
        )
    digests = [results.protocol.digest() for results in (a, b)]
    if digests[0] != digests[1]:
        raise InputError(
            f"the runs have different trials and cannot be compared: trial digest {digests[0]}"
            f" in the first, {digests[1]} in the second"
        )
    names = [[info.condition for info in results.conditions] for results in (a, b)]
    conditions = [name for name in names[0] if name in names[1]]
    common = [name for name in a.detectors if name in b.detectors]
    if not common:
        raise InputError(
            f"the runs have no detector in common: {', '.join(a.detectors)} in the first,"
            f" {', '.join(b.detectors)} in the second"
        )
    rows: list[RunDifferenceRow] = []
    tracks = a.protocol.tracks() or [trial_sets.WHOLE]
    sets = [trial_sets.trial_set(a.protocol, track, resamples) for track in tracks]
    sides = [measure(results, sets, common, conditions) for results in (a, b)]
    for trials, ones, twos in zip(sets, *sides, strict=True):
        for one, two in zip(ones, twos, strict=True):
            rows += _detector_rows(trials.name, one, two)
    table = scope.marked(frame(RunDifferenceRow, rows), a)
    return RunComparison(table, _only(a, b, names), _notes(a, b))


def measure(
    results: RunResults,
    sets: Sequence[TrialSet],
    detectors: Sequence[str],
    conditions: Sequence[str],
) -> list[list[DetectorCells]]:
    """Compute the cells of `detectors` under `conditions` on each trial set, with their resamples.

    Names are spelled as in the run, and `conditions` includes clean. The result follows their
    order.
    """
    score_matrix.check(results)
    tracks = [cells.track_data(results, trials) for trials in sets]
    total = len(sets) * len(detectors) * len(conditions)
    with progress_bar(total=total, desc="computing metrics", unit="cell") as bar:
        return cells.compute(results, tracks, bar, detectors, conditions).tracks


def _detector_rows(
    track: str | None, one: DetectorCells, two: DetectorCells
) -> list[RunDifferenceRow]:
    """Return the rows of one detector: every condition, then their weighted mean."""
    rows = []
    for a, b in zip(one.cells, two.cells, strict=True):
        remark = _remark(a, b)
        for metric in METRICS:
            draws = np.empty(0)
            if a.draws is not None and b.draws is not None:
                draws = b.replicates(metric) - a.replicates(metric)
            keys = (track, one.detector, a.condition, metric)
            rows.append(_row(keys, a.metric(metric).value, b.metric(metric).value, draws, remark))
    sides = [_shared(one, two), _shared(two, one)]
    remark = "" if one.laundered else UNLAUNDERED
    remark = remark or (INCOMPLETE if any(side.missing for side in sides) else "")
    remark = remark or ("" if all(side.families for side in sides) else UNVERIFIED)
    for metric in METRICS:
        first, second = (np.nan if remark else side.mean(metric) for side in sides)
        draws = np.empty(0)
        if not remark:
            draws = sides[1].mean_draws(metric) - sides[0].mean_draws(metric)
        rows.append(_row((track, one.detector, MEAN, metric), first, second, draws, remark))
    return rows


def _row(
    keys: tuple[str | None, str, str, str], a: float, b: float, draws: Floats, remark: str
) -> RunDifferenceRow:
    difference = Interval() if remark else interval(b - a, draws)
    return RunDifferenceRow(*keys, a, b, difference, distinguishable(difference), remark or None)


def _remark(a: Cell, b: Cell) -> str:
    found = [INCOMPLETE] if a.draws is None or b.draws is None else []
    states = {head.verdict: None for head in (a.row.head, b.row.head) if head.verified is False}
    return ", ".join(found + [unverified(state) for state in states])


def unverified(state: str | None) -> str:
    """Return the remark on a condition of this state, which is not verified.

    >>> unverified("control")
    'not verified: control'
    """
    return f"not verified: {State(str(state)).text}"


def _shared(mine: DetectorCells, other: DetectorCells) -> DetectorCells:
    """Return `mine` with only those cells verified that are verified in `other` too."""
    found = []
    for a, b in zip(mine.cells, other.cells, strict=True):
        verified = a.row.head.verified and b.row.head.verified
        head = replace(a.row.head, verified=verified)
        found.append(Cell(replace(a.row, head=head), a.draws))
    return DetectorCells(tuple(found))


def _only(a: RunResults, b: RunResults, names: list[list[str]]) -> dict[str, tuple[str, ...]]:
    return {
        "detectors of the first run only": tuple(n for n in a.detectors if n not in b.detectors),
        "detectors of the second run only": tuple(n for n in b.detectors if n not in a.detectors),
        "conditions of the first run only": tuple(n for n in names[0] if n not in names[1]),
        "conditions of the second run only": tuple(n for n in names[1] if n not in names[0]),
    }


def _apart(a: RunResults, b: RunResults) -> str:
    """Say by how much the samples of two runs differ, if both hold a sketch of them."""
    first, second = a.protocol.audio_sketch, b.protocol.audio_sketch
    if first is None or second is None:
        return ""
    level = first.difference_db(second)
    if not level > ROUNDING_DB:
        return f" by rounding, as between processors (about {max(level, -200.0):.0f} dB)"
    return f" by more than rounding (about {level:.0f} dB re the signal): other audio"


def _notes(a: RunResults, b: RunResults) -> tuple[str, ...]:
    notes = [] if a.scope == BOTH else [f"scope {a.scope}: {SCOPES[a.scope]}"]
    sketches = [run.protocol.audio_sketch for run in (a, b)]
    if sketches.count(None) == 1:
        notes.append(
            "the samples cannot be compared: the audio digest of one run is of an older version,"
            " over the whole data set"
        )
    elif a.protocol.audio_digest != b.protocol.audio_digest:
        notes.append(
            f"the samples differ{_apart(a, b)}: audio digest {a.protocol.audio_digest} of the first"
            f" run, {b.protocol.audio_digest} of the second"
        )
    seeds = [results.provenance.get("plan", {}).get("seed") for results in (a, b)]
    if seeds[0] != seeds[1]:
        notes.append(f"the attacks were drawn with other seeds: {seeds[0]} and {seeds[1]}")
    return tuple(notes)
