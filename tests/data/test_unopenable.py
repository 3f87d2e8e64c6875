"""Files that cannot be opened or named cost their own trial, with the cause, and nothing more."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from benchmark.audio import reader
from benchmark.audio.audio_error import AudioError
from benchmark.cli.main import main
from benchmark.data import file_hashes, loading
from tests.support import builders


def unopenable(root: Path) -> dict[str, str]:
    """Put files in the way that cannot be opened or named; return their names by id."""
    names = {"zero": "zero.flac", "pipe": "pipe.flac", "loop": "loop.flac", "long": "x" * 300}
    (root / "flac" / "zero.flac").symlink_to("/dev/zero")
    os.mkfifo(root / "flac" / "pipe.flac")
    (root / "flac" / "loop.flac").symlink_to("loop.flac")
    return {uid: f"flac/{name}" for uid, name in names.items()}


def test_each_costs_its_own_trial(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = builders.corpus(tmp_path / "toy", test=8, dev=0)
    names = unopenable(toy)
    with (toy / "protocol.csv").open("a") as file:
        for number, (uid, name) in enumerate(names.items()):
            label, system = ("spoof", "S1") if number % 2 else ("bonafide", "-")
            file.write(f"{uid},{name},{label},spk,{system},test,spk,neural\n")
    out = tmp_path / "run"
    words = ("--data", toy, "--suite", "clean; lowpass", "--detectors", "random", "--run", out)
    how = ("--device", "cpu", "--workers", 0, "--allow-missing", "--samples", 0)
    assert main(["run", *map(str, (*words, *how))]) == 0, capsys.readouterr().err
    failures = pd.read_csv(out / "failures.csv")
    assert set(failures["utterance_id"]) == set(names)
    assert set(failures["kind"]) == {"unreadable"} and failures["cause"].notna().all()
    cells = json.loads((out / "run.json").read_text())
    assert cells["detectors"] == ["random"]
    board = pd.read_csv(out / "leaderboard.csv")
    assert board["clean_eer"].notna().all()


def test_a_device_is_never_read(tmp_path: Path) -> None:
    link = tmp_path / "a.wav"
    link.symlink_to("/dev/zero")
    for read in (reader.record, reader.header):
        with pytest.raises(AudioError, match=r"a\.wav: is a device or a pipe"):
            read(link)
    assert file_hashes.state(link) is None


@pytest.mark.parametrize("name", ["a\0b.wav", "x" * 300, "\udcff.wav"])
def test_a_name_that_no_file_has_is_one_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError):
        reader.record(tmp_path / name)
    assert file_hashes.state(tmp_path / name) is None
    assert file_hashes.stamps(tmp_path, [name]) == [file_hashes.MISSING]
    assert file_hashes.file_digests(tmp_path, [name]) == [file_hashes.MISSING]


def test_a_file_whose_name_is_not_utf8_is_read(tmp_path: Path, cache: Path) -> None:
    toy = builders.corpus(tmp_path / "toy", test=2, dev=0)
    name = os.fsdecode(b"\xff\xfe.flac")
    (toy / "flac" / name).write_bytes((toy / "flac" / "test_0000.flac").read_bytes())
    assert reader.read(toy / "flac" / name).size
    (digest,) = file_hashes.file_digests(toy, [f"flac/{name}"])
    assert file_hashes.file_digests(toy, [f"flac/{name}"]) == [digest] != [file_hashes.MISSING]


def test_a_name_that_no_table_can_hold_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = builders.corpus(tmp_path / "toy", test=4, dev=0) / "flac"
    for number, label in enumerate(("real", "fake", "real", "fake")):
        (tmp_path / "mine" / label).mkdir(parents=True, exist_ok=True)
        content = (source / f"test_000{number}.flac").read_bytes()
        (tmp_path / "mine" / label / f"{number}.flac").write_bytes(content)
    odd = tmp_path / "mine" / "real" / os.fsdecode(b"\xff\xfe.flac")
    odd.write_bytes(content)
    found = loading.open_data(tmp_path / "mine")
    assert len(found.table) == 4
    assert "1 of its files are left out" in caplog.text and "udcff" in caplog.text
