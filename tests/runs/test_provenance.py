"""What a run records of the code that made it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmark.runs import provenance


def test_a_changed_tree_is_told_but_results_are_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "benchmark" / "runs" / "provenance.py"
    table = tmp_path / "results" / "reference" / "leaderboard.csv"
    for path in (module, table):
        path.parent.mkdir(parents=True)
        path.write_text("1\n")
    for command in (
        ["init", "-q"], ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "Begin"],
    ):  # fmt: skip
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "__file__", str(module))
    assert provenance.code()["dirty"] is False and provenance.code()["commit"]
    table.write_text("2\n")
    assert provenance.code()["dirty"] is False
    module.write_text("2\n")
    assert provenance.code()["dirty"] is True
