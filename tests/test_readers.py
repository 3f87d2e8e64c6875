"""Readers: each layout of the field, from a fixture in that layout, gives exact counts."""

from __future__ import annotations

import os
from pathlib import Path

import builders
import pandas as pd
import pytest
import soundfile

from benchmark.datasets import open_data
from benchmark.errors import InputError


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def sound(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, builders.voice(1, 0.1), 16000, format="WAV")


def counts(table: pd.DataFrame, *columns: str) -> dict[object, int]:
    return table.groupby(list(columns) if len(columns) > 1 else columns[0]).size().to_dict()


def test_asvspoof2019_la(tmp_path: Path) -> None:
    folder = tmp_path / "LA" / "ASVspoof2019_LA_cm_protocols"
    write(folder / "ASVspoof2019.LA.cm.train.trn.txt", "LA_0079 LA_T_1138215 - - bonafide\n")
    write(
        folder / "ASVspoof2019.LA.cm.eval.trl.txt",
        "LA_0039 LA_E_2834763 - A11 spoof\nLA_0014 LA_E_8877452 - A14 spoof\n"
        "LA_0012 LA_E_5932896 - - bonafide\n",
    )
    made = open_data(tmp_path)
    assert made.name == "asvspoof2019-la"
    assert counts(made.table, "split", "label") == {
        ("test", "bonafide"): 1,
        ("test", "spoof"): 2,
        ("train", "bonafide"): 1,
    }
    row = made.table.set_index("utterance_id").loc["LA_E_2834763"]
    assert row["speaker"] == "LA_0039"
    assert row["spoof_system"] == "A11"
    assert row["path"] == "LA/ASVspoof2019_LA_eval/flac/LA_E_2834763.flac"
    assert open_data(tmp_path / "LA").table.shape == made.table.shape


def test_asvspoof2019_pa_keeps_the_environment(tmp_path: Path) -> None:
    write(
        tmp_path / "ASVspoof2019_PA_cm_protocols" / "ASVspoof2019.PA.cm.train.trn.txt",
        "PA_0079 PA_T_0000001 aaa - bonafide\nPA_0079 PA_T_0005401 aaa AA spoof\n",
    )
    table = open_data(tmp_path).table
    assert table["environment"].tolist() == ["aaa", "aaa"]
    assert table["spoof_system"].tolist() == ["-", "AA"]
    assert table["path"][0] == "ASVspoof2019_PA_train/flac/PA_T_0000001.flac"


def test_asvspoof2021_la_takes_its_evaluation_subset(tmp_path: Path) -> None:
    (tmp_path / "ASVspoof2021_LA_eval" / "flac").mkdir(parents=True)
    with pytest.raises(InputError, match=r"its key keys/LA/CM/trial_metadata\.txt is not"):
        open_data(tmp_path)
    write(
        tmp_path / "keys/LA/CM/trial_metadata.txt",
        "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
        "LA_0020 LA_E_5464494 g722 loc_tx bonafide bonafide notrim progress\n"
        "LA_0020 LA_E_5464495 g722 loc_tx bonafide bonafide notrim eval\n",
    )
    made = open_data(tmp_path)
    assert made.name == "asvspoof2021-la"
    assert counts(made.table, "split") == {"other": 1, "test": 2}
    row = made.table.set_index("utterance_id").loc["LA_E_9332881"]
    assert (row["codec"], row["transmission"], row["trim"]) == ("alaw", "ita_tx", "notrim")


def test_asvspoof2021_df(tmp_path: Path) -> None:
    (tmp_path / "ASVspoof2021_DF_eval" / "flac").mkdir(parents=True)
    write(
        tmp_path / "keys/DF/CM/trial_metadata.txt",
        "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - -"
        " - -\n"
        "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval"
        " neural_vocoder_nonautoregressive Task1 team20 FF E\n"
        "TGF1 DF_E_2000024 mp3m4a vcc2020 Task2-team12 spoof notrim eval traditional_vocoder"
        " Task2 team12 FF G\n",
    )
    table = open_data(tmp_path).table.set_index("utterance_id")
    assert table.loc["DF_E_2000013", ["source", "codec", "language"]].tolist() == [
        "vcc2020",
        "low_m4a",
        "E",
    ]
    assert table["split"].tolist() == ["other", "test", "test"]


def test_asvspoof5(tmp_path: Path) -> None:
    protocols = tmp_path / "ASVspoof5_protocols"
    write(
        protocols / "ASVspoof5.train.tsv",
        "T_4850 T_0000000000 F - - - AC3 A05 spoof -\nT_0001 T_0000000001 M - - - - - bonafide -\n",
    )
    write(
        protocols / "ASVspoof5.eval.track_1.tsv",
        "E_1 E_0000000001 F - 0 - AC1 A20 spoof -\nE_1 E_0000000002 F C05 3 - AC1 A20 spoof -\n",
    )
    (tmp_path / "flac_E_eval").mkdir()
    table = open_data(tmp_path).table.set_index("utterance_id")
    assert counts(table, "split") == {"test": 2, "train": 2}
    assert table["codec"].to_dict() == {
        "E_0000000001": "-",
        "E_0000000002": "mp3_wb",
        "T_0000000000": "-",
        "T_0000000001": "-",
    }
    assert table.loc["E_0000000001", "codec_quality"] == "-"
    assert table.loc["E_0000000002", "path"] == "flac_E_eval/E_0000000002.flac"
    assert table.loc["T_0000000000", "path"] == "flac_T/T_0000000000.flac"


