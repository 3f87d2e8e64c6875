"""Score files as other tools, spreadsheets and baselines write them: read right, or refused."""

from __future__ import annotations

import codecs
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import launderbench
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from benchmark.exchange import score_formats, score_reader
from benchmark.exchange.import_scores import ImportRequest, import_file
from benchmark.exchange.score_reader import ScoreFile
from benchmark.exchange.trial_ids import TrialIds
from benchmark.scores.part_format import concatenated
from benchmark.scores.store import Store
from tests.support import builders

SHARED: dict[str, Any] = {  # one folder for all examples of a test
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}
IDS = tuple(f"test_{n:04d}" for n in range(12))
LABELS = ("bonafide", "spoof") * 6
SCORES = tuple(float(n) / 7 - 1 for n in range(12))
TRIALS = pd.DataFrame({"utterance_id": IDS, "path": [f"flac/{uid}.flac" for uid in IDS]})
TABLE = pd.DataFrame({"filename": IDS, "label": LABELS, "score": SCORES})


def rows(layout: str, head: str = "", ids: tuple[str, ...] = IDS) -> str:
    """Return a line per trial, filled into a layout."""
    return head + "".join(
        layout.format(id=uid, label=label, score=score, n=n, bit=int(label == "bonafide"))
        for n, (uid, label, score) in enumerate(zip(ids, LABELS, SCORES, strict=True))
    )


KINDS: dict[str, tuple[str | bytes, str]] = {
    "id score": (rows("{id} {score}\n"), "without a header, separated by blanks"),
    "score id": (rows("{score} {id}\n"), "scores in column 1, ids in column 2"),
    "id label score": (
        rows("{id} {label} {score}\n"),
        "ids in column 1, labels in column 2, scores in column 3",
    ),
    "id system key score": (
        rows("{id} A07 {label} {score}\n"),
        "labels in column 3, scores in column 4; not used: column 2",
    ),
    "id - system key score": (
        rows("{id} - A07 {label} {score}\n"),
        "labels in column 4, scores in column 5; not used: column 2, column 3",
    ),
    "cm-score": (rows("{id}\t{score}\n", "filename\tcm-score\n"), "separated by tab"),
    "log": (
        "epoch 1, 0.3\nThis is a log\r" + rows("Output, {id}, {bit}, {score}\nnext\n"),
        "the log of a baseline of ASVspoof 2021: 12 of 26 lines begin with `Output`",
    ),
    "quoted ids": (rows('"{id}",{score}\n'), "separated by comma"),
    "quoted ids and blanks": (rows('"{id}"  {score}\n'), "separated by blanks"),
    "single quotes": (rows("'{id}' {score}\n"), "separated by blanks"),
    "pandas with an index": (TABLE.to_csv(), "not used: column 1"),
    "pandas, index named": (
        TABLE.rename_axis("Unnamed: 0").to_csv(),
        "not used: column 'unnamed: 0'",
    ),
    "pandas without header": (TABLE.to_csv(header=False), "not used: column 1"),
    "R": (TABLE.to_csv(sep=" ").removeprefix('""').lstrip(" "), "not used: column 1"),
    "semicolons": (rows("{id};{score}\n"), "separated by semicolon"),
    "spreadsheet": (
        "sep=;\n" + TABLE.to_csv(sep=";", decimal=",", index=False),
        "separated by semicolon: ids in column 'filename', labels in column 'label', scores in"
        " column 'score'; decimal commas",
    ),
    "trailing separator": (rows("{id},{score},\n"), "separated by comma"),
    "BOM": (codecs.BOM_UTF8 + TABLE.to_csv(index=False).encode(), "with a header"),
    "UTF-16": (TABLE.to_csv(index=False, sep="\t").encode("utf-16"), "separated by tab"),
    "UTF-16, big end first": (
        codecs.BOM_UTF16_BE + rows("{id} {score}\n").encode("utf-16-be"),
        "without a header",
    ),
    "UTF-16 without mark": (rows("{id} {score}\n").encode("utf-16-le"), "without a header"),
    "CRLF": (rows("{id},{score}\r\n", "id,score\r\n"), "with a header"),
    "CR": (rows("{id},{score}\r", "id,score\r"), "with a header"),
    "endings": (rows("{id}.FLAC {score}\n"), "ids in column 1"),
    "folders": (rows("/corpora/mine/flac/{id}.flac {score}\n"), "ids in column 1"),
    "folders of Windows": (rows("D:\\data\\flac\\{id}.wav,{score}\n"), "ids in column 1"),
    "labels 0 and 1": (
        rows("{id},{bit},{score}\n", "id,label,score\n"),
        "labels in column 'label'",
    ),
    "comment as header": (rows("{id} {score}\n", "# id score\n"), "with a header"),
}


