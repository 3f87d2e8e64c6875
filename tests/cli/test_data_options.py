"""How the command line opens data: layouts, patterns, ready-made conditions, missing files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from benchmark.cli.main import main
from tests.support import builders
from tests.support.places import TOY_PLUGIN

PLUGIN = str(TOY_PLUGIN)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A trained detector."""
    folder = tmp_path_factory.mktemp("trained")
    root = builders.corpus(folder / "toy", test=0, train=24, dev=12)
    out = folder / "comb.safetensors"
    options = ["--plugin", PLUGIN, "--data", str(root), "--out", str(out)]
    assert main(["train", "comb", *options]) == 0
    return str(out)


@pytest.fixture
def laundered(tmp_path: Path) -> Path:
    """A corpus that brings two conditions ready-made; one utterance lacks its file in one."""
    root = builders.corpus(tmp_path / "toy", test=12, dev=0)
    table = pd.read_csv(root / "protocol.csv", dtype=str)
    for name, gain in (("quiet", 0.1), ("loud", 2.0)):
        (root / name).mkdir()
        for uid, path in zip(table["utterance_id"], table["path"], strict=True):
            wave, rate = soundfile.read(root / path)
            soundfile.write(root / name / f"{uid}.flac", wave * gain, rate)
        table[f"made:{name}"] = [f"{name}/{uid}.flac" for uid in table["utterance_id"]]
    table.to_csv(root / "protocol.csv", index=False)
    return root


def run(root: Path, out: Path, checkpoint: str, *more: str, suite: str = "ready") -> int:
    options = ["--checkpoint", checkpoint, "--plugin", PLUGIN, "--workers", "0", "--run", str(out)]
    return main(["run", "--data", str(root), "--suite", suite, *options, *more])


def test_ready_made_conditions_are_scored_and_never_called_verified(
    laundered: Path, checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = f"{tmp_path}/out"
    assert run(laundered, Path(out), checkpoint) == 0
    cells = pd.read_csv(Path(out) / "conditions_full.csv")
    cells = cells[cells["track"] == cells["track"].iloc[0]].set_index("condition")
    assert set(cells.index) == {"clean", "ready(audio=quiet)", "ready(audio=loud)"}
    assert cells["complete"].all()
    assert cells.loc[["ready(audio=quiet)", "ready(audio=loud)"], "verified"].eq(False).all()
    assert run(laundered, Path(f"{tmp_path}/other"), checkpoint, suite="ready(audio=quite)") == 2
    assert "did you mean 'quiet'" in capsys.readouterr().err
    assert (
        run(
            laundered,
            Path(f"{tmp_path}/other"),
            checkpoint,
            suite="mp3(kbps=64) | ready(audio=quiet)",
        )
        == 2
    )
    assert "can only begin a chain" in capsys.readouterr().err
    assert run(laundered, Path(f"{tmp_path}/other"), checkpoint, suite="ready()") == 2
    assert "name a ready-made condition" in capsys.readouterr().err


def test_replaced_ready_made_audio_is_computed_anew(
    laundered: Path, checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(laundered, tmp_path / "out", checkpoint) == 0
    shutil.copy(laundered / "quiet" / "test_0000.flac", laundered / "loud" / "test_0000.flac")
    capsys.readouterr()
    assert run(laundered, tmp_path / "out", checkpoint) == 0
    assert "1 of 3 units to do" in capsys.readouterr().err


def test_a_missing_file_stops_the_run_unless_it_may_be_missing(
    laundered: Path, checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (laundered / "flac" / "test_0003.flac").unlink()
    (laundered / "loud" / "test_0005.flac").unlink()
    assert run(laundered, tmp_path / "out", checkpoint) == 2
    assert "1 of 12 protocol rows have no file" in capsys.readouterr().err
    assert run(laundered, tmp_path / "out", checkpoint, "--allow-missing") == 0
    cells = pd.read_csv(tmp_path / "out" / "conditions_full.csv")
    assert (cells["coverage"] < 1).all()
    failures = pd.read_csv(tmp_path / "out" / "failures.csv")
    assert set(failures["utterance_id"]) == {"test_0003", "test_0005"}
    assert failures["cause"].str.contains("no such file").all()


def test_columns_and_lengths_become_keys_of_the_breakdown(checkpoint: str, tmp_path: Path) -> None:
    root = builders.corpus(tmp_path / "toy", test=60, dev=0)
    table = pd.read_csv(root / "protocol.csv")
    table["codec"] = ["mp3" if i % 4 < 2 else "none" for i in range(len(table))]
    table.to_csv(root / "protocol.csv", index=False)
    soundfile.write(root / "flac" / "test_0000.flac", builders.voice(0, 2.5), 16000)
    assert run(root, tmp_path / "out", checkpoint, suite="clean") == 0
    found = pd.read_csv(tmp_path / "out" / "breakdown.csv").query("track == 'neural'")
    sizes = found.set_index(["by", "value"])[["n_bonafide", "n_spoof"]]
    spoof = (table["spoof_system"] == "S1") & (table["codec"] == "none")
    assert sizes.loc[("codec", "none")].tolist() == [15, spoof.sum()]
    assert sizes.loc[("duration", "0 to 2 s")].tolist() == [29, (table["track"] == "neural").sum()]


def test_layout_pattern_and_labels(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = builders.corpus(tmp_path / "toy", test=12, dev=0)
    (root / "protocol.csv").unlink()
    (root / "card.json").unlink()
    plan = ["plan", "--suite", "clean", "--workers", "0", "--data", str(root)]
    plan += ["--plugin", PLUGIN, "--checkpoint", checkpoint]
    assert main(plan) == 2
    assert (
        "is not a known data set: of its folders with audio, no class is known by"
        in capsys.readouterr().err
    )
    for file in sorted((root / "flac").iterdir()):
        word = "tts" if int(file.stem[-1]) % 2 else "man"
        file.rename(root / f"{word}_{file.name}")
    how = ["--pattern", "(?P<label>man|tts)_", "--labels", "man=bonafide,tts=spoof"]
    assert main([*plan, *how]) == 0
    assert "12 test trials" in capsys.readouterr().out
    assert main([*plan, *how[:3], "man=real"]) == 2
    assert "--labels: want WORD=bonafide or WORD=spoof, not 'man=real'" in capsys.readouterr().err
    assert main(["list", "layouts"]) == 0
    assert "asvspoof2021-df" in capsys.readouterr().out


def test_audio_that_lies_elsewhere_is_kept_in_the_plan(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = builders.corpus(tmp_path / "toy", test=12, dev=0)
    tables = tmp_path / "tables"
    tables.mkdir()
    (root / "protocol.csv").rename(tables / "protocol.csv")
    (root / "card.json").unlink()
    first, again = str(tmp_path / "first"), str(tmp_path / "again")
    data = ["--data", str(tables), "--plugin", PLUGIN, "--checkpoint", checkpoint]
    data += ["--suite", "clean", "--workers", "0", "--run", first]
    assert main(["run", *data]) == 2
    assert "12 of 12 protocol rows have no file" in capsys.readouterr().err
    assert main(["run", *data, "--audio-root", str(root)]) == 0
    head = json.loads((tmp_path / "first" / "plan.json").read_text())
    assert head["options"]["audio_root"] == str(root)
    repeat = ["repeat", first, "--out", again, "--plugin", PLUGIN, "--checkpoint", checkpoint]
    assert main([*repeat, "--workers", "0"]) == 0
    assert main(["data", "describe", str(tables), "--audio-root", str(tmp_path / "no")]) == 2
    assert "--audio-root: no such folder" in capsys.readouterr().err
