"""Readers of corpora since 2024: fixtures in the published layouts give exact counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from tests.support.layouts import counts, sound, write


def spoofceleb(root: Path) -> Path:
    for split, attacks in (
        ("train", ("a00", "a01", "a02")),
        ("development", ("a00", "a06")),
        ("evaluation", ("a00", "a00", "a14", "a23")),
    ):
        rows = []
        for number, attack in enumerate(attacks):
            file = f"{attack}/id1{number}/xyz-0000{number}-001.flac"
            sound(root / "flac" / split / file)
            rows.append(f"{file},id1{number},{attack}\n")
        write(root / "metadata" / f"{split}.csv", "file,speaker,attack\n" + "".join(rows))
    return root


def test_spoofceleb(tmp_path: Path) -> None:
    root = spoofceleb(tmp_path / "spoofceleb")
    data = open_data(tmp_path)
    assert data.name == "spoofceleb"
    assert counts(data.table, "split", "label") == {
        ("dev", "bonafide"): 1,
        ("dev", "spoof"): 1,
        ("test", "bonafide"): 2,
        ("test", "spoof"): 2,
        ("train", "bonafide"): 1,
        ("train", "spoof"): 2,
    }
    assert all((tmp_path / path).is_file() for path in data.table["path"])
    row = data.table.set_index("utterance_id").loc["evaluation/a23/id13/xyz-00003-001.flac"]
    assert (row["spoof_system"], row["speaker"]) == ("a23", "id13")
    assert set(data.table.loc[data.table["label"] == "bonafide", "spoof_system"]) == {"-"}
    assert len(open_data(root).table) == 9
    write(root / "metadata" / "train.csv", "file,attack\na,a00\n")
    with pytest.raises(InputError, match=r"train\.csv: missing column speaker; has file, attack"):
        open_data(root)


def test_spoofceleb_with_audio_elsewhere(tmp_path: Path) -> None:
    root = spoofceleb(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (root / "flac").rename(tmp_path / "b" / "flac")
    with pytest.raises(InputError, match=r"layout spoofceleb: it has .* lacks flac .*--audio-root"):
        open_data(root)


def test_codecfake(tmp_path: Path) -> None:
    labels = tmp_path / "label"
    parts = {
        "train": ["SSB1.wav real 0", "F01_SSB1.wav fake 1", "F06_SSB1.wav fake 6 "],
        "dev": ["SSB2.wav real 0", "F02_SSB2.wav fake 2"],
        "C1": ["p225_1.wav real 0", "F01_p225_1.wav fake 1"],
        "C7": ["p225_1.wav real 0", "F07_p225_1.wav fake 7"],
    }
    homes = {"C1": "test/C1", "C7": "C7"}  # as described, and as the archives unpack
    for name, rows in parts.items():
        write(labels / f"{name}.txt", "\n".join(rows) + "\n")
        sound(*(tmp_path / homes.get(name, name) / row.split()[0] for row in rows))
    write(labels / "README.txt", "not a list\n")
    data = open_data(tmp_path)
    assert data.name == "codecfake"
    assert counts(data.table, "split", "condition", "label") == {
        ("dev", "-", "bonafide"): 1,
        ("dev", "-", "spoof"): 1,
        ("test", "C1", "bonafide"): 1,
        ("test", "C1", "spoof"): 1,
        ("test", "C7", "bonafide"): 1,
        ("test", "C7", "spoof"): 1,
        ("train", "-", "bonafide"): 1,
        ("train", "-", "spoof"): 2,
    }
    assert counts(data.table, "spoof_system") == {"-": 4, "F01": 2, "F02": 1, "F06": 1, "F07": 1}
    assert all((tmp_path / path).is_file() for path in data.table["path"])
    write(labels / "C7.txt", "p225_1.wav echt 0\n")
    with pytest.raises(InputError, match=r"C7\.txt: line 1: the label 'echt'"):
        open_data(tmp_path)


def test_deepfake_eval_2024(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(
        tmp_path / "audio-metadata-publish.csv",
        "Filename,Date,Ground Truth,Public Comments,Finetuning Set\n"
        "kIZg7-j.mp3,2024-04-23,Fake,dupe,Train\n"
        'oBXe3D.m4a,2024-05-14,Real,"cut, ""twice""",Train\n'
        "fnGAuF.mp4,2024-02-21,Fake,,Test\n"
        "ZxZM2a.wav,2024-07-09,Real,,Test\n"
        "9RxMzI.wav,2024-09-12,Unknown,,Test\n",
    )
    sound(tmp_path / "audio-data" / "fnGAuF.mp4")
    with caplog.at_level("WARNING", "launderbench"):
        data = open_data(tmp_path)
    assert "1 recordings of unknown class are left out" in caplog.text
    assert data.name == "deepfake-eval-2024"
    assert counts(data.table, "split", "label") == {
        (split, label): 1 for split in ("train", "test") for label in ("bonafide", "spoof")
    }
    assert "audio-data/fnGAuF.mp4" in set(data.table["path"])
    elsewhere = open_data(tmp_path, audio_root=tmp_path / "audio-data")
    assert "fnGAuF.mp4" in set(elsewhere.table["path"])
    write(tmp_path / "audio-metadata-publish.csv", "Filename,Label\na,b\n")
    with pytest.raises(InputError, match="missing column ground truth; has filename, label"):
        open_data(tmp_path)


