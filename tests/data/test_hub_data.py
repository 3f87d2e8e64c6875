"""Data sets of the Hugging Face hub: Parquet, Arrow, folders with metadata."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from benchmark.core import paths
from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from benchmark.data.readers import unpacking
from tests.support.layouts import counts, encoded, hub_table, save_arrow, sound, write

FAKE, REAL = 0, 1


def rows(count: int, start: int = 0, **more: object) -> list[dict[str, object]]:
    return [
        {
            "audio": {"bytes": encoded(), "path": f"clip{i}.wav"},
            "label": [FAKE, REAL][i % 2],
            **more,
        }
        for i in range(start, start + count)
    ]


def parquet(table: pa.Table, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)


@pytest.fixture
def hub(tmp_path: Path, cache: Path) -> Path:
    root = tmp_path / "corpus"
    table = hub_table(rows(70, speaker_id="p1"), ["fake", "real"])
    parquet(table.slice(0, 40), root / "data" / "train-00000-of-00002.parquet")
    parquet(table.slice(40), root / "data" / "train-00001-of-00002.parquet")
    parquet(hub_table(rows(4, 70, speaker_id="p2"), ["fake", "real"]),
            root / "data" / "test-00000-of-00001.parquet")  # fmt: skip
    return root


def test_parquet_is_unpacked_once(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_data(hub)
    assert data.name == "corpus"
    assert counts(data.table, "split", "label") == {
        ("test", "bonafide"): 2,
        ("test", "spoof"): 2,
        ("train", "bonafide"): 35,
        ("train", "spoof"): 35,
    }
    assert counts(data.table, "speaker") == {"p1": 70, "p2": 4}
    assert data.root.parent == paths.cache() / "hub"
    assert all((data.root / path).read_bytes() == encoded() for path in data.table["path"])
    assert sorted(data.table["utterance_id"])[:2] == ["clip0.wav", "clip1.wav"]
    monkeypatch.setattr(unpacking, "_unpack", None)
    assert open_data(hub).digest() == data.digest()


def test_a_loading_script_is_named_and_not_run(hub: Path, caplog: pytest.LogCaptureFixture) -> None:
    (hub / "corpus.py").write_text("raise SystemExit('this must never run')")
    with caplog.at_level(logging.WARNING, "launderbench"):
        open_data(hub)
    assert "corpus.py is code that comes with the data set and is not run" in caplog.text


def test_audio_inside_lies_nowhere_else(hub: Path) -> None:
    with pytest.raises(InputError, match=r"its audio inside test-00000.* leave out --audio-root"):
        open_data(hub, audio_root=hub)


def test_changed_files_are_unpacked_again(hub: Path) -> None:
    first = open_data(hub)
    parquet(hub_table(rows(2, 90, speaker_id="p3"), ["fake", "real"]),
            hub / "data" / "test-00000-of-00001.parquet")  # fmt: skip
    second = open_data(hub)
    assert second.root != first.root
    assert len(second.table) == 72


def test_memory_holds_one_block_of_rows(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    write_block = unpacking._write

    def watched(column: pa.Array, *others: object) -> tuple[list[str], list[str]]:
        seen.append(len(column))
        return write_block(column, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(unpacking, "_write", watched)
    open_data(hub)
    assert sum(seen) == 74 and max(seen) <= unpacking.BLOCK


def test_names_inside_never_leave_the_folder(tmp_path: Path, cache: Path) -> None:
    evil = ["../../evil.wav", "/tmp/evil.wav", "..\\evil.wav", "a/b/c.flac"]
    table = hub_table(
        [{"audio": {"bytes": encoded(), "path": p}, "label": i % 2} for i, p in enumerate(evil)],
        ["fake", "real"],
    )
    parquet(table, tmp_path / "d" / "data" / "test-00000-of-00001.parquet")
    data = open_data(tmp_path / "d")
    assert set(data.table["path"]) == {f"00000/{i:07d}.wav" for i in range(4)}
    assert not any(tmp_path.rglob("*evil*"))


def test_a_killed_unpacking_leaves_nothing(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_block = unpacking._write

    def stopped(column: pa.Array, inside: Path, first: int, bar: object) -> object:
        if first:
            raise KeyboardInterrupt
        return write_block(column, inside, first, bar)

    monkeypatch.setattr(unpacking, "_write", stopped)
    with pytest.raises(KeyboardInterrupt):
        open_data(hub)
    assert [p.name for p in (paths.cache() / "hub").iterdir()] == [".lock"]
    monkeypatch.undo()


def test_a_full_disk_is_one_error(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpacking, "_write", full)
    with pytest.raises(InputError, match=r"cannot be unpacked into .*No space left.*CACHE"):
        open_data(hub)


def test_a_cache_that_cannot_be_written_is_one_error(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "file", "")
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot be unpacked.*LAUNDERBENCH_CACHE"):
        open_data(hub)


def test_numbers_without_names_need_labels(tmp_path: Path, cache: Path) -> None:
    parquet(hub_table(rows(4)), tmp_path / "d" / "test-00000-of-00001.parquet")
    with pytest.raises(InputError, match=r"the label '0' is neither .*--labels"):
        open_data(tmp_path / "d")
    data = open_data(tmp_path / "d", labels={"0": "spoof", "1": "bonafide"})
    assert counts(data.table, "label") == {"bonafide": 2, "spoof": 2}


def test_two_configurations_are_not_mixed(tmp_path: Path, cache: Path) -> None:
    for name in ("core", "reddit"):
        parquet(hub_table(rows(2), ["fake", "real"]), tmp_path / name / "test-0-of-1.parquet")
    with pytest.raises(InputError, match=r"several configurations \(core, reddit\)"):
        open_data(tmp_path)
    assert len(open_data(tmp_path / "core").table) == 2


def test_arrow_as_saved_to_disk(tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "saved"
    save_arrow(hub_table(rows(6), ["fake", "real"]), root / "train", "train")
    save_arrow(hub_table(rows(2), ["fake", "real"]), root / "validation", "validation")
    (root / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "validation"]}))
    data = open_data(root)
    assert counts(data.table, "split") == {"dev": 2, "train": 6}
    assert "train/clip0.wav" in set(data.table["utterance_id"])  # both splits have a clip0.wav
    assert soundfile.info(data.root / data.table["path"][0]).samplerate == 16000
    assert counts(open_data(root / "train").table, "split") == {"train": 6}


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        ("{", r"state\.json cannot be read"),
        ("[]", r"state\.json is not a JSON object"),
        ('{"_data_files": [{"filename": "../x.arrow"}]}', "does not list data files"),
        ('{"_data_files": [{"filename": "y.arrow"}]}', r"names y\.arrow, which is missing"),
        ('{"_data_files": [], "_indices_files": [{"filename": "i.arrow"}]}', "flatten_indices"),
    ],
)
def test_a_damaged_index_is_one_error(tmp_path: Path, cache: Path, state: str, cause: str) -> None:
    save_arrow(hub_table(rows(2), ["fake", "real"]), tmp_path)
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(InputError, match=cause):
        open_data(tmp_path)


def test_odd_columns_are_one_error(tmp_path: Path, cache: Path) -> None:
    audio = {"bytes": encoded(), "path": "a.wav"}
    file = "test-00000-of-00001.parquet"
    parquet(hub_table([{"one": audio, "two": audio, "label": "fake"}]), tmp_path / "two" / file)
    with pytest.raises(InputError, match=r"several columns with audio \(one, two\)"):
        open_data(tmp_path / "two")
    parquet(hub_table([{"audio": audio, "text": "x"}]), tmp_path / "no" / file)
    with pytest.raises(InputError, match="but no column label"):
        open_data(tmp_path / "no")
    samples = [{"array": [0.0, 0.1], "sampling_rate": 16000}]
    parquet(pa.table({"audio": samples, "label": ["fake"]}), tmp_path / "samples" / file)
    with pytest.raises(InputError, match="holds samples, not audio files"):
        open_data(tmp_path / "samples")
    wide = {f"c{i}": ["x"] for i in range(600)}
    parquet(hub_table([{"audio": audio, "label": "fake", **wide}]), tmp_path / "wide" / file)
    with pytest.raises(InputError, match="more than 500"):
        open_data(tmp_path / "wide")


def test_damaged_parquet_is_one_error(hub: Path) -> None:
    file = hub / "data" / "train-00001-of-00002.parquet"
    content = bytearray(file.read_bytes())
    content[4:200] = b"\xff" * 196  # the head of the first page
    file.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"train-00001-of-00002\.parquet cannot be read"):
        open_data(hub)
    file.write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"cannot be read as Parquet"):
        open_data(hub)


def test_rows_that_name_files_are_read_where_these_lie(tmp_path: Path, cache: Path) -> None:
    sound(tmp_path / "wavs" / "a.wav", tmp_path / "wavs" / "b.wav")
    names = {"path": ["wavs/a.wav", "./wavs/b.wav"], "label": ["spoof", "bonafide"]}
    parquet(pa.table(names), tmp_path / "train.parquet")
    data = open_data(tmp_path)
    assert data.root == tmp_path and data.table["split"].tolist() == ["train", "train"]
    assert data.table["path"].tolist() == ["wavs/a.wav", "wavs/b.wav"]
    (tmp_path / "wavs").rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "wavs").mkdir()
    assert open_data(tmp_path, audio_root=tmp_path / "elsewhere").root == tmp_path / "elsewhere"


def test_echofake(tmp_path: Path, cache: Path) -> None:
    def part(words: list[str], split: str) -> None:
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        table = pa.table(
            {
                "utt_id": [f"T_{i}" for i in range(len(words))],
                "path": pa.array([{"bytes": encoded(), "path": f"{w}.mp3"} for w in words], kind),
                "label": words,
                "source_speaker_id": ["s1"] * len(words),
                "synthesis_details": [
                    {"model": "MaskGCT" if "fake" in w else None, "reference": "r"} for w in words
                ],
            }
        )
        parquet(table, tmp_path / "data" / f"{split}-00000-of-00001.parquet")

    every = ["bonafide", "replay_bonafide", "fake", "replay_fake"]
    part(every[:2], "train")
    part(every, "closed_set_eval")
    part(every, "open_set_eval")
    data = open_data(tmp_path)
    assert data.name == "echofake"
    assert counts(data.table, "split", "label") == {
        ("test", "bonafide"): 2,
        ("test", "spoof"): 6,
        ("train", "bonafide"): 1,
        ("train", "spoof"): 1,
    }
    assert counts(data.table, "label_word", "spoof_system", "replayed") == {
        ("bonafide", "-", "direct"): 3,
        ("replay_bonafide", "replay", "replayed"): 3,
        ("fake", "MaskGCT", "direct"): 2,
        ("replay_fake", "MaskGCT", "replayed"): 2,
    }
    assert set(data.table["speaker"]) == {"s1"}
    assert "open_set_eval/T_0" in set(data.table["utterance_id"])


def test_codecfake_of_the_hub(tmp_path: Path, cache: Path) -> None:
    table = hub_table(
        [
            {"audio": {"bytes": encoded(), "path": "p1_1.wav"}, "label": "spoofing",
             "speaker_id": "p1", "codec_name": "funcodec"},
            {"audio": {"bytes": encoded(), "path": "p1_2.wav"}, "label": "bonafide",
             "speaker_id": "p1", "codec_name": "original"},
        ]
    )  # fmt: skip
    parquet(table, tmp_path / "data" / "train-00000-of-00004.parquet")
    found = open_data(tmp_path).table
    assert counts(found, "label", "split") == {("bonafide", "train"): 1, ("spoof", "train"): 1}
    assert "funcodec" in set(found["spoof_system"])


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_audiofolder_with_metadata_in_each_split(tmp_path: Path, name: str) -> None:
    for split in ("train", "test"):
        sound(tmp_path / split / "a.wav", tmp_path / split / "sub" / "b.wav")
        rows = [("a.wav", "fake"), ("sub/b.wav", "real")]
        text = "file_name,label\n" + "".join(f"{n},{w}\n" for n, w in rows)
        if name.endswith("jsonl"):
            text = "".join(json.dumps({"file_name": n, "label": w}) + "\n" for n, w in rows)
        write(tmp_path / split / name, text)
    table = open_data(tmp_path).table
    assert table[["path", "label", "split"]].values.tolist() == [
        ["test/a.wav", "spoof", "test"],
        ["test/sub/b.wav", "bonafide", "test"],
        ["train/a.wav", "spoof", "train"],
        ["train/sub/b.wav", "bonafide", "train"],
    ]


def test_audiofolder_with_one_table_and_classes_in_folders(tmp_path: Path) -> None:
    sound(tmp_path / "train" / "Real" / "a.wav", tmp_path / "test" / "fakes" / "b.wav")
    text = "file_name,transcription\ntrain/Real/a.wav,one\ntest/fakes/b.wav,two\n"
    write(tmp_path / "metadata.csv", text)
    table = open_data(tmp_path).table
    assert table[["path", "label", "split", "transcription"]].values.tolist() == [
        ["test/fakes/b.wav", "spoof", "test", "two"],
        ["train/Real/a.wav", "bonafide", "train", "one"],
    ]


def test_folders_go_before_metadata_that_do_not_say_the_class(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound(*(tmp_path / c / f"{n}.wav" for c in ("real", "fake") for n in "ab"))
    rows = [
        f"{c}/{n}.wav,{m}\n" for c in ("real", "fake") for n, m in (("a", "sad"), ("b", "glad"))
    ]
    write(tmp_path / "metadata.csv", "file_name,label\n" + "".join(rows))
    assert counts(open_data(tmp_path).table, "label") == {"bonafide": 2, "spoof": 2}
    write(tmp_path / "metadata.csv", "file_name,label\n" + "".join(rows[:3]))
    with caplog.at_level("WARNING", "launderbench"):
        assert len(open_data(tmp_path).table) == 4
    assert "metadata.csv is not read: it does not list 1 audio files" in caplog.text
    write(tmp_path / "metadata.csv", "file_name,label\nreal/a.wav,real\nfake/a.wav,fake\n")
    with caplog.at_level("WARNING", "launderbench"):
        assert len(open_data(tmp_path).table) == 2
    assert "audio files that metadata.csv does not list are not read: 2" in caplog.text


def test_audiofolder_without_any_class_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "metadata.csv", "file_name,text\na.wav,x\n")
    with pytest.raises(InputError, match=r"metadata\.csv: missing column label, and the folders"):
        open_data(tmp_path)
    write(tmp_path / "metadata.csv", "file_name,label\na.wav,x\nb.wav\n,c,d\n")
    with pytest.raises(InputError, match=r"metadata\.csv"):
        open_data(tmp_path)
    (tmp_path / "metadata.csv").unlink()
    write(tmp_path / "metadata.jsonl", '{"file_name": "a.wav", "label": "fake"}\n\n{"file')
    with pytest.raises(InputError, match=r"metadata\.jsonl: line 3 is not JSON"):
        open_data(tmp_path)
