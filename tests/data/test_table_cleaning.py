"""Tables as people have them: encodings, blanks, paths of other machines, names of columns."""

from __future__ import annotations

import io
import json
import posixpath
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.core.errors import InputError
from benchmark.data.cleaning import clean_paths, is_outside, plainly_clean
from benchmark.data.loading import open_data
from benchmark.data.protocol import LABELS, SPLITS, Protocol
from tests.support.layouts import AUDIO, counts, encoded, sound, write

ROWS = [["a", "x/a.wav", "spoof"], ["b", "x/b.wav", "bonafide"]]


def saved(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def read(path: Path) -> list[list[str]]:
    found = open_data(path).table[["utterance_id", "path", "label"]].values.tolist()
    return [[str(cell) for cell in row] for row in found]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("utterance_id,path,label\na,x/a.wav,spoof\nb,x/b.wav,bonafide\n", "utf-8"),
        ("utterance_id,path,label\r\na,x/a.wav,spoof\r\nb,x/b.wav,bonafide", "utf-8-sig"),
        ("utterance_id;path;label\na;x/a.wav;spoof\nb;x/b.wav;bonafide\n", "utf-16"),
        ("utterance_id\tpath\tlabel\na\tx/a.wav\tspoof\nb\tx/b.wav\tbonafide\n", "utf-32"),
        ("utterance_id, path, label\n a , x\\a.wav , Fake \nb,./x//b.wav, REAL\n", "utf-8"),
        ('id,file,key\n"a","x/a.wav","fake"\n"b", "x/./b.wav", "genuine"\n', "utf-8"),
        (",id,file,key\n0,a,x/a.wav,fake\n1,b,y/../x/b.wav,genuine\n", "utf-8"),
        ("Unnamed: 0,ID,File,Class\n0,a,x/a.wav,AI-generated\n1,b,x/b.wav,Real Audio\n", "utf-8"),
        ("\ufeffid,path,label,\na,\ufeffx/a.wav,spoofed,\nb,x/b.wav,humans,\n", "utf-8"),
        ("id,path,label\n\na,x/a.wav,spoof\n\n\nb,x/b.wav,bona fide\n", "utf-8"),
    ],
)
def test_one_table_in_many_spellings(tmp_path: Path, text: str, encoding: str) -> None:
    assert read(saved(tmp_path / "t.csv", text, encoding)) == ROWS


