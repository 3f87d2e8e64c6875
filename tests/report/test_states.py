"""The four states of a condition are told apart in every file of a report, and by `verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmark.api import reported
from benchmark.api import verification as run_verification
from benchmark.laundering.verification import State
from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import terminal_summary, writer
from benchmark.report.html import contrast_section
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import STATES

COUNTS = "1 verified; 1 control; 1 changed, claim not measured; 1 refuted"


@pytest.fixture(scope="module")
def results() -> RunResults:
    return synthetic_run.of_states(synthetic_run.run(6))


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, 0)


@pytest.fixture(scope="module")
def folder(results: RunResults, tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("states")
    writer.write(results, made, tables)
    return made


def verdicts(rows: pd.DataFrame) -> dict[str, str]:
    return dict(zip(rows["condition"], rows["verdict"], strict=True))


@pytest.mark.parametrize("name", ["conditions", "conditions_full", "breakdown", "effects"])
def test_csv_has_the_verdict_beside_verified(folder: Path, name: str) -> None:
    table = pd.read_csv(folder / f"{name}.csv")
    assert [*table.columns].index("verdict") == [*table.columns].index("verified") + 1
    laundered = table[table["condition"] != "clean"]
    assert verdicts(laundered) == STATES
    assert laundered["verified"].astype(bool).eq(laundered["verdict"] == "verified").all()
    assert table.loc[table["condition"] == "clean", "verdict"].isna().all()


def test_json_has_the_verdict(folder: Path) -> None:
    found = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
    cells = {row["condition"]: row["verdict"] for row in found["conditions"]}
    assert cells == {"clean": None, **STATES}
    assert found["leaderboard"][0]["verdicts"] == COUNTS


def test_only_verified_conditions_count(tables: Tables) -> None:
    board = tables.leaderboard.set_index("detector")
    own = tables.conditions[tables.conditions["track"] == board["track"].iloc[0]]
    eer = own[own["condition"] == "reverb(rt60=0.3)"].set_index("detector")["eer"]
    pd.testing.assert_series_equal(board["laundered_eer"], eer[board.index], check_names=False)
    assert (board["verified"] == "1/4").all() and (board["verdicts"] == COUNTS).all()


def test_latex_marks_each_state_in_its_own_way(folder: Path) -> None:
    text = (folder / "conditions.tex").read_text(encoding="utf-8")
    for spelled, mark in (("0.6", "circ"), ("64", "ddagger"), ("16", "dagger")):
        marked = [line for line in text.splitlines() if f"$^{{\\{mark}}}$" in line]
        assert len(marked) == 2, mark  # in the tables with and without intervals
        assert all(spelled in line and "textbf" not in line for line in marked)  # has no best
    assert "$\\circ$: control, nearly nothing changed" in text
    assert "$\\ddagger$: changed, claim not measured" in text


def test_markdown_names_the_state(folder: Path) -> None:
    text = (folder / "leaderboard.md").read_text(encoding="utf-8")
    for words in ("0.6) (control)", "64) (changed, claim not measured)", "16) (refuted)"):
        assert words in text, words
    assert "(verified)" not in text


def test_page_names_the_state_wherever_it_shows_a_condition(folder: Path) -> None:
    page = (folder / "leaderboard.html").read_text(encoding="utf-8")
    for words in ("control", "changed, claim not measured"):
        assert page.count(f'class="flag soft">{words}</span>') == 3, words  # on three tracks
        assert f'<span class="soft">{words}</span>' in page, words
    assert page.count('class="flag">refuted</span>') == 3
    assert page.count('<tr class="out">') == 3 * 3
    assert (
        '<span class="bad">refuted</span>' in page and '<span class="good">verified</span>' in page
    )
    assert "Nearly nothing changed" in page and f'title="{COUNTS}"' in page


def test_the_chooser_names_the_state(results: RunResults, tables: Tables) -> None:
    track = str(tables.leaderboard["track"].iloc[0])
    shown = contrast_section.focus(results, tables, [track])[track]
    texts = [option["text"] for family in shown["families"] for option in family["options"]]
    assert texts == [
        "reverb(rt60=0.3)",
        "reverb(rt60=0.6) (control)",
        "mp3(kbps=64) (changed, claim not measured)",
        "mp3(kbps=16) (refuted)",
    ]
    assert shown["names"][shown["chosen"]] == "reverb(rt60=0.3)"  # the only one that counts


def test_the_terminal_says_how_many_conditions_are_in_each_state(tables: Tables) -> None:
    assert f"conditions: {COUNTS}" in terminal_summary.summary(tables)


def test_verify_faults_the_refuted_and_notes_what_else_counts_nowhere(
    results: RunResults, tables: Tables
) -> None:
    bad = run_verification._unsound(tables)
    assert {(row["fault"], row["condition"]) for row in bad} == {("refuted", "mp3(kbps=16)")}
    step = run_verification._cells(bad, [], reported.Again(results, tables))
    assert step.found.endswith(f"conditions: {COUNTS}")
    assert step.notes == (
        "control, in no mean: reverb(rt60=0.6)",
        "changed, claim not measured, in no mean: mp3(kbps=64)",
    )
    assert all(fault.startswith("refuted: ") for fault in step.faults)


def test_every_state_has_words() -> None:
    assert len({state.text for state in State}) == len({state.of_one for state in State}) == 4
