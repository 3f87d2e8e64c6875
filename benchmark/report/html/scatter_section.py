"""Section of two scatter charts: laundered against clean error, and attack success against it."""

from __future__ import annotations

import numpy as np

from benchmark.report.rows import Row

WIDTH, HEIGHT = 410, 280  # of the plotted area, in the chart's own units
GUIDE = 0.62  # place on the diagonal where its name stands below it
STEP = 0.1
LEAST = 0.5  # smallest end of an axis of EER


def charts(rows: list[Row], detectors: tuple[str, ...]) -> list[Row]:
    """Return the charts of one track, whose leaderboard rows are `rows`.

    `detectors` are those of the run, in the order of the series' colours. A detector without a rate
    has no point; a chart without points is left out.
    """
    top = _end(rows, "clean_eer", "laundered_eer")
    found = [
        _chart(
            rows,
            detectors,
            "Laundered EER over clean EER, per cent",
            ("clean_eer", top, "clean EER"),
            ("laundered_eer", top, "laundered EER"),
        )
        | {"guide": f"M0 {HEIGHT}L{WIDTH} 0", "guide_text": "no loss",
           "guide_at": {"x": GUIDE * WIDTH, "y": (1 - GUIDE) * HEIGHT}},
        _chart(
            rows,
            detectors,
            "Attack success over laundered EER, per cent",
            ("laundered_eer", top, "laundered EER"),
            ("laundered_success5", 1.0, "attack success"),
        )
        | {"guide": ""},
    ]  # fmt: skip
    return [chart for chart in found if chart["points"]]


def _end(rows: list[Row], *names: str) -> float:
    known = [row[name] for row in rows for name in names if row[name] is not None]
    return float(np.ceil(max([LEAST, *known]) / STEP - 1e-9) * STEP)


def _chart(
    rows: list[Row],
    detectors: tuple[str, ...],
    title: str,
    across: tuple[str, float, str],
    up: tuple[str, float, str],
) -> Row:
    (x, right, x_label), (y, top, y_label) = across, up
    return {
        "title": title,
        "width": WIDTH,
        "height": HEIGHT,
        "x_label": x_label,
        "y_label": y_label,
        "x_ticks": [{"at": round(WIDTH * t / right), "text": _percent(t)} for t in _ticks(right)],
        "y_ticks": [
            {"at": round(HEIGHT * (1 - t / top)), "text": _percent(t)} for t in _ticks(top)
        ],
        "points": [
            {
                "series": detectors.index(row["detector"]),
                "x": round(WIDTH * row[x] / right, 1),
                "y": round(HEIGHT * (1 - row[y] / top), 1),
                "label": row["detector"],
                "title": f"{row['detector']}: {x_label} {100 * row[x]:.1f} %,"
                f" {y_label} {100 * row[y]:.1f} %",
            }
            for row in rows
            if row[x] is not None and row[y] is not None
        ],
    }


def _ticks(end: float) -> list[float]:
    step = 0.25 if end == 1.0 else STEP
    return [float(tick) for tick in np.arange(0, end + step / 2, step)]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