def test_absolute_paths_inside_the_folder_become_relative(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    text = f"id,path,label\na,{real}/x/a.wav,spoof\nb,{tmp_path}/link/x/b.wav,bonafide\n"
    saved(real / "protocol.csv", text)
    assert read(tmp_path / "link") == ROWS


def test_a_name_that_exists_as_it_stands_is_kept(tmp_path: Path) -> None:
    sound(tmp_path / "a\\b.wav", tmp_path / " c.wav")
    assert clean_paths(["a\\b.wav", " c.wav", "./ c.wav", "d\\e.wav"], tmp_path) == [
        "a\\b.wav",
        " c.wav",
        " c.wav",
        "d/e.wav",
    ]


@pytest.mark.parametrize(
    "path", ["../x.wav", "/srv/x.wav", "C:\\x.wav", "a/../../x.wav", "..\\x.wav", "\\\\host\\x.wav"]
)
def test_an_escape_names_file_and_line_and_the_way_out(tmp_path: Path, path: str) -> None:
    saved(tmp_path / "protocol.csv", f"id,path,label\nq,q.wav,real\nz,{path},spoof\n")
    with pytest.raises(InputError, match=r"protocol\.csv: line 3: .* outside .*--audio-root"):
        open_data(tmp_path)


def test_an_escape_in_parquet_names_the_row(tmp_path: Path) -> None:
    rows = pd.DataFrame({"path": ["z.wav", "../a.wav"], "label": ["real", "fake"]})
    rows.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t\.parquet: row 2: the path"):
        open_data(tmp_path / "t.parquet")


def test_audio_may_lie_elsewhere(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    sound(audio / "x" / "a.wav", audio / "x" / "b.flac")
    text = f"id,path,label\na,{audio}/x/a.wav,spoof\nb,x/b,bonafide\n"
    table = saved(tmp_path / "tables" / "t.csv", text)
    data = open_data(table, audio_root=audio)
    assert data.root == audio
    assert data.table["path"].tolist() == ["x/a.wav", "x/b.flac"]
    with pytest.raises(InputError, match="--audio-root: no such folder"):
        open_data(table, audio_root=tmp_path / "nowhere")
    sound(tmp_path / "f" / "real" / "a.wav", tmp_path / "f" / "fake" / "a.wav")
    with pytest.raises(InputError, match=r"layout folders.*--audio-root is for tables"):
        open_data(tmp_path / "f", audio_root=audio)


def test_a_path_under_two_labels_is_refused(tmp_path: Path) -> None:
    file = saved(tmp_path / "t.csv", "id,path,label\na,x.wav,spoof\nb,y.wav,real\nc,./x.wav,real\n")
    with pytest.raises(InputError, match=r"'x\.wav' is listed as .* \(lines 2 and 4\)"):
        open_data(file)
    file = saved(tmp_path / "t.csv", "path,label\nx.wav,spoof\n./x.wav,real\n")
    with pytest.raises(InputError, match=r"'x\.wav' is listed as spoof .* and bonafide"):
        open_data(file)


def test_ids_without_endings_take_the_one_file(tmp_path: Path) -> None:
    sound(tmp_path / "wavs" / "a.wav", tmp_path / "flac" / "b.1.flac", tmp_path / "c.ogg")
    (tmp_path / "wavs" / "a.txt").touch()
    file = saved(tmp_path / "t.csv", "id,label\na,spoof\nb.1,real\nc,real\nd,real\n")
    assert open_data(file).table["path"].tolist() == ["wavs/a.wav", "flac/b.1.flac", "c.ogg", "d"]
    sound(tmp_path / "flac" / "a.flac")
    with pytest.raises(InputError, match=r"line 2: 'a' has no ending, .*a\.flac and wavs/a\.wav"):
        open_data(file)
    saved(file, "file,label\nwavs/a,spoof\nflac/a,real\n")  # the folder tells which
    assert open_data(file).table["path"].tolist() == ["flac/a.flac", "wavs/a.wav"]
    sound(tmp_path / "wavs" / "a.mp3")
    with pytest.raises(InputError, match=r"there are wavs/a\.mp3 and wavs/a\.wav"):
        open_data(file)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"id;path;label\n\xe4;\xe4.wav;fake\n", "save it as UTF-8"),
        ("id,path,label\na,b,c\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"path,Path,label\na,b,fake\n", "two columns have the name"),
        (b"file,label\na.wav,fake\nb.wav,echt\n", r"line 3: the label 'echt' .*--labels"),
        (b"id,path,label\n,a.wav,fake\n", "row 1 has no utterance_id"),
        (b"id,path,label\nz,,fake\n", r"line 2: the utterance 'z' has no path"),
        (b"id,path,label,split\nz,a.wav,fake,x\n", r"line 2: split of 'z' is 'x'; expected train"),
        (b"id,path,label\nz,a.wav,fake\nz,b.wav,fake\n", r"the id 'z' \(lines 2 and 3\)"),
        (b"name,label\nz,fake\n", "missing column utterance_id, path; has name, label"),
        (b"\xff\xfe\x00", "cannot be read as a table"),
        (b"a.wav,fake\nb.wav,real\n", "has a.wav, fake: add a first line with the names"),
        (b"id,path,label\na,a.wav,fake\n\xe4,b.wav,real\n", "line 3 is not UTF-8, at byte 1: 0xe4"),
        (b'id,path,label\na,"a.wav,fake\nb,b.wav,real\n', "line 2 has a quotation mark without"),
        (b"id,path,label\na,a.wav,fake\nb,b.wav,real,x\n", "line 3 has 4 columns, not 3"),
        (b"id,path,label\na,a.wav,fake,x\nb,b.wav,real,x\n", r"than the header \(line 2 has 4"),
    ],
)
def test_an_error_names_the_place_and_the_cause(tmp_path: Path, content: bytes, cause: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"t\.csv.*{cause}") as found:
        open_data(tmp_path / "t.csv")
    assert "\n" not in str(found.value)


