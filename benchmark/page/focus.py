"""Clean beside one condition: ROC, DET and precision-recall curves, scores, decisions.

The condition is the worst at first; the page's script puts any other in its place, from the same
path data that is drawn here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from attacks.condition import CLEAN
from benchmark import cells, curves, metrics
from benchmark.curves import Points
from benchmark.metrics import Bools, Floats, Places, Ranking
from benchmark.page.values import Row, polyline, records, steps
from benchmark.results import RunResults

SIDE = 500  # of a square plot, in its own units
WIDE, HIGH = 400, 100  # of a histogram
CURVE_BYTES, POINT_BYTES = 1_600_000, 6  # what all curves of the page may take; one point
BIN_BYTES, BAR_BYTES = 900_000, 5
POINTS, BINS = (16, 90), (14, 40)  # fewest and most of a curve and of a histogram
TAIL = 0.002  # share of scores beyond either end of a histogram: they stand in its last bars
DET_RANGE = (0.002, 0.9)
DET_TICKS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
COUNTS = ("hit", "missed", "false_alarm", "correct")


def focus(results: RunResults, conditions: pd.DataFrame, track: str) -> Row:
    """The values of this part of the page for one track."""
    table = conditions[conditions["track"] == track]
    known = {(row["detector"], row["condition"]): row for row in records(table)}
    names = [info.condition for info in results.conditions]
    shape = (len(results.detectors), len(names))
    kept = cells.track_rows(results.protocol, track)
    bonafide = (results.protocol.table["label"] == "bonafide").to_numpy(dtype=np.bool_)[kept]
    paths = _paths(results, kept, bonafide, shape)
    places = {name: place for place, name in enumerate(names)}
    chosen = _worst(table)
    rows = [[known[detector, name] for name in names] for detector in results.detectors]
    limits = paths.pop("limits")
    data = paths | {
        "counts": [[_counts(cell) for cell in row] for row in rows],
        "eer": [[cell["eer"] for cell in row] for row in rows],
    }
    return {
        "track": track,
        "clean": places[CLEAN],
        "chosen": None if chosen is None else places[chosen],
        "names": names,
        "families": _options(results, table),
        "detectors": [
            {"name": name, "threshold": _place(rows[number][0]["threshold"], limits[number])}
            for number, name in enumerate(results.detectors)
        ],
        "data": data,
        "prevalence": round(SIDE * bonafide.mean()),
        "det_ticks": [
            {"at": round(SIDE * _share(ndtri(rate))), "text": f"{100 * rate:g}"}
            for rate in DET_TICKS
        ],
        "side": SIDE,
        "wide": WIDE,
        "high": HIGH,
    }


def _counts(cell: Row) -> list[int] | None:
    """The four outcomes at the frozen threshold; None where none was frozen."""
    return None if cell["hit"] is None else [int(cell[key]) for key in COUNTS]


def _paths(
    results: RunResults, kept: Places, bonafide: Bools, shape: tuple[int, int]
) -> dict[str, Any]:
    """Path data of every cell by kind, detector and condition; '' where a class has no score.

    `kept` are the rows of the track's trials, `bonafide` their labels. `limits` are the ends of
    each detector's axis of scores.
    """
    number = shape[0] * shape[1]
    limit = int(np.clip(CURVE_BYTES // (3 * number * POINT_BYTES), *POINTS))
    bins = int(np.clip(BIN_BYTES // (2 * number * BAR_BYTES), *BINS))
    cube = cells.score_cube(results, "test")
    found: dict[str, Any] = {kind: [] for kind in ("roc", "det", "pr", "bonafide", "spoof")}
    found["limits"] = []
    for detector in range(shape[0]):
        scores = cube[detector][:, kept]
        known = scores[~np.isnan(scores)]
        limits = np.quantile(known if known.size else np.zeros(1), [TAIL, 1 - TAIL])
        found["limits"].append(limits)
        drawn = [_cell(row, bonafide, limits, limit, bins) for row in scores]
        for kind in ("roc", "det", "pr", "bonafide", "spoof"):
            found[kind].append([cell[kind] for cell in drawn])
    return found


def _cell(scores: Floats, bonafide: Bools, limits: Floats, limit: int, bins: int) -> dict[str, str]:
    there = ~np.isnan(scores)
    labels = bonafide[there]
    if not labels.any() or labels.all():
        return dict.fromkeys(("roc", "det", "pr", "bonafide", "spoof"), "")
    ranking = metrics.rank(scores[there], labels)
    return _curves(ranking, limit) | _histograms(ranking, limits, bins)


def _curves(ranking: Ranking, limit: int) -> dict[str, str]:
    curve = metrics.roc_of(ranking)
    roc = curves.roc_points(curve, limit)
    det = curves.det_points(curve)
    low, high = ndtri(DET_RANGE)
    near = Points(np.clip(det.x, low - 1, high + 1), np.clip(det.y, low - 1, high + 1))
    det = curves.thin(near, limit)
    pr = curves.precision_recall_points(curve, limit)
    return {
        "roc": polyline(SIDE * roc.x, SIDE * (1 - roc.y)),
        "det": polyline(SIDE * _share(det.x), SIDE * (1 - _share(det.y))),
        "pr": polyline(SIDE * pr.x, SIDE * (1 - pr.y)),
    }


def _histograms(ranking: Ranking, limits: Floats, bins: int) -> dict[str, str]:
    """Both classes' shares per bin, the higher of the two peaks reaching to the top."""
    low, high = limits if limits[1] > limits[0] else (limits[0] - 1, limits[0] + 1)
    place = np.clip((ranking.values - low) / (high - low) * bins, 0, bins - 1).astype(np.intp)
    shares = {
        name: np.bincount(place[mask], minlength=bins) / mask.sum()
        for name, mask in (("bonafide", ranking.bonafide), ("spoof", ~ranking.bonafide))
    }
    peak = max(share.max() for share in shares.values())
    return {name: steps(HIGH * share / peak, WIDE / bins, HIGH) for name, share in shares.items()}


def _place(score: float | None, limits: Floats) -> int | None:
    """Where a score stands on a histogram's axis; None where it is unknown or beyond it."""
    if score is None or not limits[0] <= score <= limits[1]:
        return None
    return round(WIDE * (score - limits[0]) / max(limits[1] - limits[0], 1e-300))


def _share(probit: Any) -> Any:
    """Where a probit stands on a DET axis, 0 to 1 inside its range."""
    low, high = ndtri(DET_RANGE)
    return (probit - low) / (high - low)


def _worst(table: pd.DataFrame) -> str | None:
    """The laundering condition with the highest mean EER; one that counts, where there is one."""
    laundered = table[table["condition"] != CLEAN]
    counts = laundered["complete"].astype(bool) & laundered["verified"].eq(True)
    pool = laundered[counts] if counts.any() else laundered
    means = pool.groupby("condition", sort=False)["eer"].mean().dropna()
    return None if means.empty else str(means.idxmax())


def _options(results: RunResults, table: pd.DataFrame) -> list[Row]:
    """The laundering conditions by family, each with its place in the plan and its verdict."""
    verified = table.drop_duplicates("condition").set_index("condition")["verified"]
    grouped: dict[str, list[Row]] = {}
    for place, info in enumerate(results.conditions):
        if info.condition != CLEAN:
            flag = "" if verified[info.condition] else " (unverified)"
            option = {"place": place, "text": f"{info.condition}{flag}"}
            grouped.setdefault(info.family, []).append(option)
    return [{"name": name, "options": options} for name, options in grouped.items()]
