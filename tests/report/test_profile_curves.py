"""The severity curve of a profile, beside the median of all detectors."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.ladders import ladders
from benchmark.report.html.profile_curves_section import HEIGHT, WIDTH, curves
from tests.support import synthetic_run


def points(path: str) -> list[tuple[int, int]]:
    """Return the points of a path of relative steps."""
    start, *steps = re.findall(r"(-?\d+)[ ]?(-?\d+)", path)
    return [*zip(*np.cumsum(np.array([start, *steps], int), axis=0).T.tolist(), strict=True)]


def test_a_curve_is_the_mean_over_ladders_from_clean_to_the_severest() -> None:
    run = synthetic_run.run(speakers=8)
    table = leaderboard_tables.tables(run, 0).conditions
    made = curves(run, table, "neural")
    steps = ladders(run.conditions)
    assert made is not None and made["ladders"] == len(steps) > 3
    top = float(made["y"][-1]["text"]) / 100
    eer = table[table["track"] == "neural"].set_index(["detector", "condition"])["eer"]
    ends = {
        name: (eer[name, "clean"], np.mean([eer[name, step.conditions[-1]] for step in steps]))
        for name in run.detectors
    }
    for name, (first, last) in [*ends.items(), ("", np.median([*ends.values()], axis=0))]:
        path = points(made["lines"][name] if name else made["median"])
        assert path[0] == (0, pytest.approx(HEIGHT * (1 - first / top), abs=1))
        assert path[-1] == (WIDTH, pytest.approx(HEIGHT * (1 - last / top), abs=1))


def test_no_curve_mixes_ladders_that_some_detector_lacks() -> None:
    run = synthetic_run.run(speakers=8)
    whole = curves(run, leaderboard_tables.tables(run, 0).conditions, "neural")
    lacking = synthetic_run.broken(run)  # rawcnn lacks trials under mp3
    part = curves(lacking, leaderboard_tables.tables(lacking, 0).conditions, "neural")
    assert whole is not None and part is not None and part["ladders"] == whole["ladders"] - 1
    alone = synthetic_run.only(run, "lowpass(cutoff=7000)")
    assert curves(alone, leaderboard_tables.tables(alone, 0).conditions, "neural") is None