def test_labels_may_name_one_class_only(tmp_path: Path) -> None:
    file = saved(tmp_path / "t.csv", "path,label\na.wav,real\nb.wav,vocoded\n")
    data = open_data(file, labels={"vocoded": "spoof"})
    assert data.table["label"].tolist() == ["bonafide", "spoof"]
    with pytest.raises(InputError, match="the label 'real' is neither"):
        open_data(file, labels={"vocoded": "spoof", "human": "bonafide"})


def test_json_lines_are_a_table(tmp_path: Path) -> None:
    lines = (
        '{"file": "a.wav", "label": "fake", "more": [1]}\n\n{"file": "b.wav", "label": "real"}\n'
    )
    assert read(saved(tmp_path / "t.jsonl", lines)) == [
        ["a.wav", "a.wav", "spoof"],
        ["b.wav", "b.wav", "bonafide"],
    ]


CELLS = st.one_of(
    st.sampled_from(
        ["", "a", "b.wav", "./b.wav", "..", "../c", "/", "real", "fake", "Spoof", "0", "1", "train",
         "test", " ", "\\", "C:\\a", '"', '""', "'", "a,b", "nan", "-", "\ufeff", "x\x00y"]
    ),
    st.text(max_size=8),
)  # fmt: skip
HEADERS = st.one_of(
    st.sampled_from(
        ["path", "label", "utterance_id", "file", "id", "split", "speaker", "Label", "", "made:x",
         "track", "Unnamed: 0", "pair", "duration", "source", "key", "class"]
    ),
    st.text(max_size=6),
)  # fmt: skip


def protocol_or_error(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_bytes(content)
        for given_path in (file, Path(folder)):
            try:
                data = open_data(given_path)
            except InputError as error:
                assert str(error).strip() and "\n" not in str(error), str(error)
            else:
                check(data)


def check(data: Protocol) -> None:
    assert isinstance(data, Protocol) and len(data.table)
    assert data.table["utterance_id"].is_unique
    assert set(data.table["label"]) <= set(LABELS) and set(data.table["split"]) <= set(SPLITS)
    assert not any(is_outside(path) or not path for path in data.table["path"])
    assert len(data.digest()) == 64


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(["t.csv", "t.tsv", "protocol.csv", "meta.csv", "metadata.csv"]),
    header=st.lists(HEADERS, min_size=1, max_size=5),
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=5),
    separator=st.sampled_from([",", ";", "\t", "|", " "]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"]),
)
def test_any_table_is_a_protocol_or_an_error_of_one_line(
    name: str, header: list[str], rows: list[list[str]], separator: str, end: str, encoding: str
) -> None:
    text = end.join(separator.join(cells) for cells in [header, *rows])
    protocol_or_error(name, text.encode(encoding, "replace"))


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(
        ["t.csv", "t.parquet", "t.jsonl", "protocol.csv", "metadata.jsonl", "metadata.parquet",
         "meta.csv", "data-00000-of-00001.parquet", "state.json", "dataset_dict.json", "t.txt"]
    ),
    start=st.sampled_from([b"", b"path,label\n", b"PAR1", b"\xef\xbb\xbf", b"\xff\xfe", b"{"]),
    content=st.binary(max_size=200),
)  # fmt: skip
def test_any_bytes_are_a_protocol_or_an_error_of_one_line(
    name: str, start: bytes, content: bytes
) -> None:
    protocol_or_error(name, start + content)


