"""A detector that knows the corpus of the trials is marked in every table, and in no other case."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from benchmark.data.layouts import LAYOUTS
from benchmark.leaderboard import leaderboard_tables, read_tables
from benchmark.report import terminal_summary, writer
from benchmark.report.training_text import trained_here
from benchmark.runs.detector_notes import notes
from benchmark.scores import fusion, load_run
from benchmark.scores.run_results import RunResults
from detectors.contract.base import registry
from detectors.contract.training_corpora import overlap
from tests.support import run_on_disk, synthetic_run

CORPUS = "toy:train"
MARK = f"its authors trained it on the corpus of these trials: {CORPUS}"


@pytest.fixture(scope="module")
def results() -> RunResults:
    run = synthetic_run.large(detectors=2, levels=3, utterances=120)
    return dataclasses.replace(run, trained_on={run.detectors[0]: CORPUS})


def test_every_format_has_the_mark(results: RunResults, tmp_path: Path) -> None:
    knows, other = results.detectors
    tables = leaderboard_tables.tables(results, 0)
    writer.write(results, tmp_path, tables)
    marked = []
    for name in ("leaderboard", "conditions", "conditions_full", "robustness", "severity"):
        table = pd.read_csv(tmp_path / f"{name}.csv")
        if table.empty:
            continue
        marked.append(name)
        by = table.groupby("detector")["trained_on"].agg(lambda texts: set(texts.dropna()))
        assert by[knows] == {CORPUS} and by[other] == set(), name
    assert {"leaderboard", "conditions", "conditions_full"} <= set(marked)
    board = pd.read_csv(tmp_path / "leaderboard.csv").set_index("detector")
    assert MARK in board.loc[knows, "warnings"]
    assert MARK not in str(board.loc[other, "warnings"])
    sentence = f"Trained by their authors on the corpus of these trials: {knows} ({CORPUS})."
    assert trained_here(results) == sentence
    for name in ("leaderboard.tex", "conditions.tex", "leaderboard.md"):
        text = " ".join((tmp_path / name).read_text().replace("\\_", "_").split())
        assert sentence in text, name
    page = (tmp_path / "leaderboard.html").read_text()
    assert page.count(sentence) == 2  # above all conditions, and above robustness
    assert "1 detector is trained on this corpus" in page
    assert MARK in terminal_summary.summary(tables).replace("\n    ", " ")
    first = str(tables.leaderboard["detector"].iloc[0])
    assert (f"(trained by its authors on {CORPUS})" in page) == (first == knows)


def test_a_run_of_others_has_none(results: RunResults, tmp_path: Path) -> None:
    plain = dataclasses.replace(results, trained_on={})
    writer.write(plain, tmp_path, leaderboard_tables.tables(plain, 0))
    assert pd.read_csv(tmp_path / "leaderboard.csv")["trained_on"].isna().all()
    for path in [*tmp_path.glob("*.tex"), *tmp_path.glob("*.md"), *tmp_path.glob("*.html")]:
        assert "rained by the" not in path.read_text() and "trained on this" not in path.read_text()


def test_tables_without_the_column_are_read(results: RunResults, tmp_path: Path) -> None:
    writer.write(results, tmp_path, leaderboard_tables.tables(results, 0))
    (tmp_path / "run.json").unlink()
    for path in tmp_path.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.drop(columns="trained_on", errors="ignore").to_csv(path, index=False)
    assert read_tables.read(tmp_path)["leaderboard"]["trained_on"].isna().all()


def test_a_fusion_knows_what_its_members_know(results: RunResults) -> None:
    one, two = results.detectors
    fused = fusion.add(results, [fusion.parse(f"mean({one}, {two})")])
    assert fused.trained_on == {one: CORPUS, f"mean({one}, {two})": CORPUS}
    with_both = dataclasses.replace(results, trained_on={one: "toy:train", two: "toy:all"})
    fused = fusion.add(with_both, [fusion.parse(f"mean({one}, {two})")])
    assert fused.trained_on[f"mean({one}, {two})"] == "toy:train, toy:all"


def test_a_run_states_it_by_the_name_of_its_data(results: RunResults, tmp_path: Path) -> None:
    run_on_disk.write(results, tmp_path)
    data = results.protocol.name
    assert load_run.collect(tmp_path, {}).trained_on == {}
    for path in (tmp_path / "detectors").glob("*.json"):
        facts = json.loads(path.read_text())
        corpora = {data: "all"} if facts["name"] == results.detectors[0] else {"another": "all"}
        facts["training"]["trained_on"] = corpora
        path.write_text(json.dumps(facts))
    read = load_run.collect(tmp_path, {})
    assert read.trained_on == {results.detectors[0]: f"{data}:all"}


def test_data_made_of_a_corpus_overlap_with_it() -> None:
    known = registry.get("aasist-2019la").trained_on
    assert overlap("asvspoof2019-la", known) == "asvspoof2019-la:train"
    assert overlap("asvspoof-laundering", known) == "asvspoof2019-la:train"
    assert overlap("in-the-wild", known) == overlap("", known) == ""


def test_notes_before_a_run() -> None:
    found = [*notes(["xlsr-tcm", "antideepfake-mms-300m", "random"], "asvspoof2019-la")]
    assert found == [
        "xlsr-tcm: its authors trained it on the corpus of these trials: asvspoof2019-la:train",
        "antideepfake-mms-300m: licence CC BY-NC-SA 4.0: for non-commercial use; not to be"
        " evaluated on the corpora that it was trained on",
        "antideepfake-mms-300m: its authors trained it on the corpus of these trials:"
        " asvspoof2019-la:all",
    ]
    assert [*notes(["xlsr-tcm", "random"], "in-the-wild")] == []


def test_corpora_have_the_names_of_layouts_where_there_is_one() -> None:
    named = {corpus for name in registry.names() for corpus in registry.get(name).trained_on}
    assert named & set(LAYOUTS) == {
        "asvspoof2019-la", "asvspoof2021-df", "asvspoof2021-la", "asvspoof5", "codecfake", "mlaad",
        "spoofceleb",
    }  # fmt: skip
