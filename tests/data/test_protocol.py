"""Protocols: validation, digests, opening folders, and limits."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from benchmark.core.errors import InputError
from benchmark.data import loading, trial_table
from benchmark.data.file_hashes import file_digests
from benchmark.data.protocol import Protocol, require_both_classes, trial_digest, validated
from tests.support import builders


def table(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"utterance_id": uid, "path": f"{uid}.wav", "label": label} for uid, label in rows]
    )


def test_defaults_are_filled_and_rows_sorted() -> None:
    filled = validated(table(("b", "spoof"), ("a", "bonafide")), Path("p.csv"))
    assert filled["utterance_id"].tolist() == ["a", "b"]
    assert filled["split"].tolist() == ["test", "test"]
    assert filled["speaker"].tolist() == ["-", "-"]


def test_two_utterances_with_one_id_are_refused() -> None:
    with pytest.raises(InputError, match=r"p\.csv: two utterances have the id 'a'"):
        validated(table(("a", "spoof"), ("a", "bonafide")), Path("p.csv"))


def test_a_label_outside_the_two_classes_names_the_row() -> None:
    with pytest.raises(InputError, match=r"label of 'b' is 'fake'; expected bonafide or spoof"):
        validated(table(("a", "bonafide"), ("b", "fake")), Path("p.csv"))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="missing column label"):
        validated(table(("a", "spoof")).drop(columns="label"), Path("p.csv"))


def test_blank_cells_take_the_defaults() -> None:
    filled = validated(table(("a", "spoof")).assign(speaker="", track="", split=""), Path("p.csv"))
    assert filled.loc[0, ["speaker", "track", "split"]].tolist() == ["-", "-", "test"]


def test_file_digests_follow_the_content(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    first = file_digests(tmp_path, ["a"])
    assert first == [hashlib.sha256(b"one").hexdigest()] == file_digests(tmp_path, ["a"])
    (tmp_path / "a").write_bytes(b"three")
    assert file_digests(tmp_path, ["a"]) == [hashlib.sha256(b"three").hexdigest()]


def test_the_trial_digest_is_over_ids_and_labels_alone() -> None:
    first = table(("a", "spoof"), ("b", "bonafide"))
    assert trial_digest(first) == trial_digest(first.iloc[::-1].assign(path="other"))
    assert trial_digest(first) != trial_digest(table(("a", "bonafide"), ("b", "bonafide")))
    assert trial_digest(first) != trial_digest(table(("a", "spoof"), ("c", "bonafide")))


def test_a_missing_class_is_refused(tmp_path: Path) -> None:
    protocol = Protocol("x", tmp_path, validated(table(("a", "spoof")), tmp_path))
    with pytest.raises(InputError, match="has no bonafide utterance"):
        require_both_classes(protocol, "the test split")


def test_real_and_fake_folders_are_a_data_set(tmp_path: Path) -> None:
    import soundfile

    for folder in ("real", "fake"):
        (tmp_path / folder / "deep er").mkdir(parents=True)
        soundfile.write(tmp_path / folder / "deep er" / "ü 1.wav", builders.voice(1, 0.2), 16000)
    protocol = loading.open_data(tmp_path)
    assert protocol.table["label"].tolist() == ["spoof", "bonafide"]
    assert protocol.table["path"].tolist() == ["fake/deep er/ü 1.wav", "real/deep er/ü 1.wav"]


def test_the_error_for_an_unknown_layout_names_wanted_and_found_files(tmp_path: Path) -> None:
    (tmp_path / "speech").mkdir()
    with pytest.raises(InputError, match=r"looked for protocol\.csv.*found speech"):
        loading.open_data(tmp_path)
    with pytest.raises(InputError, match="data folder not found"):
        loading.open_data(tmp_path / "nowhere")


def test_a_protocol_row_without_its_file_is_named(tmp_path: Path) -> None:
    root = builders.corpus(tmp_path / "toy", test=4, dev=2)
    (root / "flac" / "test_0002.flac").unlink()
    with pytest.raises(InputError, match=r"1 of 4 protocol rows have no file.*test_0002"):
        trial_table.with_digests(loading.open_data(root).split("test"))


def test_a_limit_keeps_the_classes_and_nests(toy: Path) -> None:
    test = loading.open_data(toy).split("test")
    small, large = trial_table.limited(test, 8), trial_table.limited(test, 16)
    assert len(small.table) == 8
    assert small.table["label"].value_counts().to_dict() == {"bonafide": 4, "spoof": 4}
    assert set(small.table["utterance_id"]) <= set(large.table["utterance_id"])
    assert small.digest() != test.digest()
    assert trial_table.limited(test, 1000).digest() == test.digest()
    with pytest.raises(InputError, match="LIMIT must be at least 2"):
        trial_table.limited(test, 1)


def test_tracks_put_the_headline_first(toy: Path) -> None:
    assert loading.open_data(toy).tracks() == ["neural", "classic"]
