"""How a run ends: by SIGTERM, by a plugin that leaves, and without a reader of its messages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.cli import list as listing
from benchmark.cli.main import main
from tests.runs.test_foreign_code import options
from tests.support.places import ROOT

PATIENCE_S = 200.0


def started(arguments: list[str], **settings: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "benchmark", *arguments],
        text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, **settings,
    )  # fmt: skip


@pytest.mark.parametrize("workers", [0, 1])
def test_sigterm_says_how_to_go_on(workers: int, toy: Path, tmp_path: Path, cache: Path) -> None:
    arguments = options(
        toy, tmp_path / "run", "evil", "evil(kind=hang, share=1.0)", "--workers", workers,
        "--unit-timeout", 5,  # also of the check of the attack, which comes first
    )  # fmt: skip
    process = started(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + PATIENCE_S
    while not [*(tmp_path / "run").rglob("*.parquet")] and time.monotonic() < end:
        time.sleep(0.1)  # until the units before the one that hangs are written
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143, told
    (line,) = [line for line in told.splitlines() if "SIGTERM" in line]
    assert line.startswith("launderbench: ended by SIGTERM; finished units are kept: launderbench")
    assert f"--run {tmp_path / 'run'}" in line and "Traceback" not in told
    assert not (tmp_path / "run" / "leaderboard.html").exists()


def test_a_run_goes_on_when_nobody_reads_its_messages(
    toy: Path, tmp_path: Path, cache: Path
) -> None:
    read, write = os.pipe()
    process = started(
        options(toy, tmp_path / "run", "evil", "lowpass(cutoff=4000)", "--workers", 0),
        stdout=write, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(write)
    os.close(read)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0 and (tmp_path / "run" / "leaderboard.html").exists(), told


def test_no_exit_of_a_plugin_is_a_success_of_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(*_: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr(listing, "suites_", leave)
    assert main(["list", "suites"]) == 2
    assert "foreign code tried to end the command (SystemExit(0))" in capsys.readouterr().err
