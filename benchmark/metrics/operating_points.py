"""Thresholds that are frozen on clean dev, and the errors at them, with dev and test resampled.

The conventions of `discrimination` apply: higher = more bona fide, a trial at or above a threshold
is accepted. A threshold at a false rejection rate is fitted to bona fide scores alone. It is what
an operator sets who must not turn away more than that share of honest callers; the share of
laundered spoofs that it accepts is the success rate of the attack.

A threshold from few dev trials is uncertain. So each resample draws whole speakers of dev, fits the
threshold again, and applies it to a resample of the test speakers. Both draws are independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError
from benchmark.metrics.bootstrap import Resamples
from benchmark.metrics.discrimination import Bools, Floats, Places, Ranking, thresholds_between

_AT_ONCE = 1 << 20  # (resample, unit) pairs processed at once; limits memory
_ROUNDING = 1 + 1e-12  # 0.05 * 20 rejects 1 of 20, as `discrimination.tpr_at_fpr` has it

Totals = npt.NDArray[np.int64]


def at_rejection(bonafide: npt.ArrayLike, rate: float) -> float:
    """Return the largest threshold that rejects at most `rate` of the bona fide scores (n,).

    It lies halfway between the last score that it rejects and the first that it accepts. If it
    rejects none, it is the lowest score. Ties are rejected together or not at all. Raises
    `InputError` for no scores, scores that are not finite, and a rate outside [0, 1).

    >>> at_rejection([1.0, 2.0, 3.0, 4.0], 0.25)
    1.5
    >>> at_rejection([7.0, 7.0, 7.0], 0.05)  # all tied: none can be rejected alone
    7.0
    """
    values = np.asarray(bonafide, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise InputError("a threshold needs finite bona fide scores (n,), at least one")
    if not 0 <= rate < 1:
        raise InputError(f"a false rejection rate lies in [0, 1), not {rate:g}")
    distinct, counts = np.unique(values, return_counts=True)
    rejected = np.append(0, np.cumsum(counts))
    place = np.flatnonzero(rejected <= rate * values.size * _ROUNDING)[-1]
    return float(thresholds_between(distinct)[place])


def drawn_at_rejection(bonafide: Floats, draws: Resamples, rate: float) -> Floats:
    """Return `at_rejection` of every resample, (B,).

    bonafide : (n,), bona fide scores; `draws` holds the resampling unit of each of them

    The draws may hold units without bona fide trials, but no draw may be without any.
    """
    distinct, place = np.unique(bonafide, return_inverse=True)
    held = _Held.of(place, draws.unit, draws)
    most = rate * held.below(_everywhere(draws, distinct.size)) * _ROUNDING
    first = _first(draws, distinct.size, lambda cut: held.below(cut) > most)
    return _between(distinct, draws, held.below, held.below(first - 1))


def drawn_eer_threshold(values: Floats, bonafide: Bools, draws: Resamples) -> Floats:
    """Return the EER threshold (see `discrimination.eer`) of every resample, (B,).

    values, bonafide : (n,); every draw must hold both classes, as those of `bootstrap.resample` do
    """
    distinct, place = np.unique(values, return_inverse=True)
    bona, spoof = (_Held.of(place[side], draws.unit[side], draws) for side in (bonafide, ~bonafide))
    n_bona, n_spoof = (side.below(_everywhere(draws, distinct.size)) for side in (bona, spoof))

    def gap(cut: Places) -> Floats:
        return np.asarray(bona.below(cut) / n_bona - (1.0 - spoof.below(cut) / n_spoof))

    def rejected(cut: Places) -> Totals:
        return bona.below(cut) + spoof.below(cut)

    after = _first(draws, distinct.size, lambda cut: gap(cut) >= 0)
    nearer = np.where(np.abs(gap(after - 1)) <= np.abs(gap(after)), after - 1, after)
    return _between(distinct, draws, rejected, rejected(nearer))


def drawn_errors(
    ranking: Ranking, draws: Resamples, thresholds: Floats | float
) -> tuple[Floats, Floats]:
    """Return FRR and FAR (B,) of the test trials in every resample, at that resample's threshold.

    thresholds : (B,), or one for all resamples
    """
    unit = draws.unit[ranking.order]
    at = np.broadcast_to(np.asarray(thresholds, dtype=np.float64), (draws.size,))
    distinct, use = np.unique(at, return_inverse=True)
    below = np.searchsorted(distinct, ranking.values, side="right")  # thresholds that accept it
    rates = []
    for side in (ranking.bonafide, ~ranking.bonafide):
        held = _counts(below[side], unit[side], distinct.size + 1, draws.units)
        rejected = np.cumsum(held, axis=1)  # at threshold t: the trials with `below` <= t
        found = np.empty(draws.size)
        for rows in _chunks(draws.size, draws.units):
            counts = draws.counts[rows].astype(np.int64)
            number = np.sum(counts * rejected[:, use[rows]].T, axis=1)
            found[rows] = number / (counts @ rejected[:, -1])
        rates.append(found)
    return rates[0], 1.0 - rates[1]


@dataclass(frozen=True)
class _Held:
    """Trials of each resampling unit by the place of their score among the distinct scores.

    places : of each unit, in ascending order
    counts : (B, units), how often each draw has each unit
    """

    places: list[Places]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, place: Places, unit: Places, draws: Resamples) -> _Held:
        order = np.lexsort((place, unit))
        ends = np.cumsum(np.bincount(unit, minlength=draws.units))[:-1]
        return cls(np.split(place[order], ends), draws.counts.astype(np.int64))

    def below(self, cut: Places) -> Totals:
        """Count the trials of each draw whose place is below `cut` (B,); a sum over units."""
        total = np.zeros(cut.size, dtype=np.int64)
        for unit, places in enumerate(self.places):
            total += self.counts[:, unit] * np.searchsorted(places, cut)
        return total


def _everywhere(draws: Resamples, place: int) -> Places:
    return np.full(draws.size, place, dtype=np.intp)


def _first(draws: Resamples, size: int, holds: Callable[[Places], Bools]) -> Places:
    """Return the first of the candidates 0 to `size` at which `holds` (monotone), else size + 1."""
    low, high = _everywhere(draws, -1), _everywhere(draws, size + 1)  # holds at high, not at low
    while (high - low > 1).any():
        middle = (low + high) // 2
        inside = high - low > 1
        true = holds(np.clip(middle, 0, size))
        high = np.where(inside & true, middle, high)
        low = np.where(inside & ~true, middle, low)
    return high


def _between(
    distinct: Floats, draws: Resamples, rejected: Callable[[Places], Totals], number: Totals
) -> Floats:
    """Return the threshold of each draw, as `thresholds_between` of its own scores would be.

    rejected : number of trials of each draw below a candidate; `number` (B,): those to reject

    Scores that a draw lacks do not count as its neighbours.
    """
    first = _first(draws, distinct.size, lambda cut: rejected(cut) >= number)
    after = _first(draws, distinct.size, lambda cut: rejected(cut) > number)
    low = distinct[np.maximum(first - 1, 0)]  # the last score that is rejected
    high = distinct[np.minimum(after, distinct.size) - 1]  # the first that is accepted
    middle = low / 2 + high / 2
    middle = np.where((middle > low) & (middle <= high), middle, high)
    middle = np.where(number == 0, high, middle)
    return np.where(after > distinct.size, np.nextafter(low, np.inf), middle)


def _counts(place: Places, unit: Places, size: int, units: int) -> Totals:
    """Count trials by unit and place, (units, size)."""
    flat = np.bincount(unit * size + place, minlength=units * size)
    return flat.reshape(units, size).astype(np.int64)


def _chunks(number: int, width: int) -> list[slice]:
    step = max(1, _AT_ONCE // max(width, 1))
    return [slice(start, start + step) for start in range(0, number, step)]
