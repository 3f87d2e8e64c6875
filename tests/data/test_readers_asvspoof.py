"""Readers of the ASVspoof challenges: fixtures in the published layouts give exact counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from tests.support.layouts import counts, sound, write


def test_asvspoof2019_la(tmp_path: Path) -> None:
    folder = tmp_path / "LA" / "ASVspoof2019_LA_cm_protocols"
    write(folder / "ASVspoof2019.LA.cm.train.trn.txt", "LA_0079 LA_T_1138215 - - bonafide\n")
    write(
        folder / "ASVspoof2019.LA.cm.eval.trl.txt",
        "LA_0039 LA_E_2834763 - A11 spoof\nLA_0014 LA_E_8877452 - A14 spoof\n"
        "LA_0012 LA_E_5932896 - - bonafide\n",
    )
    data = open_data(tmp_path)
    assert data.name == "asvspoof2019-la"
    assert counts(data.table, "split", "label") == {
        ("test", "bonafide"): 1,
        ("test", "spoof"): 2,
        ("train", "bonafide"): 1,
    }
    row = data.table.set_index("utterance_id").loc["LA_E_2834763"]
    assert row["speaker"] == "LA_0039"
    assert row["spoof_system"] == "A11"
    assert row["path"] == "LA/ASVspoof2019_LA_eval/flac/LA_E_2834763.flac"
    assert open_data(tmp_path / "LA").table.shape == data.table.shape


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
    with pytest.raises(InputError, match=r"but not its key keys/LA/CM/trial_metadata\.txt"):
        open_data(tmp_path)
    write(
        tmp_path / "keys/LA/CM/trial_metadata.txt",
        "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
        "LA_0020 LA_E_5464494 g722 loc_tx bonafide bonafide notrim progress\n"
        "LA_0020 LA_E_5464495 g722 loc_tx bonafide bonafide notrim eval\n",
    )
    data = open_data(tmp_path)
    assert data.name == "asvspoof2021-la"
    assert counts(data.table, "split") == {"other": 1, "test": 2}
    row = data.table.set_index("utterance_id").loc["LA_E_9332881"]
    assert (row["codec"], row["transmission"], row["trim"]) == ("alaw", "ita_tx", "notrim")
    assert data.table.set_index("utterance_id").loc["LA_E_5464495", "spoof_system"] == "-"


@pytest.mark.parametrize(
    ("audio", "key"),
    [
        ("ASVspoof2021_LA_eval/ASVspoof2021_LA_eval/flac", "LA-keys-full/keys/LA/CM"),
        ("LA/ASVspoof2021_LA_eval/flac", "LA/keys/LA/CM"),
        ("ASVspoof2021_LA_eval/flac", "ASVspoof2021_LA_eval/keys/LA/CM"),
        ("flac", "keys/LA/CM"),  # the folder of the corpus itself is given
    ],
)
def test_asvspoof2021_as_archives_and_mirrors_unpack(tmp_path: Path, audio: str, key: str) -> None:
    root = tmp_path / "ASVspoof2021_LA_eval"
    (root / audio).mkdir(parents=True)
    row = "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
    write(root / key / "trial_metadata.txt", row)
    assert open_data(root).table["path"].tolist() == [f"{audio}/LA_E_9332881.flac"]


def test_asvspoof2021_df_in_folders_of_its_four_archives(tmp_path: Path) -> None:
    rows = ""
    for part in range(4):
        name = f"ASVspoof2021_DF_eval_part{part:02d}/ASVspoof2021_DF_eval/flac/DF_E_{part}.flac"
        sound(tmp_path / name)
        rows += f"LA_0023 DF_E_{part} nocodec asvspoof A14 spoof notrim eval wave - - - -\n"
    rows += "LA_0023 DF_E_9 nocodec asvspoof A14 spoof notrim eval wave - - - -\n"
    write(tmp_path / "DF-keys-full" / "keys/DF/CM/trial_metadata.txt", rows)
    table = open_data(tmp_path).table
    there = [(tmp_path / path).is_file() for path in table["path"]]
    assert there == [True, True, True, True, False]
    assert len(set(table["path"])) == 5


def test_several_corpora_in_one_folder_are_refused(tmp_path: Path) -> None:
    for access in ("LA", "PA"):
        folder = tmp_path / access / access / f"ASVspoof2019_{access}_cm_protocols"
        row = f"{access}_0079 {access}_T_1 - - bonafide\n"
        write(folder / f"ASVspoof2019.{access}.cm.train.trn.txt", row)
    with pytest.raises(InputError, match=r"asvspoof2019-la, asvspoof2019-pa\): select one with"):
        open_data(tmp_path)
    data = open_data(tmp_path, layout="asvspoof2019-pa")
    assert data.table["path"].tolist() == ["PA/PA/ASVspoof2019_PA_train/flac/PA_T_1.flac"]
    assert open_data(tmp_path / "LA").name == "asvspoof2019-la"


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
        "T_4850 T_0000000000 F - - - AC3 A05 spoof -\n"
        "T_0001 T_0000000001 M - - - - bonafide bonafide -\n",
    )
    write(
        protocols / "ASVspoof5.eval.track_1.tsv",
        "E_1 E_0000000001 F - 0 - AC1 A20 spoof -\nE_1 E_0000000002 F C05 3 - AC1 A20 spoof -\n",
    )
    (tmp_path / "flac_E_eval").mkdir()
    table = open_data(tmp_path).table.set_index("utterance_id")
    assert counts(table, "split") == {"test": 2, "train": 2}
    assert table["codec"].to_dict() == {
        "E_0000000001": "none",
        "E_0000000002": "mp3_wb",
        "T_0000000000": "none",
        "T_0000000001": "none",
    }
    assert table.loc["T_0000000001", "spoof_system"] == "-"
    assert table.loc["E_0000000001", "codec_quality"] == "-"
    assert table.loc["E_0000000002", "path"] == "flac_E_eval/E_0000000002.flac"
    assert table.loc["T_0000000000", "path"] == "flac_T/T_0000000000.flac"


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


def test_a_protocol_of_a_million_rows(tmp_path: Path) -> None:
    rows = "".join(f"S{i % 100:03d} U{i:07d} - A{i % 9:02d} spoof\n" for i in range(1_000_000))
    folder = tmp_path / "ASVspoof2019_LA_cm_protocols"
    write(folder / "ASVspoof2019.LA.cm.eval.trl.txt", rows)
    assert len(open_data(tmp_path).table) == 1_000_000
