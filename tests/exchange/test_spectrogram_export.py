"""Export of spectrograms: the pixels of the detectors, with metadata, computed once."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import soundfile
import torch
from PIL import Image as Picture

from attacks.contract.condition import parse
from attacks.contract.launder import launder
from benchmark import frontends
from benchmark.audio import reader
from benchmark.cli.main import main
from benchmark.data.loading import open_data
from benchmark.exchange import spectrogram_export
from benchmark.frontends.specs import Image
from tests.support import builders

NOISE = "noise(kind=white, snr=10, reference=active)"
FOLDER = "noise_kind=white_snr=10_reference=active"
COLUMNS = ["condition", "utterance_id", "path", "index", "label", "speaker", "spoof_system"]


def cli(root: Path, out: Path, *more: object, code: int = 0) -> pd.DataFrame:
    options = ["--data", root, "--out", out, "--suite", NOISE, "--workers", 0, *more]
    assert main(["spectrograms", *map(str, options)]) == code
    return pd.read_csv(out / "metadata.csv", keep_default_na=False)


def expected(root: Path, condition: str, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Return the input of a detector as one batch, (n, 3, 224, 224) from 0 to 1."""
    paths = open_data(root).table.set_index("utterance_id")["path"]
    waves = []
    for uid in rows["utterance_id"]:
        wave, _ = soundfile.read(root / paths[uid], dtype="float32")
        waves.append(launder(parse(condition), wave, 16000, uid, 0).wave)
    return frontends.batch(Image(), waves, torch.device("cpu")).numpy()


@pytest.mark.parametrize("kind", ["png", "npy", "hdf5"])
def test_the_pixels_are_the_input_of_image_detectors(
    kind: str, toy: Path, tmp_path: Path, cache: Path
) -> None:
    table = cli(toy, tmp_path / "out", "--kind", kind, "--limit", 12)
    assert list(table.columns[:7]) == COLUMNS and len(table) == 24
    assert (table["failure"] == "").all()
    for condition, rows in table.groupby("condition"):
        files = [tmp_path / "out" / path for path in rows["path"]]
        if kind == "png":
            pixels = np.stack([np.asarray(Picture.open(file)) for file in files])
            assert pixels.shape == (12, 224, 224, 3)
            pixels = pixels.transpose(0, 3, 1, 2)
        elif kind == "npy":
            pixels = np.load(files[0])[rows["index"].astype(int)]
        else:
            with h5py.File(files[0]) as file:
                names = file["utterance_id"].asstr()[:].tolist()
                assert names == rows["utterance_id"].tolist()
                pixels = file["images"][:][rows["index"].astype(int)]
        assert pixels.dtype == np.uint8
        seen = expected(toy, str(condition), rows)
        np.testing.assert_array_equal(pixels.astype(np.float32) / 255, seen)
    labels = open_data(toy).table.set_index("utterance_id")["label"]
    assert table["label"].tolist() == labels[table["utterance_id"]].tolist()
    assert table["path"].str.startswith((f"clean/{kind}/", f"{FOLDER}/{kind}/")).all()


def test_only_missing_or_changed_shards_are_computed_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        spectrogram_export, "shards", lambda n: ((i, i + 4) for i in range(0, n, 4))
    )
    root, out = builders.corpus(tmp_path / "toy", test=12, dev=0, seconds=0.3), tmp_path / "out"
    table = cli(root, out)
    files = {path: out / path for path in table["path"]}
    before = {path: file.stat().st_mtime_ns for path, file in files.items()}
    first, second = table["path"].iloc[0], table["path"].iloc[4]
    files[first].unlink()
    shutil.copy(files[table["path"].iloc[5]], files[second])
    soundfile.write(root / "flac" / "test_0011.flac", builders.voice(9, 0.3), 16000)
    pd.testing.assert_frame_equal(cli(root, out), table)
    after = {path: file.stat().st_mtime_ns for path, file in files.items()}
    new = {path for path in files if before[path] != after[path]}
    last = table.index[table["utterance_id"] >= "test_0008"]
    assert new == {*table["path"].iloc[:8], *table["path"].loc[last]}
    assert cli(root, out, "--seed", 1)["path"].tolist() == table["path"].tolist()
    assert all(file.stat().st_mtime_ns != after[path] for path, file in files.items())


def test_a_file_is_decoded_once_for_all_conditions(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        spectrogram_export, "shards", lambda n: ((i, i + 1) for i in range(0, n, 1))
    )
    root = builders.corpus(tmp_path / "toy", test=200, dev=0, seconds=0.1)
    reads: Counter[Path] = Counter()
    record = reader.record

    def counted(path: Path) -> reader.DecodedAudio:
        reads[path] += 1
        return record(path)

    monkeypatch.setattr(reader, "record", counted)
    monkeypatch.setattr(spectrogram_export, "pictures", lambda waves: np.zeros((1, 3, 2, 2), "u1"))
    table = cli(root, tmp_path / "out", "--suite", f"{NOISE}; lowpass(cutoff=3000)")
    assert table["condition"].nunique() == 3 and len(table) == 600
    assert len(reads) == 200 and set(reads.values()) == {1}


def test_ready_made_audio_is_rendered_unchanged(tmp_path: Path, cache: Path) -> None:
    root = builders.corpus(tmp_path / "toy", test=4, dev=0, seconds=0.3)
    table = pd.read_csv(root / "protocol.csv", dtype=str)
    table["made:other"] = [*table["path"][1:], "-"]
    table.to_csv(root / "protocol.csv", index=False)
    out = tmp_path / "out"
    drawn = cli(root, out, "--suite", "ready(audio=other)", code=1).set_index("condition")
    clean, other = drawn.loc["clean"], drawn.loc["ready(audio=other)"]
    assert other["failure"].tolist() == ["", "", "", "unreadable"]
    for one, two in zip(other["path"][:3], clean["path"][1:], strict=True):
        assert (out / one).read_bytes() == (out / two).read_bytes()


def test_workers_write_the_same_bytes(toy: Path, tmp_path: Path, cache: Path) -> None:
    options = ("--kind", "npy", "--limit", 4)
    one = cli(toy, tmp_path / "one", *options)
    two = cli(toy, tmp_path / "two", *options, "--workers", 2)
    pd.testing.assert_frame_equal(one, two)
    for path in set(one["path"]):
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_a_broken_file_is_in_the_metadata_and_tried_again(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = builders.corpus(tmp_path / "toy", test=6, dev=0, seconds=0.3), tmp_path / "out"
    sound = (root / "flac" / "test_0002.flac").read_bytes()
    (root / "flac" / "test_0002.flac").write_bytes(b"not audio")
    table = cli(root, out, "--kind", "npy", code=1).set_index("utterance_id")
    assert (table.loc["test_0002", "failure"] == "unreadable").all()
    assert table.loc["test_0003", "index"].astype(int).tolist() == [2, 2]
    assert "test_0002.flac: " in capsys.readouterr().err
    (root / "flac" / "test_0002.flac").write_bytes(sound)
    assert (cli(root, out, "--kind", "npy")["failure"] == "").all()


def test_without_h5py_it_says_what_to_install(
    toy: Path,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    options = ["--data", str(toy), "--out", str(tmp_path / "out"), "--kind", "hdf5"]
    assert main(["spectrograms", *options]) == 2
    assert "pip install 'launderbench[hdf5]'" in capsys.readouterr().err
