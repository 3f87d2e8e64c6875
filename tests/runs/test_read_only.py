"""A finished run folder, and a cache that holds what a run needs, may be read-only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmark.api import reporting
from benchmark.cli.main import main
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.data import file_hashes
from benchmark.inference import checkpoints
from tests.support.places import TOY_PLUGIN
from tests.support.read_only import read_only

SUITE = "noise(kind=white, snr=10); lowpass(cutoff=4000)"


def run(toy: Path, folder: Path, *more: object) -> int:
    options = [
        "--plugin", TOY_PLUGIN, "--data", toy, "--detectors", "random", "--suite", SUITE, "--run",
        folder, "--workers", 0, "--samples", 1, *more,
    ]  # fmt: skip
    return main(["run", *map(str, options)])


@pytest.fixture(scope="module")
def finished(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished run with two detectors, which nothing may change."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    path = folder.parent / "comb.safetensors"
    main(["list", "suites", "--plugin", str(TOY_PLUGIN)])
    checkpoints.save(path, {"sign": np.ones(1, np.float32)}, {"detector": "comb", "seed": 0})
    assert run(toy, folder, "--checkpoint", path) == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with read_only(folder):
        yield folder
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_the_fake_refuses_what_a_read_only_folder_refuses(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")
    with read_only(tmp_path):
        assert (tmp_path / "old").read_text() == "x"
        for change in (
            lambda: (tmp_path / "new").write_text("x"),
            lambda: (tmp_path / "old").open("a"),
            lambda: (tmp_path / "old").unlink(),
            lambda: (tmp_path / "old").rename(tmp_path / "new"),
            lambda: (tmp_path / "folder").mkdir(),
        ):
            with pytest.raises(OSError, match="Read-only file system"):
                change()
        with pytest.raises(InputError, match="Read-only file system"):
            atomic_files.write(tmp_path / "new", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_report_goes_into_another_folder(finished: Path, tmp_path: Path) -> None:
    same = shutil.copytree(finished, tmp_path / "copy" / finished.name)
    small = ("--bootstrap", "100", "--samples", "1")
    assert main(["report", str(same), *small]) == 0
    assert main(["report", str(finished), *small, "--out", str(tmp_path / "out")]) == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"leaderboard.csv", "leaderboard.html", "leaderboard.tex", "run.json"} <= written
    for name in sorted(written - {"run.json", "leaderboard.html"}):  # these tell the time
        assert (tmp_path / "out" / name).read_bytes() == (same / name).read_bytes(), name


def test_a_report_into_a_read_only_folder_says_what_to_do(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reporting.os, "access", lambda path, mode: path != finished)
    capsys.readouterr()
    assert main(["report", str(finished)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{finished} is read-only" in line and "--out DIR" in line


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("verify", []),
        ("compare", ["{run}", "--bootstrap", "0"]),
        ("cite", []),
        ("cite", ["--out", "{out}/x.bib"]),
        ("export-scores", ["--detector", "comb", "--out", "{out}/x.csv"]),
    ],
)
def test_commands_that_read_a_run_change_nothing(
    command: str, more: list[str], finished: Path, tmp_path: Path
) -> None:
    given = [text.format(run=finished, out=tmp_path) for text in more]
    assert main([command, str(finished), *given]) == 0


def test_a_merge_changes_no_source(toy: Path, finished: Path, tmp_path: Path) -> None:
    other = shutil.copytree(finished, tmp_path / "other")
    with read_only(other):
        assert main(["merge", str(finished), str(other), "--out", str(tmp_path / "all")]) == 0


def test_a_run_needs_no_cache_that_can_be_written(toy: Path, cache: Path, tmp_path: Path) -> None:
    cache.mkdir()
    suite = ["--suite", "reverberation(rt60=0.3); mp3(kbps=32)"]  # rooms are kept in the cache
    assert run(toy, tmp_path / "first", *suite) == 0
    with read_only(cache):
        assert run(toy, tmp_path / "second", *suite) == 0
    names = ("conditions_full.csv", "leaderboard.csv", "effects.csv")
    for name in names:
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_digests_need_no_cache(tmp_path: Path, cache: Path) -> None:
    cache.mkdir()
    (tmp_path / "x").write_text("x")
    with read_only(cache):
        (digest,) = file_hashes.file_digests(tmp_path, ["x"])
    assert digest == file_hashes.file_digests(tmp_path, ["x"])[0] and len(digest) == 64
    assert len([*(cache / "digests").iterdir()]) == 1
