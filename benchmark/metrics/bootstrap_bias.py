"""Bias correction of the bootstrap replicates of EER and minDCF, which search for a threshold.

Resampling exaggerates the spread and the bias that the threshold search adds to such a metric. Both
functions correct this in each resample. The percentiles of any mean or difference of their results
are thus an interval for it, as for metrics without a search.
"""

from __future__ import annotations

import numpy as np

from benchmark.metrics.discrimination import Floats

_COLLINEAR = 1e-12  # share of a sum of squares that is rounding error


def smooth(eers: Floats, frr: Floats, far: Floats) -> Floats:
    """Return the part of EERs (B,) that is linear in the two error rates; in [0, 1], (B,).

    frr, far : (B,), rates of each resample, averaged over the thresholds where the resamples' ROCs
               cross FRR = FAR

    An EER follows FRR and FAR at the crossing of the ROC, plus jitter from single trials next to
    the crossing. The jitter of resamples combines that of the sample and that of the draw: about
    twice the variance among samples (Hall and Martin 1988, "Exact convergence rate of bootstrap
    quantile variance estimator": its error is of order n ** (-1/4)). It hardly cancels between two
    detectors that err on the same trials. The mean over resamples is almost free of jitter. Its
    spread is that of the part that is linear in the drawn counts (Efron 2014, "Estimation and
    accuracy after model selection"), which is here the regression on both rates.
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
        if rest > _COLLINEAR * whole:  # else the rate is constant or collinear with the other one
            basis.append(step / np.sqrt(rest))
            fitted += np.sum((eers - centre) * basis[-1]) * basis[-1]
    return np.clip(fitted, 0.0, 1.0)


def unbiased(costs: Floats) -> Floats:
    """Return the smallest cost of each resample without the bias of a minimum; in [0, 1], (B,).

    costs : (B, T), normalised cost of each resample at T thresholds

    The smallest cost of a sample is below that of the population, because its threshold is fitted
    to the same trials. For independent trials the bias is proportional to the variance to the power
    of 2/3 (Kim and Pollard 1990, "Cube root asymptotics": a Brownian motion on a parabola). Let the
    bias in the sample be -c. A resample has the variance of the sample and as much of its own. The
    bias of its minimum is thus -2 ** (2/3) c, and that of its cost at the threshold of another
    resample a third of that. So 3/2 times the mean of such costs minus 1/2 times the mean of the
    minima has no bias; this is the mean of the result.

    The spread of the result is half way between the two. Minima spread too little, because a
    minimum averages out the noise from which it is chosen. Costs at another resample's threshold
    spread too much, by the spread of that threshold. The factor 1/2 comes from simulation: it keeps
    the coverage of minDCF and its differences near the nominal level
    (`tests/soak/test_coverage.py`). With clusters the true bias is smaller, but then it is small
    compared with the spread. Costs are clipped at 1, the cost of a constant decision.
    """
    rows = np.arange(len(costs))
    best = costs.argmin(axis=1)
    smallest, other = costs[rows, best], costs[rows, np.roll(best, 1)]
    return np.clip((smallest + other) / 2 + (other.mean() - smallest.mean()), 0.0, 1.0)
