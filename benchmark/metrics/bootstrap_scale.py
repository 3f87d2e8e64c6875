"""Replicates on a scale on which the estimate is nearly normal, so that percentiles cover.

Percentiles of raw replicates are off near the ends of a range: an AUC of 0.99 cannot vary by as
much upwards as downwards, and a sample with a lucky high value also shows too small a spread. On
the logit scale (rates) and the log scale (costs) both faults nearly vanish (Pepe 2003, "The
Statistical Evaluation of Medical Tests for Classification and Prediction", section 5.3). Percentile
intervals do not depend on the scale, so the replicates themselves are moved: each keeps its rank
among all, and the ranks get the values of a normal distribution on that scale, about the estimate
and with the spread of the replicates. How two cells vary together stays, so the percentiles of
any mean or difference of such replicates are still an interval for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit, ndtri
from scipy.stats import rankdata

from benchmark.metrics.bootstrap_metrics import Replicates
from benchmark.metrics.discrimination import Bools, Floats

FEW_ERRORS = 20.0  # with fewer errors of a class, intervals may be too narrow and are flagged


@dataclass(frozen=True)
class Scale:
    """A monotone scale on the open range from 0 to `top`."""

    forth: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]
    top: float


RATE = Scale(logit, expit, 1.0)
COST = Scale(np.log, np.exp, np.inf)
SCALES = {"eer": RATE, "auc": RATE, "f1": RATE, "act_dcf": COST, "cllr": COST}
# minDCF keeps its replicates: its minimum is corrected on the raw scale (`bootstrap_bias.unbiased`)


def top(metric: str) -> float:
    """Return the highest value that a metric can have; the lowest is 0.

    >>> top("eer"), top("min_dcf"), top("cllr")
    (1.0, 1.0, inf)
    """
    return SCALES.get(metric, RATE).top


def few_errors(eer: float, bonafide: Bools) -> bool | None:
    """Return whether fewer than `FEW_ERRORS` trials of a class are wrong at the EER threshold.

    None without an EER.

    >>> few_errors(0.1, np.arange(300) < 100), few_errors(0.2, np.arange(300) < 100)
    (True, False)
    """
    smaller = min(np.count_nonzero(bonafide), np.count_nonzero(~bonafide))
    return None if np.isnan(eer) else bool(eer * smaller < FEW_ERRORS)


def scaled(point: Mapping[str, float], draws: Replicates, trials: int) -> Replicates:
    """Return the replicates of a cell on the scales of their metrics, about its estimates.

    point  : the estimates by metric name
    trials : number of trials of the smaller class; half an error of it replaces a replicate at the
             end of the range, where a logarithm is infinite

    A metric that is at an end of its range, or undefined, keeps its replicates.
    """
    found = {
        name: _moved(point[name], getattr(draws, name), scale, 0.5 / (trials + 1))
        for name, scale in SCALES.items()
    }
    return replace(draws, **found)


def _moved(value: float, draws: Floats, scale: Scale, least: float) -> Floats:
    if draws.size == 0 or not 0.0 < value < scale.top or not np.isfinite(draws).all():
        return draws
    least = min(least, value / 2, (scale.top - value) / 2)
    spread = scale.forth(np.clip(draws, least, scale.top - least)).std()
    normal = ndtri((rankdata(draws) - 0.5) / draws.size)
    return np.asarray(scale.back(scale.forth(np.asarray(value)) + spread * normal))
