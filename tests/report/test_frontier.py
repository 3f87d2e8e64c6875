"""The laundering frontier: error against quality, on the page."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.quality.quality_store import Quality, Sample, VoiceThreshold
from benchmark.report.html import document, frontier_section
from benchmark.report.rows import records
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run

OVRL = {"clean": 3.0, "reverb(rt60=0.3)": 2.9, "reverb(rt60=0.9)": 1.5, "mp3(kbps=16)": 2.2}
GAIN = {"mp3(kbps=16)": 3.4}


def measured(ovrl: dict[str, float | None]) -> Quality:
    ids = ("u1", "u2", "u3")

    def row(value: float | None) -> dict[str, Any]:
        held = {"cosine": 0.9} | ({} if value is None else {"ovrl": value})
        return {"key": "k", "samples": "", "values": held, "versions": {}, "causes": {}}

    rows = {uid: {name: row(value) for name, value in ovrl.items()} for uid in ids}
    voices = VoiceThreshold(0.7, 30, 5, "")
    return Quality(Sample(ids, ("a", "b", "c"), 0, {}, voices), rows)


def made(ovrl: dict[str, float | None]) -> tuple[RunResults, Tables]:
    run = synthetic_run.only(synthetic_run.run(), *OVRL)
    results = synthetic_run.replace(run, quality=measured(ovrl))
    return results, leaderboard_tables.tables(results, 40)


@pytest.fixture(scope="module")
def run() -> tuple[RunResults, Tables]:
    return made({**OVRL})


def shown(run: tuple[RunResults, Tables]) -> dict[str, Any]:
    results, tables = run
    found = frontier_section.frontier(tables, results.detectors, records(tables.leaderboard))
    assert found is not None
    return found


def heights(path: str) -> list[float]:
    """Return the rates along a staircase, left to right."""
    numbers = [int(n) for n in re.findall(r"-?\d+", path)]
    x, y = numbers[0], numbers[1]
    found = [y]
    for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
        x, y = x + dx, y + dy
        found.append(y)
    assert x == frontier_section.WIDTH
    return [1 - height / frontier_section.HEIGHT for height in found]


def test_a_staircase_is_the_worst_that_a_loss_can_buy(run: tuple[RunResults, Tables]) -> None:
    _, tables = run
    found = shown(run)
    cells = tables.conditions.query("track == 'neural'").set_index(["detector", "condition"])["eer"]
    order = sorted(OVRL, key=lambda name: -OVRL[name])[1:]  # from the cheapest; clean is no attack
    results, _ = run
    for line in found["charts"][0]["lines"]:
        detector = results.detectors[line["series"]]
        rates = heights(line["line"])
        assert rates == sorted(rates)
        best = np.maximum.accumulate([cells[detector, name] for name in order])
        assert rates[0] == pytest.approx(best[0], abs=0.01)
        assert rates[-1] == pytest.approx(best[-1], abs=0.01)
        assert line["dots"].count("h0") == len(order)
    assert found["charts"][0]["title"] == "EER"


def test_the_page_names_the_worst_within_the_budget(run: tuple[RunResults, Tables]) -> None:
    results, tables = run
    page = document.render(results, tables)
    assert 'id="frontier"' in page and 'href="#frontier"' in page
    for row in shown(run)["budget"]:
        assert row["budget_condition"] == "reverb(rt60=0.3)" and row["n_within"] == 1


def test_a_gain_lies_left_of_no_loss() -> None:
    found = shown(made(OVRL | GAIN))
    assert found["rows"][0]["condition"] == "mp3(kbps=16)"
    assert found["rows"][0]["ovrl_loss"] == pytest.approx(-0.4)
    assert found["zero"] > 0 and found["x"][0]["text"].startswith("−")


def test_without_quality_there_is_no_section() -> None:
    results = synthetic_run.only(synthetic_run.run(), "mp3(kbps=16)")
    tables = leaderboard_tables.tables(results, 0)
    board = records(tables.leaderboard)
    assert frontier_section.frontier(tables, results.detectors, board) is None
    assert 'id="frontier"' not in document.render(results, tables)
    held, unmeasured = made(dict.fromkeys(OVRL))
    assert frontier_section.frontier(unmeasured, held.detectors, board) is None
