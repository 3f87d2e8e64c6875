"""A run folder from someone else names a program or a file: nothing of it runs or is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import noises
from benchmark.cli.main import main
from tests.support import tampering
from tests.support.places import TOY_PLUGIN
from tests.support.tampering import Scene

SECRET = 'noise(kind="./secret.wav", snr=10, reference=active)'


@pytest.fixture
def mine(original: Scene, tmp_path: Path) -> Scene:
    """A run that a test may change."""
    return tampering.copied(original, tmp_path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The noises that were opened."""
    found: list[str] = []
    true = noises.open_noise

    def open_noise(kind: str) -> Any:
        found.append(kind)
        return true(kind)

    monkeypatch.setattr(noises, "open_noise", open_noise)
    return found


def cli(command: str, *arguments: object) -> int:
    return main([command, "--plugin", str(TOY_PLUGIN), *map(str, arguments)])


def name_a_program(scene: Scene, mark: Path) -> None:
    """Say that a program made the scores of a detector."""
    (path,) = (scene.folder / "detectors").glob("comb-*.json")
    facts = json.loads(path.read_text())
    facts["training"]["detector"] = f'command(run="touch {mark}")'
    path.write_text(tampering.plan_files_text(facts))


def name_a_file(scene: Scene) -> None:
    """Say that a condition is noise from a file of this machine."""

    def change(trials: pd.DataFrame, plan: dict[str, Any]) -> pd.DataFrame:
        (spelled,) = (c for c in plan["conditions"] if c["condition"].startswith("lowpass"))
        spelled |= {"condition": SECRET, "identity": SECRET, "family": "noise"}
        return trials

    def rename(table: Any, meta: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if meta["condition"].startswith("lowpass"):
            meta["condition"] = SECRET
        return table, meta

    tampering.rewrite_parts(scene.folder, rename, True)
    tampering.change_plan(scene, change)


def test_a_run_that_names_a_program_does_not_run_it(
    mine: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "ran"
    name_a_program(mine, mark)
    assert cli("verify", mine.folder, "--rescore", "5", "--checkpoint", mine.checkpoint) == 1
    told = capsys.readouterr().out
    assert f"{mine.folder} is refused: it names command(" in told and "--allow" in told
    assert cli("repeat", mine.folder, "--out", tmp_path / "again", "--workers", "0") in (0, 1, 2)
    assert "comb" in "".join(capsys.readouterr())
    for command in ("report", "cite"):
        assert cli(command, mine.folder) == 0
    assert not mark.exists()


def test_a_run_that_names_a_file_does_not_open_it(
    mine: Scene, tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name_a_file(mine)
    opened.clear()
    assert cli("report", mine.folder, "--voices", "all") == 0
    assert "--allow" in (mine.folder / "leaderboard.html").read_text()
    capsys.readouterr()
    assert cli("verify", mine.folder, "--rescore", "80", "--checkpoint", mine.checkpoint) == 1
    assert 'is refused: it names noise(kind="./secret.wav' in capsys.readouterr().out
    out = tmp_path / "again"
    given = ("--checkpoint", mine.checkpoint, "--out", out)
    assert cli("repeat", mine.folder, *given) == 2
    assert "--allow" in capsys.readouterr().err
    assert "./secret.wav" not in opened
    cli("repeat", mine.folder, *given, "--allow", "noise(kind=./secret.wav)")
    assert "./secret.wav" in opened


def test_scores_that_name_a_file_do_not_open_it(
    mine: Scene, tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    scores = tmp_path / "sent.csv"
    scores.write_text("utterance_id,condition,score\nx,noise(kind=./secret.wav),1.0\n")
    named = ("--detector", "theirs", "--run", mine.folder)
    opened.clear()
    assert cli("import-scores", scores, *named) == 2
    told = capsys.readouterr().err
    assert "sent.csv is refused: it names noise" in told and told.count("\n") == 1
    assert opened == []
