"""The ASVspoof Laundering Database: its layout is read and its published audio scored."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from benchmark.inference import checkpoints
from tests.support import builders
from tests.support.places import TOY_PLUGIN

CONDITIONS = {
    "Noise_Addition": ("babble_0", "volvo_20"),
    "Reverberation": ("RT_0_3",),
    "Resampling": ("resample_8000",),
    "Recompression": ("recompression_16k",),
    "Filtering": ("lpf_7000",),
}
NAMES = [f"{type_}/{own}" for type_, every in CONDITIONS.items() for own in every]


def database(root: Path, count: int = 6, clean: str = "ASVspoof2019_LA_eval") -> Path:
    """Write `count` utterances, every second one spoof; all conditions halve the amplitude."""
    speakers = [f"LA_{number // 2:04d}" for number in range(count)]
    names = [f"LA_E_{1000000 + number}" for number in range(count)]
    folder = root / clean / "flac"
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        make = builders.fake if number % 2 else builders.voice
        soundfile.write(folder / f"{name}.flac", make(number // 2, 0.5), 16000)
    (root / "protocols").mkdir()
    for type_, every in CONDITIONS.items():
        flac = root / type_ / "flac"
        flac.mkdir(parents=True)
        rows = []
        for own in every:
            for number, (speaker, name) in enumerate(zip(speakers, names, strict=True)):
                wave, _ = soundfile.read(folder / f"{name}.flac")
                soundfile.write(flac / f"{name}_{own}.flac", wave / 2, 16000)
                key = "A07 spoof" if number % 2 else "- bonafide"
                rows.append(f"{speaker} {name}_{own} {key} {type_} {own}\n")
        file = root / "protocols" / f"ASVspoofLauneredDatabase_{type_}.txt"
        file.write_text("".join(rows))
    return root


def test_one_row_per_utterance_and_a_column_per_condition(tmp_path: Path) -> None:
    data = open_data(database(tmp_path / "ld"))
    assert data.name == "asvspoof-laundering"
    assert data.made() == NAMES
    assert len(data.table) == 6
    assert data.table["label"].value_counts().to_dict() == {"bonafide": 3, "spoof": 3}
    assert data.table["split"].unique().tolist() == ["test"]
    row = data.table.set_index("utterance_id").loc["LA_E_1000001"]
    assert (row["speaker"], row["spoof_system"]) == ("LA_0000", "A07")
    assert row["path"] == "ASVspoof2019_LA_eval/flac/LA_E_1000001.flac"
    path = row["made:Reverberation/RT_0_3"]
    assert path == "Reverberation/flac/LA_E_1000001_RT_0_3.flac"
    columns = ["path", *(f"made:{name}" for name in NAMES)]
    assert all((data.root / p).is_file() for p in data.table[columns].to_numpy().ravel())


@pytest.mark.parametrize("where", ["ASVspoof2019_LA_eval", "LA/ASVspoof2019_LA_eval"])
def test_the_clean_audio_may_be_next_to_the_database(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = database(tmp_path / "all" / "ld")
    moved = tmp_path / "all" / where
    moved.parent.mkdir(exist_ok=True)
    shutil.move(root / "ASVspoof2019_LA_eval", moved)
    data = open_data(root)
    assert data.root == tmp_path / "all"
    for column in ("path", "made:Noise_Addition/babble_0"):
        assert all((data.root / path).is_file() for path in data.table[column])
    monkeypatch.chdir(root)
    pd.testing.assert_frame_equal(open_data(Path()).table, data.table)


def test_the_error_for_missing_clean_audio_names_the_searched_folders(tmp_path: Path) -> None:
    root = database(tmp_path / "all" / "ld")
    shutil.rmtree(root / "ASVspoof2019_LA_eval")
    with pytest.raises(InputError, match=r"LA_eval/flac, was not found in .*ld, in .*all, or in"):
        open_data(root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("LA_0001 LA_E_1000000 - bonafide Filtering lpf_7000", "is not an ASVspoof 2019 LA id"),
        ("LA_0000 LA_E_1000000_lpf_7000 - bonafide Filtering lpf_7000", "is listed twice under Fi"),
        ("LA_0099 LA_E_1000000_x - bonafide Filtering x", "has several speakers, systems or keys"),
        ("LA_0000 LA_E_1000000_x - bonafide ../../etc x", "points outside the data folder"),
        ("LA_0000 LA_E_1000000_x - bonafide Filtering", "line 7 has fewer than 6 columns"),
    ],
)
def test_a_bad_line_gives_a_one_sentence_error(tmp_path: Path, line: str, message: str) -> None:
    root = database(tmp_path / "ld")
    with (root / "protocols" / "ASVspoofLauneredDatabase_Filtering.txt").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(InputError, match=message):
        open_data(root)


def test_published_audio_is_scored_and_missing_audio_is_a_recorded_failure(
    tmp_path: Path, cache: Path
) -> None:
    root = database(tmp_path / "ld", 12)
    file = root / "protocols" / "ASVspoofLauneredDatabase_Filtering.txt"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[1:]))
    weights, folder = cache / "comb.safetensors", tmp_path / "run"
    comb(weights)
    suite = "; ".join(f"ready(audio={name})" for name in NAMES)
    options = ["--plugin", TOY_PLUGIN, "--data", root, "--checkpoint", weights, "--suite", suite]
    assert main(["run", *map(str, options), "--run", str(folder), "--workers", "0"]) == 0
    cells = pd.read_csv(folder / "conditions_full.csv").set_index("condition")
    assert list(cells.index) == ["clean", *(f"ready(audio={name})" for name in NAMES)]
    assert (cells["n_bonafide"] == 5).all() and (cells["n_spoof"] == 6).all()
    assert cells["complete"].all() and (cells["coverage"] < 1).all()
    assert cells["auc"].nunique() == 1  # halving the amplitude is the only change
    failures = pd.read_csv(folder / "failures.csv")
    assert failures["utterance_id"].tolist() == ["LA_E_1000000"]
    assert failures["cause"].tolist() == ["the data set brings no such audio of this utterance"]


def comb(path: Path) -> None:
    """Write the weights of the toy detector."""
    from benchmark.workers import plugins

    plugins.load([TOY_PLUGIN])
    checkpoints.save(path, {"sign": np.ones(1, np.float32)}, {"detector": "comb"})