def test_in_the_wild(tmp_path: Path) -> None:
    write(
        tmp_path / "release_in_the_wild" / "meta.csv",
        "file,speaker,label\n0.wav,Alec Guinness,spoof\n3.wav,Barack Obama,bona-fide\n",
    )
    made = open_data(tmp_path)
    assert made.name == "in-the-wild"
    assert made.table[["utterance_id", "path", "label", "speaker"]].values.tolist() == [
        ["0", "release_in_the_wild/0.wav", "spoof", "Alec Guinness"],
        ["3", "release_in_the_wild/3.wav", "bonafide", "Barack Obama"],
    ]


def test_fake_or_real(tmp_path: Path) -> None:
    root = tmp_path / "for-norm" / "for-norm"
    for split, count in (("training", 3), ("validation", 2), ("testing", 1)):
        for word in ("real", "fake"):
            sound(*(root / split / word / f"file{i}.wav" for i in range(count)))
    made = open_data(tmp_path)
    assert made.name == "for-norm"
    assert counts(made.table, "split", "label") == {
        (split, label): n
        for split, n in (("train", 3), ("dev", 2), ("test", 1))
        for label in ("bonafide", "spoof")
    }
    assert len(open_data(root).table) == 12
    root.rename(tmp_path / "for-norm" / "for-normalised")  # Kaggle's inner names differ
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
    table = open_data(tmp_path).table
    assert counts(table, "spoof_system") == {"-": 1, "hifiGAN": 1, "melgan": 1}
    assert set(table["pair"]) == {"LJ001-0001"}


def test_librisevoc(tmp_path: Path) -> None:
    sound(tmp_path / "gt" / "27_123349_000006_000002.wav")
    sound(tmp_path / "melgan" / "27_123349_000006_000002_gen.wav")
    sound(tmp_path / "wavernn" / "27_123349_000006_000002_gen.wav")
    made = open_data(tmp_path)
    assert counts(made.table, "label", "spoof_system") == {
        ("bonafide", "-"): 1,
        ("spoof", "melgan"): 1,
        ("spoof", "wavernn"): 1,
    }
    assert set(made.table["speaker"]) == {"27"}


def test_mlaad(tmp_path: Path) -> None:
    header = "path|original_file|language|is_original_language|duration|training_data|model_name"
    row = './fake/en/vits/x.wav|en_US/by_book/a/wavs/x.wav|en|True|1.0|ljspeech|vits|a "b\n'
    write(tmp_path / "fake/en/vits/meta.csv", header + "|transcript\n" + row)
    with pytest.raises(InputError, match="MLAAD holds fakes only; put M-AILABS"):
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
    with pytest.raises(InputError, match="no regular expression"):
        open_data(tmp_path, pattern="(?P<label>")
    with pytest.raises(InputError, match=r"has no group"):
        open_data(tmp_path, pattern="human")


def test_links_are_followed_and_a_loop_is_entered_once(tmp_path: Path) -> None:
    sound(tmp_path / "elsewhere" / "a.wav", tmp_path / "data" / "fake" / "b.wav")
    (tmp_path / "data" / "real").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "self.wav").symlink_to("self.wav")
    table = open_data(tmp_path / "data").table
    assert table["path"].tolist() == ["fake/b.wav", "real/a.wav", "real/self.wav"]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a/../../b.wav", "C:\\x.wav"])
def test_a_path_that_leads_out_of_the_data_is_refused(tmp_path: Path, path: str) -> None:
    write(tmp_path / "protocol.csv", f"utterance_id,path,label\na,{path},spoof\n")
    with pytest.raises(InputError, match="leads out of the data folder"):
        open_data(tmp_path)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("LA_0039 LA_E_1 - A11\n", "has 4 columns, not 5"),
        ("LA_0039 LA_E_1 - A11 spoof\nLA_0039 LA_E_2 -\n", "line 2 has fewer than 5 columns"),
        ("", "is empty"),
        ("LA_0039 LA_E_1 - A11 spoof\nLA_0039 LA_E_1 - - bonafide\n", "two utterances have the id"),
        ("LA_0039 LA_E_1 - A11 fakish\n", "label of 'LA_E_1' is 'fakish'"),
    ],
)
def test_a_broken_protocol_names_the_file_and_cause(tmp_path: Path, text: str, cause: str) -> None:
    folder = tmp_path / "ASVspoof2019_LA_cm_protocols"
    write(folder / "ASVspoof2019.LA.cm.eval.trl.txt", text)
    with pytest.raises(InputError, match=cause):
        open_data(tmp_path)


def test_an_asked_for_layout_is_the_only_one_tried(tmp_path: Path) -> None:
    sound(tmp_path / "real" / "a.wav", tmp_path / "fake" / "a.wav")
    with pytest.raises(InputError, match=r"looked for gt/ .*; found fake, real"):
        open_data(tmp_path, layout="librisevoc")
    with pytest.raises(InputError, match="did you mean"):
        open_data(tmp_path, layout="librisevok")
    assert len(open_data(tmp_path, layout="folders").table) == 2


def test_a_protocol_of_a_million_rows(tmp_path: Path) -> None:
    rows = "".join(f"S{i % 100:03d} U{i:07d} - A{i % 9:02d} spoof\n" for i in range(1_000_000))
    folder = tmp_path / "ASVspoof2019_LA_cm_protocols"
    write(folder / "ASVspoof2019.LA.cm.eval.trl.txt", rows)
    assert len(open_data(tmp_path).table) == 1_000_000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    write(tmp_path / "protocol.csv", "utterance_id,path,label\n")
    (tmp_path / "protocol.csv").chmod(0)
    with pytest.raises(InputError, match=r"protocol\.csv cannot be read"):
        open_data(tmp_path)
