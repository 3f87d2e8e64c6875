"""Section of paired differences: which of two detectors has the lower laundered EER."""

from __future__ import annotations

from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import of_track
from benchmark.report.rows import Row, records

OVER, METRIC = "laundered", "eer"


def pairs(tables: Tables, rows: list[Row]) -> list[Row]:
    """Return the pairs of a track, whose leaderboard rows are `rows`, with numbers in the run.

    Without intervals there are none: nothing says which differences chance explains.

    a, b             : the detectors; the second is subtracted
    one, two         : their numbers in the run
    value, low, high : the difference of their laundered EER
    p                : adjusted over all pairs, or None
    """
    if tables.differences.empty:
        return []
    numbers = {row["detector"]: row["number"] for row in rows}
    mine = records(of_track(tables.differences, rows[0]["track"]))
    return [
        {
            "a": row["detector"],
            "b": row["other"],
            "one": numbers[row["detector"]],
            "two": numbers[row["other"]],
            "value": row["difference"],
            "low": row["difference_low"],
            "high": row["difference_high"],
            "p": row["p_familywise"],
        }
        for row in mine
        if row["over"] == OVER and row["metric"] == METRIC and row["difference_low"] is not None
    ]
