"""Charts of the pages."""

from __future__ import annotations

from typing import Any

import altair as alt

from benchmark.report.palette import CLASSES_DARK, CLASSES_LIGHT
from benchmark.web.curves import Curve

ACROSS = 3  # charts side by side
HEIGHT = 240  # pixels, with title and axes
GREY = "#8d8592"
SHAPES = {"bonafide": "circle", "spoof": "square", "no threshold": "diamond"}


def severity(curve: Curve, detector: str, dark: bool = False) -> Any:
    """Return the chart of one detector: its score at every level, and its threshold."""
    points = curve.points[curve.points["detector"] == detector]
    colours = {"no threshold": GREY} | (CLASSES_DARK if dark else CLASSES_LIGHT)
    base = alt.Chart(points)
    x = alt.X("level:N", sort=[*points["level"]], title=curve.axis, axis=alt.Axis(labelAngle=0))
    y = alt.Y("score:Q", scale=alt.Scale(zero=False), title="score")
    kinds = [*SHAPES]
    marks = base.mark_point(size=80, filled=True, opacity=1).encode(
        x,
        y,
        color=alt.Color(
            "verdict:N",
            scale=alt.Scale(domain=kinds, range=[colours[kind] for kind in kinds]),
            legend=None,
        ),
        shape=alt.Shape(
            "verdict:N", scale=alt.Scale(domain=kinds, range=[*SHAPES.values()]), legend=None
        ),
        tooltip=["level:N", alt.Tooltip("score:Q", format=".3f"), "verdict:N"],
    )
    layers = [base.mark_line(color=GREY, strokeWidth=1.5).encode(x, y), marks]
    if points["threshold"].notna().all():
        rule = base.mark_rule(strokeDash=[5, 4], color=GREY)
        layers.insert(0, rule.encode(y=alt.Y("mean(threshold):Q", title="score")))
    return alt.layer(*layers).properties(height=HEIGHT, title=detector)