def test_replaydf(tmp_path: Path) -> None:
    for devices in ("09252b6aeda2", "0129dbe27753"):
        folder = tmp_path / "wav" / devices
        sound(folder / "benign" / "de" / "02f7.wav", folder / "benign" / "en" / "9d0c.wav")
        sound(
            folder / "spoof" / "bark" / "de" / "9d0b.wav",
            folder / "spoof" / "vits" / "en" / "1.wav",
        )
        write(folder / "meta.csv", "original_file|recorded_file|label\nx|y|spoof\n")
        sound(tmp_path / "aux" / devices / "RIR.wav")
    data = open_data(tmp_path)
    assert data.name == "replaydf"
    assert counts(data.table, "label", "spoof_system", "language") == {
        ("bonafide", "-", "de"): 2,
        ("bonafide", "-", "en"): 2,
        ("spoof", "bark", "de"): 2,
        ("spoof", "vits", "en"): 2,
    }
    assert counts(data.table, "devices") == {"09252b6aeda2": 4, "0129dbe27753": 4}
    assert len(open_data(tmp_path / "wav").table) == 8


def test_folders_called_benign_are_no_replaydf(tmp_path: Path) -> None:
    sound(*(tmp_path / s / c / "a.wav" for s in ("train", "test") for c in ("benign", "spoof")))
    data = open_data(tmp_path)
    assert data.name != "replaydf"
    assert counts(data.table, "split") == {"test": 2, "train": 2}


MLAAD = "path|original_file|language|is_original_language|duration|training_data|model_name"


def mlaad(root: Path, *rows: str, more: str = "|architecture|transcript") -> None:
    for language, model in (("en", "vits"), ("de", "bark")):
        text = "\n".join(
            [MLAAD + more, *(row.format(f"./fake/{language}/{model}") for row in rows)]
        )
        write(root / "fake" / language / model / "meta.csv", text + "\n")


def test_mlaad_since_version_5(tmp_path: Path) -> None:
    row = "{{}}/{0}.wav|en_US/by_book/female/mary/b/wavs/{0}.wav|en|True|1.0|x|vits|VITS|{1}|r{0}"
    mlaad(
        tmp_path,
        row.format("a", '"Oh, she said'),  # a quotation mark without its pair
        row.format("b", 'or "never" he said'),
        row.format("c", "no more"),
        more="|architecture|transcript|reference_speaker",
    )
    sound(tmp_path / "M-AILABS/en_US/by_book/female/mary/b/wavs/a.wav")
    data = open_data(tmp_path)
    assert counts(data.table, "label", "spoof_system") == {
        ("bonafide", "-"): 1,
        ("spoof", "bark"): 3,
        ("spoof", "vits"): 3,
    }
    assert counts(data.table, "reference_speaker") == {"-": 1, "ra": 2, "rb": 2, "rc": 2}
    assert "fake/de/bark/c.wav" in set(data.table["path"])
    with pytest.raises(InputError, match=rf"{tmp_path}, above it, has the layout mlaad"):
        open_data(tmp_path / "fake" / "de" / "bark")


def test_mlaad_tiny(tmp_path: Path) -> None:
    mlaad(tmp_path, '{}/a.wav|-|en|True|1.0|x|vits|VITS|"text')  # without a pair up to the end
    sound(tmp_path / "original" / "en_US" / "x.wav", tmp_path / "original" / "de_DE" / "y.wav")
    table = open_data(tmp_path).table
    assert counts(table, "label") == {"bonafide": 2, "spoof": 2}


