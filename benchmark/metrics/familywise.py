"""Which of many detectors differ, and which ranks remain, with one error rate for all of it.

With 17 detectors 136 pairs are compared. Each at 5 %, most tables of equal detectors would show a
difference. Here the chance of one false difference in a family of comparisons is at most 5 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtr

from benchmark.core.errors import InputError
from benchmark.metrics.bootstrap import LEVEL, drawn_number
from benchmark.metrics.discrimination import Bools, Floats

# Share of the degrees of freedom of normal clusters. Differences have lighter tails than rates, for
# which `bootstrap.degrees_of_freedom` takes half. All of them give false differences in 7 % of the
# tables of 17 equal detectors at 20 speakers, half of them in under 1 %: `docs/statistics.md`.
KNOWN = 0.8
_FAR = 38.0  # beyond this normal quantile the tail probability is 0 in float64
_ROUNDING = 1e-12  # spread of a difference, relative to that of its parts, that is rounding error


def p_values(values: Sequence[float], draws: Sequence[Floats], units: int) -> Floats:
    """Return adjusted p values (n, n): entry i, j of the hypothesis that i is not below j.

    values : (n,), one value per detector, e.g. its mean EER
    draws  : n arrays (B,), the same value in every resample; entry b of all is the same resample
    units  : number of resampling units, i.e. speakers

    The hypotheses of all ordered pairs are one family, so both the claim of a difference and its
    direction are covered. The statistic is the difference over its spread in the paired resamples.
    The distribution of the largest statistic of all hypotheses that are not yet rejected comes from
    the same resamples, about their mean (step-down max-T: Romano and Wolf 2005, "Exact and
    approximate stepdown methods for multiple hypothesis testing"). It thus uses how strongly the
    comparisons depend on each other. Resampled sums are almost normal, but a spread that is
    estimated from few speakers is not exact, so a statistic is compared by the tail probability of
    Student's t with `KNOWN` (`units` - 1) degrees of freedom.

    The diagonal is 1. Two detectors whose difference is the same in every resample have 1: no error
    of it is known. Without resamples, or with NaN among the draws, all are NaN. Raises `InputError`
    if the draws are not paired, i.e. differ in length.
    """
    number = len(values)
    if len({draw.size for draw in draws} | {0}) > 2 or len(draws) != number:
        raise InputError("cannot compare detectors: their resamples are not the same")
    if number == 0 or draws[0].size == 0 or any(np.isnan(draw).any() for draw in draws):
        return np.full((number, number), np.nan)
    centred = np.stack([draw - draw.mean() for draw in draws])
    spread = _spreads(centred)
    statistic = _normal_scores(np.asarray(values, dtype=np.float64), spread, units)
    found = np.ones((number, number))
    pairs = np.argwhere(spread > 0)
    pairs = pairs[np.argsort([statistic[i, j] for i, j in pairs], kind="stable")]
    largest = np.full(centred.shape[1], -np.inf)
    for i, j in pairs:  # from the weakest, so that `largest` is over those not yet rejected
        np.maximum(largest, (centred[j] - centred[i]) / spread[i, j], out=largest)
        reached = np.count_nonzero(largest >= statistic[i, j])
        found[i, j] = (1 + reached) / (1 + largest.size)
    smallest = 0.0
    for i, j in pairs[::-1]:  # a hypothesis is rejected only after all stronger ones
        smallest = found[i, j] = max(smallest, found[i, j])
    return found


def _spreads(centred: Floats) -> Floats:
    """Return the standard deviation of every difference (n, n); 0 where it is rounding error."""
    own = centred.std(axis=1)
    found = np.stack([(centred - row).std(axis=1) for row in centred])
    return np.where(found > _ROUNDING * np.add.outer(own, own), found, 0.0)


def _normal_scores(values: Floats, spread: Floats, units: int) -> Floats:
    """Return the normal quantile with the tail of each studentised difference, (n, n)."""
    # a resample has fewer clusters than the set, which makes percentiles wide enough; undo this
    exact = spread * np.sqrt(drawn_number(units) / (units - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(spread > 0, (values - values[:, None]) / exact, 0.0)
    tail = stdtr(KNOWN * (units - 1), -np.abs(ratio))
    return np.asarray(np.sign(ratio) * np.minimum(-ndtri(tail), _FAR))


def below(p: Floats) -> Bools:
    """Return whether detector i is significantly below j, (n, n), from `p_values`."""
    return np.asarray(p <= 1 - LEVEL)


def tied(p: Floats) -> Bools:
    """Return whether two detectors are not told apart, (n, n); a detector is tied with itself."""
    return np.asarray(~(below(p) | below(p).T))


def rank_bounds(p: Floats) -> list[tuple[int, int]]:
    """Return the best and worst rank of each detector; all of them hold with probability 95 %.

    p : (n, n), from `p_values`; lower values are better

    The rank is between 1 + the number of significantly better detectors and n - the number of
    significantly worse ones (Mogstad, Romano, Shaikh and Wilhelm 2024, "Inference for ranks").
    Without resamples no rank is ruled out.

    >>> rank_bounds(np.array([[1.0, 0.2, 0.01], [1.0, 1.0, 0.01], [1.0, 1.0, 1.0]]))
    [(1, 2), (1, 2), (3, 3)]
    """
    better = below(p)
    counts: npt.NDArray[np.intp] = better.sum(axis=0)
    worse: npt.NDArray[np.intp] = better.sum(axis=1)
    return [(1 + int(c), len(p) - int(w)) for c, w in zip(counts, worse, strict=True)]
