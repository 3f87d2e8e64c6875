"""The grids of suites: the table of codec by quality, its means, and what belongs in none."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attacks.contract import suites
from attacks.contract.suite_grids import Grid
from benchmark.leaderboard import grids, leaderboard_tables, read_tables
from benchmark.leaderboard.grids import IN_NO_MEAN, MEAN, NOT_IN_RUN
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import writer
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import replace

GRID = suites.grids()["asvspoof5"]
ROWS = {row.label: row for row in GRID.rows}
WHOLE = ("C01", "C02", "C05")  # rows of which the run below holds every condition
PARTLY = "C03"  # of which it holds the first only
DRAWS = 40


def renamed(run: RunResults, names: dict[str, str]) -> RunResults:
    """Return the run under other spellings of its conditions, and without those that have none."""
    plan = tuple(
        replace(info, condition=names[info.condition], family="codec")
        for info in run.conditions
        if info.condition in names
    )
    scores, effects = run.source.score_rows, run.source.effect_rows
    return replace(
        run,
        conditions=plan,
        scores=scores[scores["condition"].isin(names)].replace({"condition": names}),
        effects=effects[effects["condition"].isin(names)].replace({"condition": names}),
    )


@pytest.fixture(scope="module")
def results() -> RunResults:
    """A run of clean, three whole rows of the grid, and one condition of a fourth."""
    run = synthetic_run.run(8, 3)
    wanted = [c for label in WHOLE for c in ROWS[label].conditions] + [*ROWS[PARTLY].conditions[:1]]
    spelled = [info.condition for info in run.conditions]
    return renamed(run, dict(zip(spelled, ["clean", *wanted], strict=False)))


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, DRAWS)


def place(table: pd.DataFrame, row: str, column: str, detector: str = "resnet18") -> pd.Series:
    keys = {"track": "neural", "detector": detector, "row": row, "column": column}
    for name, value in keys.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_the_suite_declares_the_table_that_papers_print() -> None:
    assert [row.label for row in GRID.rows] == [f"C{n:02d}" for n in range(1, 12)]
    assert GRID.columns == ("1", "2", "3", "4", "5")
    waiting = [row.label for row in GRID.rows if not row.conditions]
    assert waiting == ["C04", "C07"] and all(
        "EnCodec" in ROWS[label].waits_for for label in waiting
    )
    suite = suites.load("asvspoof5")
    assert [str(c) for c in suite.conditions[1:]] == GRID.conditions
    assert suite.grid == GRID
    for row in GRID.rows[:-1]:  # C11 are devices, of no rate
        rates = [float(c.split("kbps=")[1].split(",")[0].rstrip(")")) for c in row.conditions]
        assert rates == sorted(rates)
        assert all(("band=narrow" in c or "amr_nb" in c) == ("narrow" in row.group)
                   for c in row.conditions)  # fmt: skip


def test_every_place_shows_the_cell_of_its_condition(tables: Tables) -> None:
    cells = tables.conditions[tables.conditions["track"] == "neural"]
    for label in WHOLE:
        for column, condition in zip(GRID.columns, ROWS[label].conditions, strict=True):
            shown = place(tables.grid, label, column)
            cell = cells[(cells["condition"] == condition) & (cells["detector"] == "resnet18")]
            for name in ("eer", "eer_low", "eer_high", "auc", "min_dcf"):
                assert shown[name] == cell.iloc[0][name]
            assert shown["condition"] == condition and shown["verdict"] == "verified"
    clean = cells[(cells["condition"] == "clean") & (cells["detector"] == "resnet18")].iloc[0]
    assert place(tables.grid, "clean", MEAN)["eer"] == clean["eer"]


def test_a_mean_is_over_every_quality_and_has_bounds_of_its_own(tables: Tables) -> None:
    for label in WHOLE:
        rates = [place(tables.grid, label, column)["eer"] for column in GRID.columns]
        mean = place(tables.grid, label, MEAN)
        assert mean["eer"] == pytest.approx(np.mean(rates)) and mean["n_conditions"] == 5
        assert mean["eer_low"] < mean["eer"] < mean["eer_high"]
        lows = [place(tables.grid, label, column)["eer_low"] for column in GRID.columns]
        assert mean["eer_low"] != pytest.approx(np.mean(lows))  # not a mean of bounds


def test_what_the_run_lacks_is_blank_and_in_no_mean(tables: Tables) -> None:
    assert place(tables.grid, PARTLY, "1")["eer"] > 0
    for column in GRID.columns[1:]:
        assert place(tables.grid, PARTLY, column)["remark"] == NOT_IN_RUN
    for row, column in ((PARTLY, MEAN), (MEAN, "1"), (MEAN, MEAN)):
        blank = place(tables.grid, row, column)
        assert math.isnan(blank["eer"]) and blank["remark"] == IN_NO_MEAN
    for column in (*GRID.columns, MEAN):
        assert place(tables.grid, "C07", column)["remark"] == "waits for EnCodec's weights"


@pytest.mark.parametrize("fault", ["refuted", "unmeasured", "lacks trials", "control"])
def test_a_faulty_condition_is_in_no_mean_and_a_control_is(results: RunResults, fault: str) -> None:
    first = ROWS["C01"].conditions[0]
    scores, effects = results.source.score_rows, results.source.effect_rows.copy()
    mine = effects["condition"] == first
    if fault == "refuted":
        effects.loc[mine, "passed"] = False
    if fault == "unmeasured":
        effects = effects[~mine]
    if fault == "lacks trials":
        lost = (scores["condition"] == first) & (scores["detector"] == "resnet18")
        lost &= scores["utterance_id"] == results.protocol.table["utterance_id"].iloc[0]
        scores = scores[~lost]
    if fault == "control":
        small = {"quantity": "residual", "measured": -70.0, "passed": None, "effect": False}
        effects = pd.concat([effects, effects[mine].assign(**small)], ignore_index=True)
    found = leaderboard_tables.tables(replace(results, scores=scores, effects=effects), 0).grid
    mean = place(found, "C01", MEAN)
    assert np.isfinite(mean["eer"]) == (fault == "control")
    assert np.isfinite(place(found, "C02", MEAN)["eer"])
    if fault == "lacks trials":
        assert np.isfinite(place(found, "C01", MEAN, "rawcnn")["eer"])
        assert not place(found, "C01", "1")["complete"]
    else:
        assert place(found, "C01", "1")["verdict"] == fault


def test_a_run_without_a_whole_row_has_no_grid() -> None:
    laundering = [str(c) for c in suites.load("laundering").conditions]
    assert set(laundering) & set(GRID.conditions)  # some of MP3, but no row
    assert grids.held(laundering) == {}
    assert list(grids.held([*laundering, *ROWS["C05"].conditions])) == ["asvspoof5"]
    assert list(grids.held([str(c) for c in suites.load("full").conditions])) == ["asvspoof5"]


def test_means_over_the_rows_leave_out_what_waits(results: RunResults) -> None:
    small = Grid("codec", "quality", GRID.columns, (ROWS["C01"], ROWS["C04"], ROWS["C05"]))
    tables = leaderboard_tables.tables(results, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suites, "grids", lambda: {"small": small})
        found = leaderboard_tables.tables(results, 0).grid
    wanted = [place(tables.grid, label, "2")["eer"] for label in ("C01", "C05")]
    assert place(found, MEAN, "2")["eer"] == pytest.approx(np.mean(wanted))
    assert place(found, MEAN, MEAN)["n_conditions"] == 10


def test_page_latex_markdown_and_csv_print_the_grid(
    results: RunResults, tables: Tables, tmp_path: Path
) -> None:
    writer.write(results, tmp_path, tables)
    rate = f"{100 * place(tables.grid, 'C02', MEAN)['eer']:.1f}"
    page, latex, markdown = (
        (tmp_path / name).read_text("utf-8")
        for name in ("leaderboard.html", "grid.tex", "leaderboard.md")
    )
    assert '<h2 id="grids">' in page and "waits for EnCodec" in page
    rows = [row for row in page.split("<tr") if "C02 AMR-WB" in row]
    assert len(rows) == 3 * (1 + 4)  # per track the means, and four detectors
    assert any(rate in row for row in rows)
    assert latex.count("C05 MP3, wide band") == 5
    assert latex.count("\\begin{\\laundertable}") == 5 == latex.count("\\label{")
    row = next(line for line in latex.splitlines() if "C02 AMR" in line)
    assert rate in row and row.count("&") == 4
    assert (
        "| C02 AMR-WB, wide band |" in markdown and "| C04 EnCodec, wide band | waits" in markdown
    )
    read = read_tables.read(tmp_path)["grid"]
    pd.testing.assert_frame_equal(read, tables.grid, rtol=1e-5)


def test_folders_of_earlier_versions_have_no_grid(
    results: RunResults, tables: Tables, tmp_path: Path
) -> None:
    writer.write(results, tmp_path, tables)
    (tmp_path / "grid.csv").unlink()
    facts = (tmp_path / "run.json").read_text("utf-8")
    (tmp_path / "run.json").write_text(facts.replace('"grid.csv"', '"other.csv"'), "utf-8")
    assert read_tables.read(tmp_path)["grid"].empty
