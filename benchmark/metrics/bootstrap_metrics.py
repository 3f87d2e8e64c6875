"""The metrics of one cell in every bootstrap resample: exact, without sorting each resample.

Weighting n trials B times would cost B x n steps per cell, hours for a large run. Instead the
sorted trials are cut into bins of whole tie groups and counted per cluster. One matrix product,
(resamples x clusters) (clusters x bins), then gives the ROC of every resample at the bin edges. For
the EER, the few trials inside the bin of the crossing are used too. All counts are integers that
floating point represents exactly, so results do not depend on summation order or thread count.

EER and minDCF search for a threshold; their replicates are corrected for the bias of that search
(`bootstrap_bias`). All other replicates are the metric of the resample itself.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from benchmark.metrics import bootstrap_bias
from benchmark.metrics.bootstrap import Resamples
from benchmark.metrics.calibration import Calibration
from benchmark.metrics.decision import ASVSPOOF5, Confusion, Costs, llr_bits, outcomes
from benchmark.metrics.discrimination import Bools, Floats, Places, Ranking

BINS = 1024
EQUAL = Costs(0.5, 1.0, 1.0)  # their cost is FRR + FAR, twice the balanced error
_PAIRS = 1 << 20  # (resample, trial) pairs processed at once; limits memory
_EXACT = {np.dtype(np.float32): 1 << 24, np.dtype(np.float64): 1 << 53}
_QUANTUM = 2.0**-30  # sums of its multiples are exact in float64 up to 2**23 bits (of Cllr)

Counts = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Replicates:
    """The metrics of one cell in every resample, (B,) each; NaN without threshold or calibration.

    They serve for intervals: percentiles of replicates, of their means, and of differences over the
    same resamples. `eer` and `min_dcf` are bias-corrected with all resamples (`bootstrap_bias`), so
    a single value is not the metric of its resample. `least_error`, the least balanced error over
    all thresholds, is corrected as `min_dcf` is; it is a part of the loss (`error_parts`), and none
    of `METRICS`.
    """

    eer: Floats
    auc: Floats
    f1: Floats
    min_dcf: Floats
    act_dcf: Floats
    cllr: Floats
    least_error: Floats


METRICS = tuple(field.name for field in fields(Replicates) if field.name != "least_error")


@dataclass(frozen=True)
class _Bins:
    """Sorted trials in bins of whole tie groups.

    cluster     : (n,), resampling unit of each trial
    start, size : (G,), first trial and number of trials of each bin
    whole       : (G,), True if the bin is a single tie group
    """

    ranking: Ranking
    cluster: Places
    start: Places
    size: Places
    whole: Bools

    def places(self, bins: Places) -> tuple[Places, Bools]:
        """Return the trials of `bins` (P,) as (P, m), and a mask (P, m) of the valid ones.

        Shorter bins are padded with their last trial.
        """
        step = np.arange(int(self.size[bins].max()))
        inside = step < self.size[bins][:, None]
        return self.start[bins][:, None] + np.minimum(step, self.size[bins][:, None] - 1), inside


@dataclass(frozen=True)
class _Edges:
    """Rejected trials of each class in every resample at the bin edges, (B, G + 1)."""

    bonafide: Counts
    spoof: Counts

    @property
    def totals(self) -> tuple[Floats, Floats]:
        return self.bonafide[:, -1].astype(np.float64), self.spoof[:, -1].astype(np.float64)


def replicate(
    ranking: Ranking,
    draws: Resamples,
    threshold: float = np.nan,
    calibration: Calibration | None = None,
    costs: Costs = ASVSPOOF5,
) -> Replicates:
    """Compute every metric in every resample.

    F1 is taken at `threshold`; actDCF and Cllr after `calibration`. See `Replicates`.
    """
    nothing = np.full(draws.size, np.nan)
    cluster = draws.unit[ranking.order]
    counted = _Sums(ranking, cluster, draws)
    f1, actual, bits = nothing, nothing, nothing
    if np.isfinite(threshold):
        f1 = counted.confusion(ranking.values, threshold).f1
    if calibration is not None:
        llr = calibration(ranking.values)
        decided = counted.confusion(llr, costs.threshold)
        miss, accept = costs.weights
        actual = miss * (1 - decided.bonafide.recall) + accept * (1 - decided.recall)
        bits = counted.cllr(llr)
    if draws.size == 0:
        return Replicates(nothing, nothing, f1, nothing, actual, bits, nothing)
    bins = _bins(ranking, cluster)
    edges = _edges(bins, draws)
    return Replicates(
        eer=_smooth_eer(bins, edges, draws),
        auc=_auc(bins, edges, draws),
        f1=f1,
        min_dcf=_min_dcf(edges, costs),
        act_dcf=actual,
        cllr=bits,
        least_error=_min_dcf(edges, EQUAL) / 2,
    )


@dataclass(frozen=True)
class _Sums:
    """Metrics that are sums over trials, which are summed per cluster, then per resample."""

    ranking: Ranking
    cluster: Places
    draws: Resamples

    def confusion(self, values: Floats, threshold: float) -> Confusion:
        return Confusion(*self._total(outcomes(values, self.ranking.bonafide, threshold)).T)

    def cllr(self, llr: Floats) -> Floats:
        labels = self.ranking.bonafide
        bits = llr_bits(llr, labels)
        columns = [bits * labels, bits * ~labels, labels.astype(float), (~labels).astype(float)]
        bona, spoof, n_bona, n_spoof = self._total(np.stack(columns, axis=-1)).T
        return np.asarray((bona / n_bona + spoof / n_spoof) / 2)

    def _total(self, columns: Floats) -> Floats:
        """Sum `columns` (n, c) over the trials of every resample, (B, c)."""
        number = self.draws.units
        sums = [np.bincount(self.cluster, column, number) for column in columns.T]
        whole = np.round(np.stack(sums, axis=-1) / _QUANTUM) * _QUANTUM
        return np.asarray(self.draws.counts.astype(np.float64) @ whole)


def _bins(ranking: Ranking, cluster: Places) -> _Bins:
    """Cut the sorted trials into about `BINS` bins; a large tie group has a bin of its own."""
    end = np.flatnonzero(ranking.last) + 1
    start = np.append(0, end[:-1])
    width = -(-ranking.values.size // BINS)
    large = end - start > width
    new = np.diff(start // width, prepend=-1) > 0
    new[1:] |= large[1:] | large[:-1]
    first = np.flatnonzero(new)
    begins = start[first]
    groups = np.diff(np.append(first, start.size))
    size = np.diff(np.append(begins, ranking.values.size))
    return _Bins(ranking, cluster, begins, size, groups == 1)


def _edges(bins: _Bins, draws: Resamples) -> _Edges:
    number, width = draws.units, bins.start.size + 1
    place = np.repeat(np.arange(1, width), bins.size)
    sides = []
    for side in (bins.ranking.bonafide, ~bins.ranking.bonafide):
        held = np.bincount(bins.cluster[side] * width + place[side], minlength=number * width)
        rejected = np.cumsum(held.reshape(number, width), axis=1)
        most = int((draws.counts @ rejected[:, -1]).max())
        kind = np.float32 if most < _EXACT[np.dtype(np.float32)] else np.float64
        sides.append(draws.counts.astype(kind) @ rejected.astype(kind))
    return _Edges(*sides)


def _eer(bins: _Bins, edges: _Edges, draws: Resamples) -> tuple[Floats, Places]:
    """Return the EER (B,) of each resample and the bin (B,) in which its ROC crosses FRR = FAR.

    Bisection over the edges finds the bin; the trials inside it give the rate.
    """
    total = edges.totals
    rows = np.arange(draws.size)

    def before(bona: Counts, spoof: Counts, of: tuple[Floats, Floats]) -> Bools:
        """Test FRR < FAR with integers, so that rounding cannot move a crossing to another bin."""
        return np.asarray(bona.astype(np.float64) * of[1] + spoof * of[0] < of[0] * of[1])

    low = np.zeros(draws.size, dtype=np.intp)  # FRR - FAR is below 0 at `low`, not at `high`
    high = np.full(draws.size, bins.start.size, dtype=np.intp)
    while (high - low).max() > 1:
        middle = (low + high) // 2
        below = before(edges.bonafide[rows, middle], edges.spoof[rows, middle], total)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    bona, spoof = _inside(bins, edges, draws, rows, low)
    columns = (total[0][:, None], total[1][:, None])
    last = np.count_nonzero(before(bona, spoof, columns), axis=1)[:, None] - 1
    frr_a, frr_b, far_a, far_b = (
        np.take_along_axis(rate, last + step, axis=1)[:, 0]
        for rate in (bona / columns[0], 1.0 - spoof / columns[1])
        for step in (0, 1)
    )
    share = (frr_a - far_a) / ((frr_a - far_a) - (frr_b - far_b))
    return np.asarray(frr_a + share * (frr_b - frr_a)), low


def _smooth_eer(bins: _Bins, edges: _Edges, draws: Resamples) -> Floats:
    rates, crossed = _eer(bins, edges, draws)
    width = bins.start.size + 1
    held = np.bincount(crossed, minlength=width) + np.bincount(crossed + 1, minlength=width)
    held_by = 2.0 * draws.size
    bona, spoof = (side.astype(np.float64) @ held for side in (edges.bonafide, edges.spoof))
    of_bona, of_spoof = edges.totals
    return bootstrap_bias.smooth(rates, bona / of_bona / held_by, 1 - spoof / of_spoof / held_by)


def _inside(
    bins: _Bins, edges: _Edges, draws: Resamples, rows: Places, chosen: Places
) -> tuple[Floats, Floats]:
    """Count bona fide and spoof trials that resamples `rows` (P,) reject inside bins `chosen` (P,).

    Shape (P, m + 1): the left edge of the bin, then one point per trial. A trial that is not the
    last one of its tie group repeats the previous point.
    """
    places, counted = bins.places(chosen)
    weight = draws.counts[rows[:, None], bins.cluster[places]] * counted
    ends = np.where(bins.ranking.last[places] & counted, np.arange(1, places.shape[1] + 1), 0)
    ends = np.maximum.accumulate(ends, axis=1)
    rejected = []
    sides = (bins.ranking.bonafide, edges.bonafide), (~bins.ranking.bonafide, edges.spoof)
    for side, edge in sides:
        sums = np.cumsum(weight * side[places], axis=1, dtype=np.int64)
        sums = np.concatenate([np.zeros((rows.size, 1), dtype=np.int64), sums], axis=1)
        sums[:, 1:] = np.take_along_axis(sums, ends, axis=1)
        rejected.append(edge[rows, chosen][:, None].astype(np.float64) + sums)
    return rejected[0], rejected[1]


def _auc(bins: _Bins, edges: _Edges, draws: Resamples) -> Floats:
    """Compute the AUC (B,) from correctly ordered pairs.

    Pairs across bins are counted at the edges, pairs within a bin one by one.
    """
    total = edges.totals
    won = np.empty(draws.size)
    step = max(1, _PAIRS // bins.start.size)
    for start in range(0, draws.size, step):
        bona = edges.bonafide[start : start + step].astype(np.float64)
        spoof = edges.spoof[start : start + step].astype(np.float64)
        won[start : start + step] = np.einsum(
            "bg,bg->b", np.diff(bona, axis=1), spoof[:, 1:] + spoof[:, :-1]
        )
    within = _pairs_within(bins, draws.units)
    if within is not None:
        most = int(draws.counts.max(initial=0)) ** 2 * float(np.abs(within).sum())
        kind = np.float32 if most < _EXACT[np.dtype(np.float32)] else np.float64
        counts = draws.counts.astype(kind)
        won += np.sum((counts @ within.astype(kind)) * draws.counts, axis=1, dtype=np.float64)
    return np.asarray(won / 2 / total[0] / total[1])


def _pairs_within(bins: _Bins, number: int) -> Floats | None:
    """Count pairs within bins, (K, K): bona fide of cluster k above spoof of l, minus those below.

    Returns None if every bin is one tie group: its pairs count one half each, as at the edges.
    """
    labels, values = bins.ranking.bonafide, bins.ranking.values
    bin_of = np.repeat(np.arange(bins.start.size), bins.size)
    bona = np.flatnonzero(labels & ~bins.whole[bin_of])
    if not bona.size:
        return None
    found = np.zeros(number * number)
    step = max(1, _PAIRS // int(bins.size[~bins.whole].max()))
    for start in range(0, bona.size, step):
        mine = bona[start : start + step]
        others, inside = bins.places(bin_of[mine])
        sign = np.sign(values[mine][:, None] - values[others])
        sign[~inside | labels[others]] = 0.0
        at = np.nonzero(sign)
        pair = bins.cluster[mine[at[0]]] * number + bins.cluster[others[at]]
        found += np.bincount(pair, sign[at], number * number)
    return found.reshape(number, number)


def _min_dcf(edges: _Edges, costs: Costs) -> Floats:
    """Compute minDCF (B,) at the bin edges alone: optima vary over far more trials than one bin."""
    miss, accept = costs.weights
    of_bona, of_spoof = edges.totals
    cost = edges.bonafide * (miss / of_bona)[:, None]
    cost += accept - edges.spoof * (accept / of_spoof)[:, None]
    return bootstrap_bias.unbiased(cost)
