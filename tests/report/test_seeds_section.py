"""What the page says of trainings and draws of the attacks."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report.html import document, first_screen_section, seeds_section
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import replace

RUN = synthetic_run.run(6, 4)


@pytest.fixture(scope="module")
def plain() -> Tables:
    return leaderboard_tables.tables(RUN, 0)


def seeded(plain: Tables, trainings: list[int], draws: int) -> Tables:
    """Return tables whose detectors have so many trainings each; the last detector is the best."""
    track = plain.leaderboard["track"].iloc[0]
    count = len(trainings)
    rows = [
        {
            "track": track, "detector": detector, "over": over, "metric": metric,
            "n_trainings": n, "n_attack_draws": draws, "first": 0.3, "mean": 0.25,
            "mean_low": 0.2, "mean_high": 0.3, "spread_training": 0.02 if n > 1 else None,
            "spread_attack": 0.01 if draws > 1 else None, "rank": count - place,
            "rank_low": 1, "rank_high": count, "left_out": None,
        }
        for place, (detector, n) in enumerate(zip(RUN.detectors, trainings, strict=False))
        for over in ("clean", "laundered")
        for metric in ("eer", "auc")
    ]  # fmt: skip
    return replace(plain, seeds=pd.DataFrame(rows))


def strip(run: RunResults, tables: Tables) -> first_screen_section.Proof:
    first = {"n_clusters": 30}
    (found,) = [p for p in first_screen_section.proofs(run, tables, first) if "draw" in p.text]
    return found


def test_the_strip_counts_detectors_that_were_trained_once(plain: Tables) -> None:
    found = strip(RUN, seeded(plain, [3, 1], 2))
    assert found.text == "1 to 3 trainings, 2 draws of the attacks" and found.doubt
    found = strip(RUN, seeded(plain, [3, 3], 2))
    assert found.text == "3 trainings, 2 draws of the attacks" and not found.doubt
    found = strip(RUN, plain)
    assert found.text == "1 training, 1 draw of the attacks" and found.doubt
    assert found.anchor == "provenance"  # the part of seeds is not on such a page


def test_a_row_says_that_a_detector_was_trained_once(plain: Tables) -> None:
    tables = seeded(plain, [3, 1], 2)
    rows = seeds_section.realised(tables, str(plain.leaderboard["track"].iloc[0]))
    assert [row["rank"] for row in rows] == [1, 2]
    assert [row["trainings"] for row in rows] == ["one training", "3"]
    page = document.render(RUN, tables)
    part = page[page.index('id="seeds"') : page.index('id="robustness"')]
    part = part[part.index("<tbody>") :]
    assert part.count("one training") == 1 and re.search(r"<td[^>]*>3</td>", part)
    assert "2.0" in part and "–" in part


def test_a_detector_that_learns_nothing_is_not_counted_among_trainings(plain: Tables) -> None:
    tables = seeded(plain, [3, 1], 2)
    tables.seeds["detector"] = tables.seeds["detector"].replace(RUN.detectors[1], "random")
    assert seeds_section.counted(tables) == ("3 trainings, 2 draws of the attacks", False)
    rows = seeds_section.realised(tables, str(plain.leaderboard["track"].iloc[0]))
    assert [row["trainings"] for row in rows] == ["learns nothing", "3"]


def test_a_run_of_one_realisation_has_no_such_part(plain: Tables) -> None:
    assert seeds_section.realised(plain, "-") == []
    assert 'id="seeds"' not in document.render(RUN, plain)
