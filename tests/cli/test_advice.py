"""Commands that an error advises can be pasted into a shell."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from benchmark.cli.main import main


def test_a_training_that_is_advised_can_be_pasted(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(toy, tmp_path / "its own; data")
    name = "filtered-cnn(low=300, high=3400)"
    run = ["run", "--data", str(toy), "--suite", "clean", "--workers", "0", "--detectors", name]
    assert main([*run, "--train-data", str(data), "--run", str(tmp_path / "run")]) == 2
    _, _, advised = capsys.readouterr().err.strip().partition("run launderbench ")
    assert shlex.split(advised) == ["train", name, "--seed", "0", "--data", str(data)]
