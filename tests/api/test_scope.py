"""The scope of a report: on disk, verified, read again and compared."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmark.api.results import load_results
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.leaderboard import read_tables
from benchmark.runs import run_folders
from benchmark.runs.run_config import ReportConfig
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


QUICK = ("--bootstrap", 0, "--samples", 0)
SPOOF = "scope-spoof"


@pytest.fixture
def each(original: Scene, tmp_path: Path) -> Scene:
    """A run with the reports of both scopes."""
    scene = tampering.copied(original, tmp_path)
    assert cli("report", scene.folder, "--scope", "each", *QUICK) == 0
    return scene


def links(page: Path) -> set[str]:
    """Return the links of a page that lead to other files."""
    text = page.read_text(encoding="utf-8").partition("<script")[0]
    return {
        link for link in re.findall(r'href="([^"]*)"', text) if not link.startswith(("#", "data:"))
    }


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_each_scope_has_a_complete_report_and_leads_to_the_other(
    original: Scene, each: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli("report", each.folder, "--scope", "each", *QUICK) == 0
    said = capsys.readouterr()
    below = each.folder / SPOOF
    page = each.folder / "leaderboard.html"
    assert said.out.splitlines()[-1] == str(page)
    assert f"in the other scope: {below / 'leaderboard.html'}" in said.out
    assert said.err.count("run.json") == 1
    assert links(page) == {"scope-spoof/leaderboard.html"}
    assert links(below / "leaderboard.html") == {"../leaderboard.html"}
    for file in (page, below / "leaderboard.html"):
        assert all((file.parent / link).is_file() for link in links(file))
    assert (below / ".." / "leaderboard.html").samefile(page)
    facts = json.loads((each.folder / "run.json").read_text())
    assert facts["other_scope"] == {"scope": "spoof", "page": "scope-spoof/leaderboard.html"}
    facts = json.loads((below / "run.json").read_text())
    assert facts["choices"]["scope"] == "spoof" and facts["other_scope"]["scope"] == "both"
    # the tables are those that a report of each scope alone writes
    for scope, folder in (("both", each.folder), ("spoof", below)):
        assert cli("report", each.folder, "--scope", scope, *QUICK, "--out", tmp_path / scope) == 0
        alone = bytes_of(tmp_path / scope)
        assert {*alone} == {*bytes_of(folder)} - {"plan.json"}
        for name, content in alone.items():
            if name not in ("leaderboard.html", "run.json"):
                assert (folder / name).read_bytes() == content, name
        assert links(tmp_path / scope / "leaderboard.html") == set()
    assert cli("verify", each.folder, "--digest", original.digest) == 0
    assert "report in scope-spoof: " in capsys.readouterr().out


def edited(name: str, old: str, new: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return act


def figure(name: str) -> Callable[[Path], None]:
    """Change the first decimal of the table in the sub-folder."""

    def act(folder: Path) -> None:
        text = (folder / SPOOF / name).read_text(encoding="utf-8")
        changed = re.sub(r"(\d\.)(\d)", lambda m: m[1] + str((int(m[2]) + 1) % 10), text, count=1)
        assert changed != text
        (folder / SPOOF / name).write_text(changed, encoding="utf-8")

    return act


def figure_and_digest(folder: Path) -> None:
    """Change a figure, and its SHA-256 in the run.json beside it."""
    path, facts = folder / SPOOF / "leaderboard.csv", folder / SPOOF / "run.json"
    old = tampering._sha(path)
    figure("leaderboard.csv")(folder)
    facts.write_text(facts.read_text().replace(old, tampering._sha(path)))


def swapped(folder: Path) -> None:
    """Pass the report of scope spoof off as that of the run."""
    for name, content in bytes_of(folder / SPOOF).items():
        (folder / name).write_bytes(content)


def of_both(folder: Path) -> None:
    """Pass the tables of scope both off as those of scope spoof."""
    for name in bytes_of(folder / SPOOF):
        shutil.copy(folder / name, folder / SPOOF / name)


def unnamed(folder: Path) -> None:
    """Take the other report out of run.json and the page, and change a figure of it."""
    facts = json.loads((folder / "run.json").read_text())
    del facts["other_scope"]
    text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / "run.json").write_text(text + "\n")
    figure("leaderboard.csv")(folder)


CHANGES = {
    "a figure": (figure("leaderboard.csv"), "scope-spoof: leaderboard.csv is not what the scores"),
    "a figure and its digest": (figure_and_digest, "scope-spoof: leaderboard.csv is not what"),
    "a figure in LaTeX": (figure("conditions.tex"), "scope-spoof: conditions.tex is not what"),
    "the page": (
        edited(f"{SPOOF}/leaderboard.html", "lowest laundered", "lowest"),
        "scope-spoof: leaderboard.html is not what the scores give",
    ),
    "a link of the page": (
        edited(f"{SPOOF}/leaderboard.html", 'href="../leaderboard', 'href="../../leaderboard'),
        "scope-spoof: leaderboard.html is not what the scores give",
    ),
    "a missing table": (
        lambda folder: (folder / SPOOF / "conditions_full.csv").unlink(),
        "scope-spoof: conditions_full.csv is missing",
    ),
    "a missing run.json": (
        lambda folder: (folder / SPOOF / "run.json").unlink(),
        "scope-spoof: run.json is missing",
    ),
    "no folder": (
        lambda folder: shutil.rmtree(folder / SPOOF),
        "scope-spoof: run.json is missing",
    ),
    "fewer choices": (
        edited(f"{SPOOF}/run.json", '"level": 0.95', '"level": 0.9'),
        "scope-spoof: run.json is not what the scores give",
    ),
    "the tables of the other scope": (of_both, "scope-spoof: conditions_full.csv is not what"),
    "another report in its place": (swapped, "it leads out of this folder"),
    "a report that is not named": (unnamed, "but run.json names no such report"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_in_the_other_report_is_found(
    name: str, each: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    change, fault = CHANGES[name]
    change(each.folder)
    assert cli("verify", each.folder) == 1
    assert fault in capsys.readouterr().out


@pytest.mark.parametrize("scope", ["both", "spoof"])
def test_a_report_of_one_scope_leaves_no_page_of_the_other(
    scope: str, each: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("report", each.folder, "--scope", scope, *QUICK) == 0
    assert "removed the earlier report in" in capsys.readouterr().err
    assert not (each.folder / SPOOF).exists()
    assert links(each.folder / "leaderboard.html") == set()
    assert "other_scope" not in json.loads((each.folder / "run.json").read_text())
    assert cli("verify", each.folder) == 0
    assert cli("report", each.folder, "--scope", scope, *QUICK) == 0
    assert "removed" not in capsys.readouterr().err  # nothing was there any more


def test_what_no_report_wrote_stays(each: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    mine = each.folder / SPOOF / "notes.txt"
    mine.write_text("mine")
    (each.folder / SPOOF / "quality.csv").mkdir()
    assert cli("report", each.folder, *QUICK) == 0
    told = capsys.readouterr().err
    assert "scope-spoof keeps what no report wrote: notes.txt, quality.csv" in told
    assert mine.read_text() == "mine" and len([*mine.parent.iterdir()]) == 2
    assert cli("verify", each.folder) == 0


def test_a_run_writes_each_scope(original: Scene, tmp_path: Path) -> None:
    scene = tampering.copied(original, tmp_path)
    chosen = ("--detectors", "random", "--checkpoint", scene.checkpoint, "--device", "cpu")
    place = ("--data", scene.corpus, "--suite", tampering.SUITE, "--run", scene.folder)
    assert cli("run", *place, *chosen, "--workers", 0, "--scope", "each", "--samples", 0) == 0
    assert (scene.folder / SPOOF / "leaderboard.html").is_file()
    assert cli("verify", scene.folder) == 0


def test_the_other_report_is_read_released_and_cited_as_tables(
    each: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    below = each.folder / SPOOF
    found = load_results(below)
    assert set(found.conditions["scope"]) == {"spoof"}
    with pytest.raises(InputError, match=rf"holds tables alone: the scores are in {each.folder}"):
        found.scores  # noqa: B018 - it raises
    capsys.readouterr()
    for folder, own, other in ((each.folder, "both", "spoof"), (below, "spoof", "both")):
        assert cli("release", folder, "--out", tmp_path / own) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert f"scope {own} alone: those of scope {other} are a release of their own" in said
        (archive,) = (tmp_path / own).iterdir()
        assert set(load_results(archive).conditions["scope"]) == {own}
        assert cli("verify", archive) == 0
    assert cli("cite", below) == 0
    assert "release digest" in capsys.readouterr().out
    assert cli("verify", below) == 2
    assert f"the scores are in {each.folder}" in capsys.readouterr().err
    assert cli("compare", below, each.folder) == 2
    assert "the scores are in" in capsys.readouterr().err


def test_an_unknown_scope_of_a_report_is_refused() -> None:
    with pytest.raises(InputError, match=r"unknown scope 'every'.*both, each, spoof"):
        ReportConfig(scope="every")
    assert cli("compare", "a", "b", "--scope", "each") == 2  # two scopes are never compared
    assert cli("board", "a", "--scope", "each") == 2
