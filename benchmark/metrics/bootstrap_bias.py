"""Replicates of the metrics that look for a threshold first: EER and minDCF.

Resamples exaggerate what the search adds to the spread and to the bias of such a metric. Both
functions make that good resample by resample, so the percentiles of any mean or difference of what
they give are an interval for it, as they are for metrics without a search.
"""

from __future__ import annotations

import numpy as np

from benchmark.metrics.discrimination import Floats

_COLLINEAR = 1e-12  # of a sum of squares: rounding


def smooth(eers: Floats, frr: Floats, far: Floats) -> Floats:
    """The part of EERs (B,) that is linear in the rates that they balance; in [0, 1], (B,).

    frr, far : (B,), each resample's rates, averaged over the thresholds at which all cross

    An EER moves with FRR and FAR where the ROC crosses, and jitters with the single trials next to
    the crossing. The jitter of resamples is that of the sample and of the draw together, about
    twice the variance that it has among samples (Hall and Martin 1988, "Exact convergence rate of
    bootstrap quantile variance estimator": it errs by n ** -1/4), and it hardly cancels between
    two detectors that err on the same trials. The mean over resamples is nearly free of it, and
    has the spread of the part that is linear in what is drawn (Efron 2014, "Estimation and
    accuracy after model selection"): here, of the regression on both rates.
    """
    centre = eers.mean()
    fitted = np.full(eers.size, centre)
    basis: list[Floats] = []
    for rate in (frr, far):
        step = rate - rate.mean()
        whole = np.sum(step**2)
        for other in basis:
            step = step - np.sum(step * other) * other
        rest = np.sum(step**2)
        if rest > _COLLINEAR * whole:  # else it tells nothing that the other rate does not
            basis.append(step / np.sqrt(rest))
            fitted += np.sum((eers - centre) * basis[-1]) * basis[-1]
    return np.clip(fitted, 0.0, 1.0)


def unbiased(costs: Floats) -> Floats:
    """Smallest costs, with the bias of a minimum taken out; from costs (B, T) to [0, 1], (B,).

    costs : each resample's normalised cost at T thresholds

    The smallest cost of a sample lies below that of the population, for its threshold is fitted to
    the very same trials. Among independent trials the bias goes as the variance to the power of
    2/3 (Kim and Pollard 1990, "Cube root asymptotics": a Brownian motion on a parabola). Say that
    it is -c in the sample. A resample has the sample's variance and as much of its own, so its
    minimum is biased by -2 ** (2/3) c, and its cost at the threshold of another resample by a
    third of that. Three halves of the mean of such costs less one half of the mean of the minima
    thus have no bias, and are the mean of what is returned. Its spread is half way between the
    two: minima spread too little, since a minimum evens out the noise that it is chosen from;
    costs at another's threshold too much, by the spread of that threshold. Half is by simulation:
    it keeps both minDCF and its differences near their level (`tests/soak/test_coverage.py`).
    Clusters make the true bias smaller than this, but then it is small beside the spread. Costs
    above 1 cannot be: a constant decision costs 1.
    """
    rows = np.arange(len(costs))
    best = costs.argmin(axis=1)
    smallest, other = costs[rows, best], costs[rows, np.roll(best, 1)]
    return np.clip((smallest + other) / 2 + (other.mean() - smallest.mean()), 0.0, 1.0)
