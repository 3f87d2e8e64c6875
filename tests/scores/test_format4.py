"""Run folders of format 4, written by version 0.2, open as before and take new parts.

`tests/data/format4_run` holds 24 trials (one unreadable), 3 conditions, 2 detectors and an imported
one, with the tables that version 0.2 wrote.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmark.core.errors import InputError
from benchmark.leaderboard.leaderboard_tables import tables
from benchmark.leaderboard.read_tables import ADDED
from benchmark.leaderboard.schema import SCHEMA
from benchmark.report import writer
from benchmark.scores import plan_files
from benchmark.scores.load_run import collect
from benchmark.scores.manifest import COMPUTED, IMPORTED
from benchmark.scores.store import Store
from tests.support import old_tables
from tests.support.places import DATA

OLD = DATA / "format4_run"
NAMES = ("conditions_full", "leaderboard", "effects", "failures")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "run", ignore=shutil.ignore_patterns("tables"))
    return tmp_path / "run"


def same_tables(folder: Path, out: Path) -> None:
    results = collect(folder, {})
    writer.write(results, out, tables(results))
    for name in NAMES:
        mine, golden = (
            pd.read_csv(path / f"{name}.csv").map(without_root) for path in (out, OLD / "tables")
        )
        added = [column for column in mine if column in ADDED]
        for column in {"verdict", "verdicts"}.intersection(added):
            # by today's rule, from what that version measured
            assert mine[column].dropna().isin(["verified", "2 verified"]).all(), name
        shared = [
            table.drop(columns=[*old_tables.changed(name, table), SCHEMA])
            for table in (mine.drop(columns=added), golden)
        ]
        pd.testing.assert_frame_equal(*shared, rtol=1e-5)


def without_root(value: object) -> object:
    """Return a cell without the folder that an error names."""
    return value.rpartition("/")[2] if isinstance(value, str) and "/flac/" in value else value


def test_an_old_run_gives_the_tables_that_it_gave(old: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    same_tables(old, tmp_path / "out")
    assert before == {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}


def test_an_adopted_run_gives_them_too(old: Path, tmp_path: Path) -> None:
    store = Store(old)
    before = store.scan()
    store.adopt()
    after = store.scan()
    assert plan_files.read_plan(old)["format"] == plan_files.FORMAT
    assert {p.key for p in after.parts} == {p.key for p in before.parts}
    assert sorted(p.file.kind for p in after.parts) == [*[COMPUTED] * 4, IMPORTED]
    assert all(p.file.sha256 for p in after.parts)
    assert not (after.damaged or after.unlisted or after.faults)
    same_tables(old, tmp_path / "out")
    store.adopt()  # nothing is left to adopt
    assert len([*(old / "manifest").iterdir()]) == 1


def test_an_adoption_that_was_killed_is_completed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(plan_files, "write_plan", boom)
        with pytest.raises(KeyboardInterrupt):
            Store(old).adopt()
    same_tables(old, tmp_path / "between")
    Store(old).adopt()
    same_tables(old, tmp_path / "out")


def boom(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_damaged_part_of_an_old_run_is_named(old: Path) -> None:
    path = sorted(old.glob("parts/??/*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:-20])
    found = Store(old).scan()
    assert len(found.parts) == 4
    assert [path.name in fault for fault in found.faults] == [True]


@pytest.mark.parametrize("format_", [3, 6, None, "4"])
def test_another_format_is_refused_in_one_line(old: Path, format_: object) -> None:
    plan = old / "plan.json"
    text = '"format": 4'
    assert text in plan.read_text()
    plan.write_text(plan.read_text().replace(text, f'"format": {format_!r}'.replace("None", "null")
                                             .replace("'", '"')))  # fmt: skip
    with pytest.raises(InputError, match=r"another version|a newer version") as caught:
        Store(old).read_head()
    assert "\n" not in str(caught.value)
