"""Runs in odd surroundings: the parts of the run are those of any other run, byte for byte."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import pytest

from benchmark.cli.main import main
from tests.runs.test_foreign_code import command, options
from tests.support.killing import parts
from tests.support.places import ROOT

pytestmark = pytest.mark.usefixtures("cache")

SUITE = "noise(kind=white, snr=10); mp3(kbps=16)"
YESTERDAY = "import time\nnow = time.time\ntime.time = lambda: now() - 86400.0\n"
SMALL = 40_000  # bytes: the parts fit, the page does not


def run(
    toy: Path, folder: Path, changed: dict[str, str | None], most: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run with some variables of the environment changed or, if None, removed.

    most : bytes that a file can have, as on a full disk
    """

    def limit() -> None:
        if most is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return command(arguments(toy, folder), changed=changed, before=limit)


def arguments(toy: Path, folder: Path, workers: int = 1) -> list[str]:
    return options(toy, folder, "evil,evil(every=3)", SUITE, "--workers", workers)


def surroundings(folder: Path) -> dict[str, dict[str, str | None]]:
    """Return what is changed, by name; `folder` takes what that needs."""
    (folder / "sitecustomize.py").write_text(YESTERDAY)
    return {
        "no HOME": {"HOME": None},
        "no TMPDIR": {"TMPDIR": str(folder / "nowhere"), "TEMP": None, "TMP": None},
        "locale C": {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        "clock set back": {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        "odd zone": {"TZ": "Antarctica/Troll", "TERM": None},
    }


@pytest.fixture(scope="module")
def whole(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The parts of a run in this process."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(folder / "cache"))
        assert main(arguments(toy, folder / "run", workers=0)) == 0
    return parts(folder / "run")


def test_all_at_once(toy: Path, tmp_path: Path, whole: set[str]) -> None:
    together: dict[str, str | None] = {}
    for changed in surroundings(tmp_path).values():
        together |= changed
    done = run(toy, tmp_path / "odd", together)
    assert done.returncode == 0, done.stderr
    assert parts(tmp_path / "odd") == whole


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    toy: Path, tmp_path: Path, whole: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "full"
    done = run(toy, folder, {}, most=SMALL)
    assert done.returncode == 2 and "File too large" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (folder / "leaderboard.html").exists()
    assert main(arguments(toy, folder)) == 0 and "0 of 4 units to do" in capsys.readouterr().err
    assert parts(folder) == whole
