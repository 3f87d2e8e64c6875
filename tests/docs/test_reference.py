"""The reference leaderboard in README and docs is the one whose tables are kept."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from benchmark.inference import detector_selection
from detectors.contract.base import registry
from tests.support import reference_table
from tests.support.places import ROOT

REFERENCE = ROOT / "results" / "reference"
LEARNING = {name for name in detector_selection.DEFAULT if registry.get(name).learns}


@pytest.mark.parametrize("page", ["README.md", "docs/reference.md"])
def test_every_row_is_that_of_the_tables(page: str) -> None:
    rows = reference_table.rows(REFERENCE)
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("| rank | detector"))
    shown = [*itertools.takewhile(lambda line: line.startswith("| "), lines[start + 2 :])]
    assert len(shown) >= 5 and set(shown) <= set(rows.values())
    assert shown == [row for row in rows.values() if row in shown]  # in the order of the ranks
    if Path(page).name == "reference.md":
        assert len(shown) == len(rows)
        published = list(reference_table.rows(REFERENCE / "laundering").values())
        assert [line for line in lines if line in published and line not in shown] == published


@pytest.mark.parametrize("suite", ["core", "laundering"])
def test_the_rows_over_trainings_are_those_of_the_tables(suite: str) -> None:
    made = reference_table.over_seeds(REFERENCE / ("" if suite == "core" else suite))
    lines = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line in made] == made
    assert {line.split(" | ")[1] for line in made if line.split(" | ")[2] == "3"} == LEARNING
