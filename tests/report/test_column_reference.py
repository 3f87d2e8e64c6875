"""The reference of the columns: up to date, and complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from benchmark.leaderboard import schema
from benchmark.leaderboard.rows.detector_rows import SeverityRow
from benchmark.leaderboard.rows.tables import TABLES
from benchmark.leaderboard.schema import Column
from benchmark.report import column_reference
from tests.support.places import ROOT

PAGE = ROOT / "results" / "COLUMNS.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == column_reference.document(), (
        "run: python -m benchmark.report.column_reference results/COLUMNS.md"
    )


def test_a_new_column_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Longer(SeverityRow):
        """One more column."""

        fresh: Annotated[float, Column("a fresh figure", "s", schema.LOWER)]

    monkeypatch.setitem(TABLES, "severity", Longer)
    page = column_reference.document()
    assert "| `fresh` | number | s | lower | a fresh figure |" in page
    assert page != PAGE.read_text(encoding="utf-8")


def test_every_column_of_every_table_is_listed() -> None:
    page = column_reference.document()
    for name, row in TABLES.items():
        section = page.split(f"## {name}.csv\n")[1].split("\n## ")[0]
        for field in schema.columns(row):
            assert f"| `{field.name}` | " in section
        assert section.count("`schema`") == 1