def read(path: Path, content: str | bytes, trials: pd.DataFrame = TRIALS) -> ScoreFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return score_reader.read(path, TrialIds(trials))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_recognised_by_its_content(kind: str, tmp_path: Path) -> None:
    content, said = KINDS[kind]
    found = read(tmp_path / "scores", content)
    ids = TrialIds(TRIALS)
    assert [ids.find(name) for name in found.table["id"]] == list(IDS)
    assert tuple(found.table["score"]) == SCORES
    assert said in found.assumed and found.assumed.endswith("scores are float64")


def test_ids_that_look_like_numbers_are_still_the_ids(tmp_path: Path) -> None:
    trials = pd.DataFrame({"utterance_id": [f"{n}.wav" for n in range(12)]})
    text = "".join(f"{n}.wav,{score}\n" for n, score in enumerate(SCORES))
    assert tuple(read(tmp_path / "a", text, trials).table["score"]) == SCORES
    trials = pd.DataFrame({"utterance_id": [str(n) for n in range(12)]})
    found = read(tmp_path / "b", text.replace(".wav", ""), trials)
    assert found.table["id"].tolist() == trials["utterance_id"].tolist()
    assert tuple(found.table["score"]) == SCORES


def test_a_folder_of_the_id_itself_is_never_left_out() -> None:
    ids = TrialIds(pd.DataFrame({"utterance_id": ["real/a.wav", "fake/a.wav", "fake/b.wav"]}))
    assert ids.find("/data/real/a.flac") == "real/a.wav"
    assert ids.find("./fake/a") == "fake/a.wav"
    assert ids.find("b.wav") == ids.find("real/b.wav") == ""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 trials without any detector, made by an import; read-only."""
    folder = tmp_path_factory.mktemp("kinds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(folder / "cache"))
        toy = builders.corpus(folder / "toy", test=12, dev=0, seconds=0.3)
        file = folder / "first.txt"
        file.write_text(rows("{id} {score}\n"))
        options = ["--detector", "first", "--run", folder / "run", "--data", toy]
        assert main(["import-scores", str(file), *map(str, options)]) == 0
    assert open_data(toy).table["utterance_id"].tolist() == list(IDS)
    return folder / "run"


@pytest.fixture
def mine(run: Path, tmp_path: Path) -> Path:
    """A copy of the run, to import into."""
    return shutil.copytree(run, tmp_path / "run")


def close(*, gap: float) -> dict[str, float]:
    """Return scores that separate the classes, all of them nearly 1, by steps of `gap`."""
    order = sorted(range(12), key=lambda n: LABELS[n] == "bonafide")
    return {IDS[n]: 1 - gap * (12 - place) for place, n in enumerate(order)}


def digest(folder: Path) -> str:
    return str(json.loads((folder / "run.json").read_text())["run_digest"])


def test_float64_scores_keep_their_error_rate_and_every_bit(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = close(gap=1e-12)
    assert len({np.float32(score) for score in scores.values()}) == 1
    file = tmp_path / "scores.txt"
    file.write_text("".join(f"{uid} {score!r}\n" for uid, score in scores.items()))
    assert main(["import-scores", str(file), "--detector", "fine", "--run", str(mine)]) == 0
    assert "scores are float64" in capsys.readouterr().out
    assert main(["report", str(mine)]) == 0
    board = pd.read_csv(mine / "leaderboard.csv").set_index("detector")
    assert board.loc["fine", "clean_eer"] == 0
    held = launderbench.load_scores(mine).query("detector == 'fine'").set_index("utterance_id")
    assert held["score"].to_dict() == scores

    before = digest(mine)
    assert main(["compact", str(mine)]) == 0
    assert main(["report", str(mine)]) == 0
    assert main(["verify", str(mine), "--digest", before]) == 0
    assert digest(mine) == before

    out = tmp_path / "out.csv"
    assert main(["export-scores", str(mine), "--detector", "fine", "--out", str(out)]) == 0
    again = ["import-scores", str(out), "--detector", "again", "--run", str(mine)]
    assert main(again) == 0
    both = launderbench.load_scores(mine)
    copy = both[both["detector"] == "again"].set_index("utterance_id")["score"]
    assert copy.to_dict() == scores


def test_parts_of_both_widths_are_read_together() -> None:
    """A unit of a float64 file may hold float32 scores only, as do imports of older versions."""
    narrow = pa.table({"score:x": pa.array([0.5], pa.float32())})
    wide = pa.table({"score:x": pa.array([0.1, None], pa.float64())})
    assert concatenated([narrow, wide])["score:x"].to_pylist() == [0.5, 0.1, None]


def test_float32_scores_are_stored_as_before(mine: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.txt"
    for name, shape in (("shortest", "{}"), ("nine", "{:.9g}")):
        texts = [shape.format(np.float32(score)) for score in SCORES]
        file.write_text("".join(f"{uid} {t}\n" for uid, t in zip(IDS, texts, strict=True)))
        assert main(["import-scores", str(file), "--detector", name, "--run", str(mine)]) == 0
        (part,) = [p for p in mine.glob("parts/*/*") if f"score:{name}" in pq.read_schema(p).names]
        assert str(pq.read_schema(part).field(f"score:{name}").type) == "float"
    scores = launderbench.load_scores(mine).query("detector == 'nine'")["score"]
    assert scores.tolist() == [float(np.float32(score)) for score in SCORES]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_scores_or_one_sentence(tmp_path: Path, content: bytes) -> None:
    try:
        found = read(tmp_path / "scores", content)
    except InputError as error:
        assert str(error).startswith(str(tmp_path / "scores")) and "\n" not in str(error)
    else:
        assert len(found.table)


CELLS = st.one_of(
    st.sampled_from(
        [*IDS, "bonafide", "spoof", "-", "A07", "0", "1", "id", "score", "label", "nan"]
    ),
    st.sampled_from(["0,5", "1,234", '"', "'", "", " ", "Output", "condition", "clean", "1e999"]),
    st.floats().map(repr),
    st.text(max_size=5),
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    table=st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=8),
    mark=st.sampled_from([",", ";", "\t", " "]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table_is_imported_or_refused_in_one_sentence(
    run: Path, tmp_path: Path, table: list[list[str]], mark: str, end: str
) -> None:
    file = tmp_path / "scores"
    file.write_bytes(end.join(mark.join(row) for row in table).encode("utf-8", "replace"))
    request = ImportRequest(file, "other", missing=True, strangers=True)
    store = Store(shutil.copytree(run, tmp_path / "copy", dirs_exist_ok=True))
    try:
        done = import_file(store, request)
    except InputError as error:
        assert str(file) in str(error) and "\n" not in str(error)
    else:
        assert sum(cell.scored + cell.broken for cell in done.cells) <= len(table)


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda x: abs(x) < 1e30)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(FINITE, min_size=12, max_size=12),
    mark=st.sampled_from([",", ";", "\t", " "]),
    header=st.booleans(),
    order=st.permutations(range(3)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_table_of_any_make_gives_its_scores_to_the_last_bit(
    tmp_path: Path,
    values: list[float],
    mark: str,
    header: bool,
    order: list[int],
    encoding: str,
    end: str,
) -> None:
    columns = [["id", *IDS], ["label", *LABELS], ["score", *map(repr, values)]]
    columns = [columns[place] for place in order]
    lines = [mark.join(row) for row in zip(*columns, strict=True)][not header :]
    found = read(tmp_path / "scores", end.join(lines).encode(encoding))
    assert found.table["id"].tolist() == list(IDS)
    assert found.table["score"].tolist() == values
    assert list(found.labels.values()) == [list(LABELS)]


@settings(max_examples=200, deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=30), st.booleans())
def test_rounding_never_makes_two_scores_equal(values: list[float], narrow: bool) -> None:
    """What counts as float32 keeps its distinct values, so that no error rate can change."""
    texts = np.array([float(str(np.float32(v))) if narrow else v for v in values])
    single = score_reader._single(texts)
    assert single or not narrow
    if single:
        assert len(set(texts.astype(np.float32).tolist())) == len(set(texts.tolist()))


def test_an_export_of_float32_scores_is_what_it_was() -> None:
    block = pd.DataFrame({"utterance_id": ["a"], "condition": "clean", "split": "test"})
    block = block.assign(label="spoof", score=np.float64(np.float32(0.1)))
    assert [text for _, text in score_formats.write([block], "asvspoof2021")] == ["a 0.1\n"]
