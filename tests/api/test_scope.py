"""The scope of a report: on disk, verified, read again and compared."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli.main import main
from benchmark.leaderboard import read_tables
from benchmark.runs import run_folders
from tests.support import tampering
from tests.support.places import TOY_PLUGIN
from tests.support.tampering import Scene


@pytest.fixture
def mine(original: Scene, tmp_path: Path) -> Scene:
    """A run whose report is of scope spoof."""
    scene = tampering.copied(original, tmp_path)
    assert cli("report", scene.folder, "--scope", "spoof", "--bootstrap", 0, "--samples", 0) == 0
    return scene


def cli(command: str, *arguments: object) -> int:
    return main([command, "--plugin", str(TOY_PLUGIN), *map(str, arguments)])


def test_a_report_of_scope_spoof_says_so_everywhere_and_is_verified(
    original: Scene, mine: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("report", mine.folder, "--scope", "spoof", "--bootstrap", 0, "--samples", 0) == 0
    assert "scope spoof (bona fide stay clean)" in capsys.readouterr().out
    facts = json.loads((mine.folder / "run.json").read_text())
    assert facts["choices"]["scope"] == "spoof" == run_folders.scope_of(mine.folder)
    assert run_folders.scope_of(original.folder) == "both"
    for name, said in (
        ("leaderboard.html", "spoofs alone"),
        ("leaderboard.tex", "Scope spoof"),
        ("conditions.tex", "Scope spoof"),
        ("leaderboard.md", "Scope `spoof`"),
    ):
        assert said in (mine.folder / name).read_text(encoding="utf-8"), name
    for name, table in read_tables.read(mine.folder).items():
        if "scope" in table:
            assert set(table["scope"]) <= {"spoof"}, name
    assert cli("verify", mine.folder, "--digest", original.digest) == 0  # the digest is of the run
    assert "every byte" in capsys.readouterr().out


def test_a_scope_that_was_changed_by_hand_is_found(
    mine: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    path = mine.folder / "run.json"
    facts = json.loads(path.read_text())
    facts["choices"]["scope"] = "both"
    path.write_text(json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    assert cli("verify", mine.folder) == 1
    assert "conditions_full.csv is not what the scores give" in capsys.readouterr().out
    facts["choices"]["scope"] = "nobody"
    path.write_text(json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    assert cli("verify", mine.folder) == 1
    assert "unknown scope 'nobody'" in capsys.readouterr().out


def test_runs_of_two_scopes_are_compared_only_where_one_is_named(
    original: Scene, mine: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("compare", original.folder, mine.folder, "--bootstrap", 0) == 2
    assert "scope both" in (told := capsys.readouterr().err) and "--scope" in told
    chosen = ("--bootstrap", 0, "--scope", "spoof")
    assert cli("compare", original.folder, mine.folder, *chosen) == 0
    assert "scope spoof" in capsys.readouterr().out
    assert cli("compare", mine.folder, "--published", "asvspoof-laundering", *chosen) == 2
    assert "launder every trial" in capsys.readouterr().err


def test_tables_from_before_the_scope_are_of_scope_both(original: Scene, tmp_path: Path) -> None:
    scene = tampering.copied(original, tmp_path / "old")
    board = pd.read_csv(scene.folder / "leaderboard.csv", dtype=str)
    assert list(board.columns[-3:]) == ["scope", "trained_on", "schema"] and set(
        board["scope"]
    ) == {"both"}
    for path in scene.folder.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False).assign(schema="3")
        table.drop(columns="scope", errors="ignore").to_csv(path, index=False)
    (scene.folder / "run.json").unlink()
    assert set(read_tables.read(scene.folder)["leaderboard"]["scope"]) == {"both"}
    assert run_folders.scope_of(scene.folder) == "both"