@settings(max_examples=200, deadline=None)
@given(
    path=st.text(alphabet=st.sampled_from("ab./\\ :C~"), max_size=12),
)
def test_a_cleaned_path_lies_inside_or_is_refused(path: str) -> None:
    root = Path("/data/root")
    (cleaned,) = clean_paths([path], root)
    if cleaned and not is_outside(cleaned):
        assert (root / cleaned).is_relative_to(root) and ".." not in Path(cleaned).parts
        assert clean_paths([cleaned], root) == [cleaned]


@settings(max_examples=300, deadline=None)
@given(paths=st.lists(st.text(alphabet=st.sampled_from("ab./\\ :\n\0\t"), max_size=6), max_size=3))
def test_the_fast_check_of_paths_overlooks_none(paths: list[str]) -> None:
    if plainly_clean(paths):
        assert all(path and "\0" not in path and not is_outside(path) for path in paths)
        assert [*map(posixpath.normpath, paths)] == paths == [path.strip() for path in paths]


def test_the_words_of_folders_reach_any_depth(tmp_path: Path) -> None:
    for name in ("train/real/s1", "train/fake/s2", "Dev/Human", "Dev/AI", "Test/RealAudio"):
        sound(tmp_path / name / "a.wav")
    sound(tmp_path / "Test/deepfakes/x/y/a.wav", tmp_path / "Test/fake_voices_16k/a.wav")
    assert counts(open_data(tmp_path).table, "split", "label") == {
        ("dev", "bonafide"): 1,
        ("dev", "spoof"): 1,
        ("test", "bonafide"): 1,
        ("test", "spoof"): 2,
        ("train", "bonafide"): 1,
        ("train", "spoof"): 1,
    }


@pytest.mark.parametrize(
    ("human", "machine"),
    [
        ("human", "AI"),
        ("genuine", "deepfakes"),
        ("real_audio", "fake_audio"),
        ("Bona-Fide", "SPOOFED"),
        ("corpus/original speech", "corpus/synthetic speech"),
        ("train_real", "train_fake"),
    ],
)
def test_usual_pairs_of_folders(tmp_path: Path, human: str, machine: str) -> None:
    sound(tmp_path / human / "a.wav", tmp_path / machine / "a.wav")
    table = open_data(tmp_path).table.set_index("path")
    assert table.loc[f"{human}/a.wav", "label"] == "bonafide"
    assert table.loc[f"{machine}/a.wav", "label"] == "spoof"


def test_labels_reach_folders_and_unknown_words_get_a_hint(tmp_path: Path) -> None:
    sound(tmp_path / "menschen" / "a.wav", tmp_path / "Maschine" / "a.wav")
    with pytest.raises(InputError, match=r"'Maschine=bonafide\|spoof,menschen=bonafide\|spoof'"):
        open_data(tmp_path)
    table = open_data(tmp_path, labels={"menschen": "bonafide", "maschine": "spoof"}).table
    assert table["label"].tolist() == ["spoof", "bonafide"]
    with pytest.raises(InputError, match=r"--labels names mensch, and no folder does"):
        open_data(tmp_path, labels={"mensch": "bonafide", "maschine": "spoof"})
    (tmp_path / "menschen").rename(tmp_path / "real")
    with pytest.raises(InputError, match=r"real/ says bonafide, .*'Maschine=spoof'"):
        open_data(tmp_path)
    assert len(open_data(tmp_path, labels={"maschine": "spoof"}).table) == 2


@pytest.mark.parametrize(
    ("folders", "cause"),
    [
        (("real/fake", "fake"), r"real/fake names two classes: .*\(real/\) and .*\(fake/\)"),
        (("real_fake", "fake"), r"real_fake names two classes"),
        (("train/test/real", "fake"), r"train/test/real names two splits: train .* and test"),
    ],
)
def test_a_folder_that_says_two_things_is_refused(
    tmp_path: Path, folders: tuple[str, ...], cause: str
) -> None:
    sound(*(tmp_path / name / "a.wav" for name in folders))
    with pytest.raises(InputError, match=cause):
        open_data(tmp_path)


