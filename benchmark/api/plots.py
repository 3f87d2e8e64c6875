"""Figures of results, for notebooks and papers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.api.results import Results, load_results
from benchmark.core.errors import InputError, unknown
from benchmark.leaderboard.ladders import starred
from benchmark.metrics.bootstrap_metrics import METRICS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3  # panels side by side
PANEL = (4.0, 3.0)  # inches


def plot_severity(
    results: Results | str | Path,
    detectors: str | Sequence[str] = (),
    attacks: str | Sequence[str] = (),
    track: str = "",
    metric: str = "eer",
) -> Figure:
    """Plot a metric against severity, one panel per ladder, mild on the left.

    detectors : those to show; by default all
    attacks   : names of attacks to show; by default all that have two levels or more
    track     : by default the headline track
    metric    : eer, auc, f1, min_dcf, act_dcf or cllr, with its interval as a band

    Returns a Matplotlib figure, which notebooks show and `savefig` writes. Raises `InputError` for
    a name that the results do not hold, or if no attack has two levels.
    """
    results = results if isinstance(results, Results) else load_results(results)
    detectors = [detectors] if isinstance(detectors, str) else [*detectors]
    attacks = [attacks] if isinstance(attacks, str) else [*attacks]
    cells, ladders = results.conditions, results.tables["severity"]
    _require([track] if track else [], cells["track"].dropna(), "track of the results")
    _require(detectors, cells["detector"], "detector of the results")
    if metric not in METRICS:
        raise unknown("metric", str(metric), METRICS)
    track = track or results.leaderboard["track"].iloc[0]  # missing if the data name no tracks
    cells, ladders = (_of_track(table, track) for table in (cells, ladders))
    shown = [*detectors] or list(dict.fromkeys(cells["detector"]))
    names = list(dict.fromkeys(ladders["ladder"]))
    known = [name.partition("(")[0] for name in names]
    _require(attacks, known, "attack with several levels")
    wanted = set(attacks or known)
    names = [name for name in names if name.partition("(")[0] in wanted]
    if not names:
        raise InputError(f"{results.folder} holds no attack with two levels of severity or more")
    across = min(COLUMNS, len(names))
    down = -(-len(names) // across)
    figure = _figure(PANEL[0] * across, PANEL[1] * down)
    axes = figure.subplots(down, across, squeeze=False).flat
    for name, panel in zip(names, axes, strict=False):
        steps = _steps(cells, ladders, name)
        for detector in shown:
            line = steps[steps["detector"] == detector]
            places = range(len(line))
            panel.plot(places, line[metric], marker="o", markersize=4, label=detector)
            panel.fill_between(places, line[f"{metric}_low"], line[f"{metric}_high"], alpha=0.15)
        levels = list(dict.fromkeys(steps["severity"]))
        panel.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        unit = str(steps["unit"].iloc[0]) if steps["unit"].notna().iloc[0] else ""
        panel.set_xlabel(f"{_parameter(name)}{f' ({unit})' if unit else ''}")
        panel.set_ylabel(metric.upper())
        panel.set_title(name, fontsize="small", wrap=True)
    for panel in [*axes]:
        panel.set_axis_off()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _of_track(table: pd.DataFrame, track: object) -> pd.DataFrame:
    """Return the rows of a track; those without a track, if `track` is missing."""
    return table[table["track"].isna() if pd.isna(track) else table["track"] == track]  # type: ignore[call-overload]


def _figure(width: float, height: float) -> Figure:
    """Return a figure of this size in inches that notebooks show, without pyplot's open windows."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure with a picture of its own."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=100)
            return buffer.getvalue()

    return Shown((width, height), layout="constrained")


def _steps(cells: pd.DataFrame, ladders: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the cells of one ladder, from mild to severe."""
    parameter = _parameter(name)
    mine = cells["condition"].map(lambda spelled: starred(spelled, parameter) == name)
    ends = ladders[ladders["ladder"] == name].iloc[0]
    rising = ends["severest"] > ends["mildest"]
    return cells[mine].sort_values("severity", ascending=bool(rising), kind="stable")


def _parameter(ladder: str) -> str:
    return ladder.partition("=*")[0].replace("(", ",").rpartition(",")[2].strip()


def _require(asked: Sequence[str], known: Sequence[str] | pd.Series, kind: str) -> None:
    for name in asked:
        if name not in set(known):
            raise unknown(kind, name, list(dict.fromkeys(known)))
