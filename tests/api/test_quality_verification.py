"""`verify --rescore` measures the quality of random fakes again: what holds, and what must not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.quality import measuring, quality_store
from benchmark.quality.quality_store import Row
from tests.cli.test_seeds import bench
from tests.support.places import TOY_PLUGIN

NOISE = "noise(kind=white, snr=10, reference=active)"
ABSENT = {"dnsmos": "left out here", "speaker": "left out here"}


@pytest.fixture(scope="module")
def run(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("benchmark.api.quality._fetched", dict)
        patch.setattr(measuring, "absent", lambda: ABSENT)
        assert bench(toy, folder, "--quality", 2) == 0
        assert main(["verify", str(folder), "--plugin", str(TOY_PLUGIN)]) == 0
    return folder


def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["verify", str(folder), "--plugin", str(TOY_PLUGIN), "--rescore", "50"])
    lines = capsys.readouterr().out.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("quality"))
    rest = [place for place in range(start + 1, len(lines)) if not lines[place].startswith(" ")]
    return code, " ".join(" ".join(lines[start : rest[0]]).split())


@pytest.fixture
def measured_by_estoi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "absent", lambda: ABSENT)


@pytest.mark.usefixtures("measured_by_estoi")
def test_what_was_measured_is_measured_again(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = said(run, capsys)
    assert "6 values of 6 random fakes x conditions measured again; largest difference 0" in found
    assert "dnsmos was not measured again: left out here" in found and "stored as" not in found


def tampered(run: Path, folder: Path, change: Callable[[dict[str, Row]], None]) -> str:
    """Copy a run and change the rows of one fake, with a check that fits; return the fake."""
    shutil.copytree(run, folder)
    quality = quality_store.read(folder)
    assert quality is not None
    uid = quality.sample.utterances[0]
    rows = quality_store.read_rows(folder, uid)
    change(rows)
    quality_store.write_rows(folder, uid, rows)
    return uid


def better(row: Row) -> None:
    row["values"]["estoi"] += 0.01


def lost(row: Row) -> None:
    del row["values"]["estoi"]


def invented(row: Row) -> None:
    row["samples"], row["values"]["estoi"] = "00" * 8, 0.99


@pytest.mark.usefixtures("measured_by_estoi")
@pytest.mark.parametrize("change", [better, lost, invented])
def test_a_value_that_was_changed_is_found(
    change: Callable[[Row], None], run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    uid = tampered(run, folder, lambda rows: change(rows[NOISE]))
    code, found = said(folder, capsys)
    assert code == 1
    assert f"{uid} under {NOISE}: estoi is stored as" in found


@pytest.mark.usefixtures("measured_by_estoi")
def test_a_condition_that_the_plan_lacks_is_named(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    tampered(run, folder, lambda rows: rows.update({"mp3(kbps=16)": rows[NOISE]}))
    code, found = said(folder, capsys)
    assert code == 1 and "the plan has no such trial or condition" in found