def test_labels_say_which_of_two_words_counts(tmp_path: Path) -> None:
    sound(tmp_path / "fake" / "original_voice" / "a.wav", tmp_path / "real" / "a.wav")
    with pytest.raises(InputError, match="names two classes"):
        open_data(tmp_path)
    table = open_data(tmp_path, labels={"fake": "spoof", "real": "bonafide"}).table
    assert table["label"].tolist() == ["spoof", "bonafide"]


def test_files_outside_the_classes_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound(*(tmp_path / name / "a.wav" for name in ("train/real", "train/fake", "music", "real")))
    with caplog.at_level("WARNING", "launderbench"):
        table = open_data(tmp_path).table
    assert "in no folder of a class are not read: 1 (music/)" in caplog.text
    assert "in no folder of a split belong to none: 1" in caplog.text
    assert counts(table, "split") == {"other": 1, "train": 2}


def test_a_copy_of_in_the_wild_saved_again(tmp_path: Path) -> None:
    for number, text in enumerate(
        [
            ",file,speaker,label\n0,0.wav,Alec Guinness,spoof\n1,3.wav,Barack Obama,bona-fide\n",
            "Label;Speaker;Filename\nspoof;Alec Guinness;0.wav\nbona-fide;Barack Obama;3.wav\n",
            "FILE\tLABEL\tSPK\n0.wav\tfake\tAlec Guinness\n.\\3.wav\treal\tBarack Obama\n",
        ]
    ):
        write(tmp_path / str(number) / "meta.csv", text)
        data = open_data(tmp_path / str(number))
        assert data.name == "in-the-wild"
        assert data.table[["utterance_id", "path", "label", "speaker"]].values.tolist() == [
            ["0", "0.wav", "spoof", "Alec Guinness"],
            ["3", "3.wav", "bonafide", "Barack Obama"],
        ]


WAV = {"bytes": encoded(0.02), "path": "a.wav"}
COLUMNS = st.sampled_from(
    [
        pa.array(["real", "fake"]),
        pa.array(["a.wav", "b.wav"]),
        pa.array(["../a", None]),
        pa.array([0, 1]),
        pa.array([0.5, None]),
        pa.array([True, False]),
        pa.array([None, None]),
        pa.array([b"\x00", b"\xff"]),
        pa.array([["a"], []]),
        pa.array(["real", "fake"]).dictionary_encode(),
        pa.array([datetime(2024, 1, 1), None]),
        pa.array([Decimal("1.5"), None]),
        pa.array([{"a": 1, "b": "x"}, None]),
        pa.array([WAV, WAV], AUDIO),
        pa.array([{"bytes": None, "path": "b.wav"}, None], AUDIO),
        pa.array([{"bytes": b"", "path": "../../x"}, WAV], AUDIO),
        pa.array([{"array": [0.1], "sampling_rate": 8000}, None]),
    ]
)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    columns=st.dictionaries(
        st.one_of(st.sampled_from(["path", "label", "audio", "id", "split", "file"]), HEADERS),
        COLUMNS,
        min_size=1,
        max_size=5,
    ),
    names=st.sampled_from([None, ["fake", "real"], {"0": "fake"}, ["x"], 5]),
    file=st.sampled_from(["t.parquet", "test-00000-of-00001.parquet", "metadata.parquet"]),
    empty=st.booleans(),
)
def test_any_columns_are_a_protocol_or_an_error_of_one_line(
    cache: Path, columns: dict[str, pa.Array], names: object, file: str, empty: bool
) -> None:
    features = {"label": {"names": names, "_type": "ClassLabel"}, "audio": {"_type": "Audio"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table(columns).replace_schema_metadata(metadata)
    content = io.BytesIO()
    pq.write_table(table.slice(0, 0) if empty else table, content)
    protocol_or_error(file, content.getvalue())