@pytest.mark.parametrize("inside", [True, False])
def test_the_protocol_folder_in_place_of_its_parent(tmp_path: Path, inside: bool) -> None:
    name = "ASVspoof2019_LA_cm_protocols"
    folder = tmp_path / "LA" / (name if not inside else "protocols")
    write(folder / "ASVspoof2019.LA.cm.eval.trl.txt", "LA_1 LA_E_1 - A11 spoof\n")
    audio = (folder if inside else tmp_path / "LA") / "ASVspoof2019_LA_eval" / "flac"
    sound(audio / "LA_E_1.flac")
    data = open_data(folder)
    assert data.name == "asvspoof2019-la"
    assert [(data.root / path).is_file() for path in data.table["path"]] == [True]
    with pytest.raises(InputError, match="of an ASVspoof corpus give the folder"):
        open_data(folder / "ASVspoof2019.LA.cm.eval.trl.txt")
    moved = open_data(folder, audio_root=tmp_path)
    assert [(moved.root / path).is_file() for path in moved.table["path"]] == [True]


def test_the_protocol_folder_of_asvspoof5(tmp_path: Path) -> None:
    folder = tmp_path / "ASVspoof5_protocols"
    write(folder / "ASVspoof5.train.tsv", "T_4850 T_0000000000 F - - - AC3 A05 spoof -\n")
    write(
        folder / "ASVspoof5.eval.track_1.tsv",
        "E_1 E_0000000002 F C05 3 E_0009426328 AC1 A20 spoof -\n"
        "E_1 E_0000000003 F - 0 - - bonafide bonafide -\n",
    )
    sound(tmp_path / "flac_T" / "T_0000000000.flac", tmp_path / "flac_E_eval" / "E_0000000002.flac")
    sound(tmp_path / "flac_E_eval" / "E_0000000003.flac")
    data = open_data(folder)
    assert all((data.root / path).is_file() for path in data.table["path"])
    row = data.table.set_index("utterance_id").loc["E_0000000002"]
    assert row[["codec", "codec_quality", "codec_seed", "attack_tag"]].tolist() == [
        "mp3_wb",
        "3",
        "E_0009426328",
        "AC1",
    ]
    assert data.digest() == open_data(tmp_path).digest()


def test_the_key_of_stage_1_of_asvspoof2021_df(tmp_path: Path) -> None:
    key = tmp_path / "keys/DF/CM/trial_metadata.txt"
    write(
        key,
        "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress\n"
        "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval\n"
        "TEF2 DF_E_2000014 low_m4a vcc2020 bonafide bonafide notrim eval\n",
    )
    with pytest.raises(InputError, match=r"nearest to the layout asvspoof2021-df: .* lacks"):
        open_data(tmp_path)
    (tmp_path / "ASVspoof2021_DF_eval" / "flac").mkdir(parents=True)
    table = open_data(tmp_path).table
    assert counts(table, "split", "label") == {
        ("other", "spoof"): 1,
        ("test", "bonafide"): 1,
        ("test", "spoof"): 1,
    }
    audio = tmp_path / "audio" / "ASVspoof2021_DF_eval" / "flac"
    audio.mkdir(parents=True)
    moved = open_data(tmp_path / "keys", layout="asvspoof2021-df", audio_root=tmp_path / "audio")
    assert set(moved.table["path"]) == {
        f"ASVspoof2021_DF_eval/flac/DF_E_20000{n}.flac" for n in (11, 13, 14)
    }
    write(key, "LA_0023 DF_E_2000011 nocodec\n")
    with pytest.raises(InputError, match=r"has 3 columns, not 13: .*; or 8: speaker"):
        open_data(tmp_path)


def test_a_misspelled_folder_and_a_part_of_a_corpus_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "LA" / "ASVspoof2019_LA_cm_protocols"
    write(folder / "ASVspoof2019.LA.cm.eval.trl.txt", "LA_1 LA_E_1 - A11 spoof\n")
    part = tmp_path / "LA" / "ASVspoof2019_LA_train" / "flac"
    part.mkdir(parents=True)
    with pytest.raises(InputError, match=rf"{tmp_path / 'LA'}, above it, has the layout"):
        open_data(part)
    folder.rename(tmp_path / "LA" / "ASVspoof2019_LA_protocols")
    with pytest.raises(InputError, match=r"ASVspoof2019_LA_protocols is called ASVspoof2019_LA_cm"):
        open_data(tmp_path)


def test_metadata_without_the_needed_columns_is_named(tmp_path: Path) -> None:
    write(tmp_path / "meta.csv", "name,speaker\na,b\n")
    with pytest.raises(InputError, match=r"meta\.csv lacks a column path and a column label"):
        open_data(tmp_path)
