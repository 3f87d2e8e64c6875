"""Readers: a fixture in each published layout gives exact counts."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from tests.support.layouts import counts, sound, write


def test_in_the_wild(tmp_path: Path) -> None:
    write(
        tmp_path / "release_in_the_wild" / "meta.csv",
        "file,speaker,label\n0.wav,Alec Guinness,spoof\n3.wav,Barack Obama,bona-fide\n",
    )
    data = open_data(tmp_path)
    assert data.name == "in-the-wild"
    assert data.table[["utterance_id", "path", "label", "speaker"]].values.tolist() == [
        ["0", "release_in_the_wild/0.wav", "spoof", "Alec Guinness"],
        ["3", "release_in_the_wild/3.wav", "bonafide", "Barack Obama"],
    ]


def test_fake_or_real(tmp_path: Path) -> None:
    root = tmp_path / "for-norm" / "for-norm"
    for split, count in (("training", 3), ("validation", 2), ("testing", 1)):
        for word in ("real", "fake"):
            sound(*(root / split / word / f"file{i}.wav" for i in range(count)))
    data = open_data(tmp_path)
    assert data.name == "for-norm"
    assert counts(data.table, "split", "label") == {
        (split, label): n
        for split, n in (("train", 3), ("dev", 2), ("test", 1))
        for label in ("bonafide", "spoof")
    }
    assert len(open_data(root).table) == 12
    root.rename(
        tmp_path / "for-norm" / "for-normalised"
    )  # the inner folders at Kaggle have other names
    assert open_data(tmp_path).name == "for-normalised"
    sound(tmp_path / "for-2sec" / "training" / "real" / "a.wav")
    (tmp_path / "for-2sec" / "testing").mkdir()
    with pytest.raises(InputError, match=r"several variants .*for-2sec.*for-norm"):
        open_data(tmp_path)


def test_wavefake(tmp_path: Path) -> None:
    fakes = tmp_path / "generated_audio"
    sound(fakes / "ljspeech_melgan" / "LJ001-0001_gen.wav")
    sound(fakes / "ljspeech_hifiGAN" / "LJ001-0001_gen.wav")
    with pytest.raises(InputError, match=r"fakes only; put LJ Speech's recordings"):
        open_data(tmp_path)
    sound(tmp_path / "LJSpeech-1.1" / "wavs" / "LJ001-0001.wav")
    speech = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"
    sound(fakes / speech / "gen_0.wav", fakes / "jsut_multi_band_melgan" / "BASIC5000_0001_gen.wav")
    table = open_data(tmp_path).table
    assert counts(table, "spoof_system", "source", "pair") == {
        ("-", "ljspeech", "LJ001-0001"): 1,
        ("hifiGAN", "ljspeech", "LJ001-0001"): 1,
        ("melgan", "ljspeech", "LJ001-0001"): 1,
        ("multi_band_melgan", "jsut", "BASIC5000_0001"): 1,
        (speech, "-", "-"): 1,
    }


def test_librisevoc(tmp_path: Path) -> None:
    sound(tmp_path / "gt" / "27_123349_000006_000002.wav")
    sound(tmp_path / "melgan" / "27_123349_000006_000002_gen.wav")
    sound(tmp_path / "wavernn" / "27_123349_000006_000002_gen.wav")
    data = open_data(tmp_path)
    assert counts(data.table, "label", "spoof_system") == {
        ("bonafide", "-"): 1,
        ("spoof", "melgan"): 1,
        ("spoof", "wavernn"): 1,
    }
    assert set(data.table["speaker"]) == {"27"}


def test_mlaad(tmp_path: Path) -> None:
    header = "path|original_file|language|is_original_language|duration|training_data|model_name"
    row = './fake/en/vits/x.wav|en_US/by_book/a/wavs/x.wav|en|True|1.0|ljspeech|vits|a "b\n'
    write(tmp_path / "fake/en/vits/meta.csv", header + "|transcript\n" + row)
    with pytest.raises(InputError, match="MLAAD holds fakes only; add M-AILABS"):
        open_data(tmp_path)
    sound(tmp_path / "real/en_US/by_book/a/wavs/x.wav")
    table = open_data(tmp_path).table
    assert counts(table, "label", "spoof_system", "language") == {
        ("bonafide", "-", "-"): 1,
        ("spoof", "vits", "en"): 1,
    }
    assert "fake/en/vits/x.wav" in set(table["path"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "file,class,spk\nx y.wav,fake,s1\nü.wav,real,s2\n"),
        ("a.csv", "\ufefffile;class;spk\r\nx y.wav;fake;s1\r\nü.wav;real;s2\r\n"),
        ("a.tsv", "file\tclass\tspk\nx y.wav\tfake\ts1\nü.wav\treal\ts2\n"),
    ],
)
def test_tables_with_other_names_marks_and_delimiters(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    table = open_data(tmp_path / name).table
    assert table[["utterance_id", "path", "label", "speaker"]].values.tolist() == [
        ["x y.wav", "x y.wav", "spoof", "s1"],
        ["ü.wav", "ü.wav", "bonafide", "s2"],
    ]


def test_a_parquet_table_and_numbers_as_labels(tmp_path: Path) -> None:
    rows = pd.DataFrame({"path": ["a.wav", "b\nc.wav"], "label": [0, 1], "split": ["val", "eval"]})
    rows.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"the label '0' is neither .*--labels"):
        open_data(tmp_path / "t.parquet")
    table = open_data(tmp_path / "t.parquet", labels={"0": "bonafide", "1": "spoof"}).table
    assert table["label"].tolist() == ["bonafide", "spoof"]
    assert table["split"].tolist() == ["dev", "test"]
    assert table["path"].tolist() == ["a.wav", "b\nc.wav"]


def test_a_pattern_over_file_names(tmp_path: Path) -> None:
    sound(tmp_path / "s1" / "human_1.wav", tmp_path / "s2" / "tts_1.wav", tmp_path / "x.wav")
    labels = {"human": "bonafide", "tts": "spoof"}
    pattern = r"(?P<speaker>s\d)/(?P<label>human|tts)_"
    table = open_data(tmp_path, pattern=pattern, labels=labels).table
    assert table[["path", "label", "speaker"]].values.tolist() == [
        ["s1/human_1.wav", "bonafide", "s1"],
        ["s2/tts_1.wav", "spoof", "s2"],
    ]
    with pytest.raises(InputError, match="matches no audio file"):
        open_data(tmp_path, pattern="(?P<label>z)")
    with pytest.raises(InputError, match="not a regular expression"):
        open_data(tmp_path, pattern="(?P<label>")
    with pytest.raises(InputError, match=r"has no group"):
        open_data(tmp_path, pattern="human")


def test_links_are_followed_and_a_loop_is_entered_once(tmp_path: Path) -> None:
    sound(tmp_path / "elsewhere" / "a.wav", tmp_path / "data" / "fake" / "b.wav")
    (tmp_path / "data" / "real").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "self.wav").symlink_to("self.wav")
    (tmp_path / "data" / "fake" / "up").symlink_to(
        ".."
    )  # real/ must not be read through it as fake
    table = open_data(tmp_path / "data").table
    assert table["path"].tolist() == ["fake/b.wav", "real/a.wav", "real/self.wav"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("utterance_id,path,label\n", "holds no utterance"),
        ("utterance_id path label\na 1.wav spoof\n", "no comma, semicolon, tab or bar"),
        ("utterance_id,path,label\na,1.wav,spoof,x\n", "rows have more columns than the header"),
        ("utterance_id,path,label\na,1.wav,spoof\nb,2.wav,spoof,x\n", "cannot be read as a table"),
        ("", "is empty"),
    ],
)
def test_a_broken_table_names_the_file_and_cause(tmp_path: Path, text: str, cause: str) -> None:
    write(tmp_path / "protocol.csv", text)
    with pytest.raises(InputError, match=rf"protocol\.csv.*{cause}"):
        open_data(tmp_path)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a/../../b.wav", "C:\\x.wav"])
def test_a_path_outside_the_data_folder_is_refused(tmp_path: Path, path: str) -> None:
    write(tmp_path / "protocol.csv", f"utterance_id,path,label\na,{path},spoof\n")
    with pytest.raises(InputError, match="points outside the data folder"):
        open_data(tmp_path)


def test_a_given_layout_is_the_only_one_tried(tmp_path: Path) -> None:
    sound(tmp_path / "real" / "a.wav", tmp_path / "fake" / "a.wav")
    with pytest.raises(InputError, match=r"looked for gt/ .*; found fake, real"):
        open_data(tmp_path, layout="librisevoc")
    with pytest.raises(InputError, match="did you mean"):
        open_data(tmp_path, layout="librisevok")
    assert len(open_data(tmp_path, layout="folders").table) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_protocol_without_read_permission_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "protocol.csv", "utterance_id,path,label\n")
    (tmp_path / "protocol.csv").chmod(0)
    with pytest.raises(InputError, match=r"protocol\.csv cannot be read"):
        open_data(tmp_path)
