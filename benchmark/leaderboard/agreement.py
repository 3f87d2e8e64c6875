"""Whether our figures and published ones agree on the order of things and on the size of changes.

Kendall's tau-b compares the order: 1 for the same, 0 for none in common, -1 for the reverse. The
slope is that of a straight line through our EER over the published one, by least squares: by how
many points ours changes where the published changes by one. A constant offset between both, such as
another training, leaves either as it is. The published figures have no intervals, so neither has
bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, linregress

from benchmark.leaderboard.rows.comparison_rows import AgreementRow

LEAST = 5  # with fewer figures, tau has a handful of values and a slope follows one point
OVER_CONDITIONS, OVER_SYSTEMS = "conditions", "systems"


@dataclass(frozen=True)
class Figure:
    """Our EER and a published one, as shares, of one detector under one condition or pool.

    `published_as` is the attack and level of the published row; `column` says which of our
    conditions stands for it.
    """

    detector: str
    system: str
    published_as: str
    column: str
    condition: str
    ours: float
    published: float


def rows(figures: Sequence[Figure]) -> list[AgreementRow]:
    """Return one row per detector and column over its conditions, then one per condition.

    Published rows that are one condition of ours count once, with their mean. What has fewer than
    `LEAST` figures has no row.
    """
    found = []
    for (detector, system, column), mine in _groups(
        figures, lambda f: (f.detector, f.system, f.column)
    ).items():
        parts = _groups(mine, lambda f: (f.condition,)).values()
        pairs = [(part[0].ours, float(np.mean([f.published for f in part]))) for part in parts]
        found += _row(OVER_CONDITIONS, detector, system, None, column, pairs)
    for (level, column), mine in _groups(figures, lambda f: (f.published_as, f.column)).items():
        pairs = [(f.ours, f.published) for f in mine]
        found += _row(OVER_SYSTEMS, None, None, level, column, pairs)
    return found


def _groups(
    figures: Iterable[Figure], key: Callable[[Figure], tuple[str, ...]]
) -> dict[tuple[str, ...], list[Figure]]:
    found: dict[tuple[str, ...], list[Figure]] = {}
    for figure in figures:
        found.setdefault(key(figure), []).append(figure)
    return found


def _row(
    over: str,
    detector: str | None,
    system: str | None,
    level: str | None,
    column: str,
    pairs: Sequence[tuple[float, float]],
) -> list[AgreementRow]:
    if len(pairs) < LEAST:
        return []
    ours, published = np.array(pairs).T
    tau, slope = np.nan, np.nan
    if np.ptp(ours) > 0 and np.ptp(published) > 0:
        tau = float(kendalltau(published, ours).statistic)
        slope = float(linregress(published, ours).slope)
    return [AgreementRow(over, detector, system, level, column, len(pairs), tau, slope)]
