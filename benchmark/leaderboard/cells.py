"""The computation of cells: every detector under every condition on one track, on every core."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from attacks.contract.condition import CLEAN
from benchmark.core.parallel import cores
from benchmark.data.protocol import trial_digest
from benchmark.laundering.verification import Verdict
from benchmark.leaderboard import breakdown, cell_metrics, trial_sets
from benchmark.leaderboard.breakdown import Slice
from benchmark.leaderboard.cell_metrics import OperatingPoint
from benchmark.leaderboard.detector_cells import Cell, DetectorCells
from benchmark.leaderboard.rows import CellHead, ConditionRow
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap, discrimination
from benchmark.metrics.bootstrap_metrics import replicate
from benchmark.metrics.decision import ASVSPOOF5, Costs
from benchmark.metrics.discrimination import Floats
from benchmark.scores.run_results import ConditionInfo, RunResults


@dataclass(frozen=True)
class TrackData:
    """Data shared by all cells of one track.

    groups : the slices of the breakdown; without any, there is no breakdown
    table  : the track's part of the protocol
    lost   : number of trials that could not be read
    frozen : by detector
    """

    trials: TrialSet
    groups: list[Slice]
    table: pd.DataFrame
    lost: int
    frozen: dict[str, OperatingPoint]
    costs: Costs


def track_data(
    results: RunResults,
    trials: TrialSet,
    dev_cube: Floats,
    costs: Costs = ASVSPOOF5,
    sliced: bool = False,
) -> TrackData:
    """Return what the cells of a track share; `sliced` asks for the breakdown.

    `dev_cube` holds the scores of the dev split, (detector, condition, utterance).
    """
    table = results.protocol.table.iloc[trials.rows]
    rows = trial_sets.track_rows(results.dev, trials.track)
    bonafide = (results.dev.table["label"] == "bonafide").to_numpy(dtype=np.bool_)[rows]
    clean = [info.condition for info in results.conditions].index(CLEAN)
    frozen = {
        detector: cell_metrics.operating(
            dev_cube[number, clean, rows], bonafide, results.thresholds.get(detector)
        )
        for number, detector in enumerate(results.detectors)
    }
    groups = breakdown.slices(table) if sliced else []
    return TrackData(trials, groups, table, trial_sets.lost(results, trials.track), frozen, costs)


def compute(
    results: RunResults,
    track: TrackData,
    verdicts: dict[str, Verdict],
    cube: Floats,
    bar: tqdm,
    detectors: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
) -> list[DetectorCells]:
    """Compute the cells of all or some detectors and conditions, in the order in which these come.

    `cube` holds the scores of the test split, (detector, condition, utterance). `conditions`
    includes clean.
    """
    known = [info.condition for info in results.conditions]
    wanted = [known.index(name) for name in (known if conditions is None else conditions)]
    names = results.detectors if detectors is None else detectors
    places = [(results.detectors.index(name), number) for name in names for number in wanted]

    def one(place: tuple[int, int]) -> Cell:
        detector, info = results.detectors[place[0]], results.conditions[place[1]]
        cell = _cell(track, detector, info, verdicts[info.condition], cube[place])
        bar.update()
        return cell

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores()) as pool:
        cells = list(pool.map(one, places))
    width = len(wanted)
    return [
        _with_differences(DetectorCells(tuple(cells[start : start + width])))
        for start in range(0, len(cells), width)
    ]


def _with_differences(cells: DetectorCells) -> DetectorCells:
    """Add the differences to clean to every cell."""
    clean = cells.clean
    finished = []
    for cell in cells.cells:
        row = cell_metrics.with_differences(cell.row, cell.draws, clean.row, clean.draws)
        finished.append(replace(cell, row=row))
    return DetectorCells(tuple(finished))


def _cell(
    track: TrackData, detector: str, info: ConditionInfo, verdict: Verdict, utterance_scores: Floats
) -> Cell:
    """Compute one cell without its differences to clean; `utterance_scores` is (test set,)."""
    trials = track.trials
    scores = utterance_scores[trials.rows]
    scored = ~np.isnan(scores)
    complete = bool(scored.all())
    bonafide = trials.bonafide[scored]
    frozen = track.frozen[detector]
    head = CellHead(
        track=trials.name,
        detector=detector,
        condition=info.condition,
        family=info.family,
        severity=np.nan if info.severity is None else float(info.severity),
        unit=info.unit or None,
        coverage=float(scored.sum()) / (scored.size + track.lost),
        complete=complete,
        verified=verdict.verified,
    )
    both = bool(bonafide.any() and not bonafide.all())
    ranking = discrimination.rank(scores[scored], bonafide) if both else None
    draws = None
    if complete and ranking is not None:
        draws = replicate(ranking, trials.draws, frozen.threshold, frozen.calibration, track.costs)
    point, measures = cell_metrics.numbers(ranking, frozen, track.costs)
    row = ConditionRow(
        head=head,
        **cell_metrics.estimates(point, draws),
        measures=measures,
        prevalence=float((~bonafide).mean()) if bonafide.size else np.nan,
        n_bonafide=int(bonafide.sum()),
        n_spoof=int((~bonafide).sum()),
        n_clusters=len(np.unique(trials.draws.cluster[scored])),
        few_clusters=trials.draws.clusters < bootstrap.FEW_CLUSTERS,
        n_pass=verdict.passed,
        n_fail=verdict.failed,
        n_not_measurable=verdict.not_measurable,
        effect=verdict.quantity or None,
        effect_unit=verdict.unit or None,
        effect_claimed=verdict.claimed,
        effect_measured=verdict.measured,
        trial_digest=trials.digest if complete else trial_digest(track.table[scored]),
    )
    if ranking is None:
        return Cell(row, draws)
    return Cell(row, draws, breakdown.rows(ranking, scored, track.groups, head))
