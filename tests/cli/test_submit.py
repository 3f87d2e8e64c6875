"""Shares of one run as jobs, with submitit's executor for this machine."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.scores import run_digest
from benchmark.scores.load_run import collect
from tests.runs.test_foreign_code import options

SUITE = "lowpass(cutoff=4000)"


def submit(*arguments: object) -> int:
    return main(["submit", *map(str, arguments)])


def run_options(toy: Path, folder: Path) -> list[str]:
    return options(toy, folder, "evil", SUITE, "--workers", 0)[1:]


def test_shares_that_are_submitted_give_the_run_of_one_machine(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("submitit")
    assert main(["run", *run_options(toy, tmp_path / "one")]) == 0
    (one,) = re.findall(r"run digest (\w+)", capsys.readouterr().out)
    local = ("--shares", 2, "--cluster", "local", "--wait", "--")
    assert submit(*local, *run_options(toy, tmp_path / "many")) == 0
    assert "submitted 2 shares" in capsys.readouterr().out
    assert (tmp_path / "many" / "leaderboard.csv").is_file()  # by the share that ended last
    assert run_digest.of(collect(tmp_path / "many", {})) == one


def test_a_share_that_fails_is_named(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("submitit")
    given = run_options(toy, tmp_path / "run")
    (tmp_path / "blocked").write_text("")  # a file where the audio cache should be a folder
    more = ("--audio-cache", tmp_path / "blocked" / "cache")
    local = ("--shares", 1, "--cluster", "local", "--wait", "--")
    assert submit(*local, *given, *more) == 1
    assert "shares that failed: 1/1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--shares", 0), "out of range"),
        (("--shares", 2, "--", "--shard", "3/2"), "--shard"),
        (("--shares", 2, "--", "--shard", "1/2"), "submit gives each job its own share"),
        (("--shares", 2, "--", "--suit", "core"), "unrecognized arguments: --suit"),
        (("--shares", 2, "--slurm", "account"), "is not KEY=VALUE"),
        (("--shares", 2, "--"), "no sbatch here"),
    ],
)
def test_what_cannot_be_submitted_is_one_line(
    arguments: tuple[object, ...], words: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", "")
    assert submit(*arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line


def test_submitit_that_is_not_installed_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert submit("--shares", 2) == 2
    assert "pip install 'launderbench[cluster]'" in capsys.readouterr().err
