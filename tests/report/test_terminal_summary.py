"""The summary at the end of a run: it fits the terminal, and says what it must."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.core import terminal
from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import terminal_summary
from benchmark.report.rows import records
from tests.support import synthetic_run

LONG = "lfcc-lcnn-lstm-2019la"


@pytest.fixture(scope="module")
def tables() -> Tables:
    run = synthetic_run.run(skill={LONG: 3.0, "resnet18": 2.5, "shortcut": 0.4})
    return leaderboard_tables.tables(run, 100)


def table(text: str) -> list[str]:
    """Return the lines of the table alone."""
    lines = text.splitlines()
    return lines[2 : next(n for n, line in enumerate(lines) if line.startswith("  conditions"))]


@pytest.mark.parametrize("width", [None, 80, 120])
def test_the_table_fits(tables: Tables, width: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "width", lambda: width)
    text = terminal_summary.summary(tables)
    lines = table(text)
    assert max(map(len, lines)) <= (width or 80)
    for row in records(tables.leaderboard):
        (line,) = (line for line in lines if row["detector"] in line)
        rank = f"{row['rank_low']}-{row['rank_high']}"
        assert line.startswith(rank) or row["rank_low"] == row["rank_high"]
        low, high = 100 * row["laundered_eer_low"], 100 * row["laundered_eer_high"]
        assert f"{100 * row['laundered_eer']:.1f} [{low:.1f}, {high:.1f}]" in line
        assert f" {100 * row['eer_delta']:+.1f}  " in line
        clean = f"{100 * row['clean_eer']:.1f}"
        assert (f"{clean} [" in line) == (width == 120) and f" {clean} " in line
    if width:
        assert max(map(len, text.splitlines())) <= width


def test_the_mark_of_demo_data_stands_where_it_is_due(tables: Tables) -> None:
    assert terminal_summary.summary(tables).endswith("\n  demo data: do not cite")
    other = replace(tables, data="asvspoof2019-la")
    assert "demo data" not in terminal_summary.summary(other)


def test_a_warning_is_told_once_with_its_detectors(tables: Tables) -> None:
    board = tables.leaderboard.assign(warnings="its sign is in doubt; too few trials")
    text = terminal_summary.summary(replace(tables, leaderboard=board))
    names = ", ".join(board["detector"])
    assert f"  {names}: its sign is in doubt\n" in text and f"  {names}: too few trials\n" in text


def test_without_intervals_a_rank_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    run = synthetic_run.only(synthetic_run.run(), "mp3(kbps=16)", "mp3(kbps=64)")
    text = terminal_summary.summary(leaderboard_tables.tables(run, 0))
    assert "[" not in text
    assert [line.split()[0] for line in table(text)[2:]] == ["1", "2", "3", "4"]
