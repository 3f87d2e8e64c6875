"""What a reader must know of a condition stands wherever the condition stands."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

import noises
from attacks.contract.condition import parse
from benchmark.leaderboard import leaderboard_tables, read_tables
from benchmark.report import condition_labels, writer
from benchmark.runs.runner import describe
from benchmark.scores import load_run
from benchmark.scores.run_results import RunResults
from tests.support import run_on_disk, synthetic_run

pytest_plugins = ("tests.support.attack_fixtures",)

MARKED, OTHER = (
    ("noise(kind=street, snr=2)", "noise(kind=street, snr=7)"),
    "noise(kind=cafe, snr=6)",
)


@pytest.fixture(scope="module")
def results() -> RunResults:
    run = synthetic_run.large(detectors=2, levels=10, utterances=200)
    return dataclasses.replace(
        run,
        conditions=tuple(
            dataclasses.replace(info, caveat=noises.SHAPED if info.condition in MARKED else "")
            for info in run.conditions
        ),
    )


def test_reports_mark_shaped_noise_only_where_it_is(results: RunResults, tmp_path: Path) -> None:
    tables = leaderboard_tables.tables(results, 0)
    page = (writer.write(results, tmp_path, tables)[0].parent / "leaderboard.html").read_text()
    flag = ' <span class="flag soft">shaped noise</span>'
    assert f"noise(<wbr>kind=street, snr=2){flag}" in page
    assert f"noise(<wbr>kind=street, snr=*){flag}" in page
    assert f"noise(<wbr>kind=cafe, snr=6){flag}" not in page
    assert "noise(kind=street, snr=2) (shaped noise)" in page  # the list of conditions to compare
    text = (tmp_path / "leaderboard.md").read_text()
    assert "snr=2) (shaped noise) |" in text and "kind=cafe, snr=6) |" in text
    assert (tmp_path / "conditions.tex").read_text().count("shaped noise") == 2 * len(MARKED)
    marked = read_tables.read(tmp_path)["conditions"].dropna(subset="caveat")
    assert set(marked["condition"]) == set(MARKED) and set(marked["caveat"]) == {noises.SHAPED}


def test_tables_from_before_there_were_caveats_are_read(
    results: RunResults, tmp_path: Path
) -> None:
    writer.write(results, tmp_path, leaderboard_tables.tables(results, 0))
    (tmp_path / "run.json").unlink()
    for path in tmp_path.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False).assign(schema="3")
        table.drop(columns="caveat", errors="ignore").to_csv(path, index=False)
    assert read_tables.read(tmp_path)["conditions"]["caveat"].isna().all()


def test_short_names_have_the_caveat(results: RunResults) -> None:
    short = condition_labels.short_names(results.conditions)
    assert short[MARKED[0]].endswith("(shaped noise)") and "(" not in short[OTHER]


def test_a_run_keeps_them(results: RunResults, tmp_path: Path) -> None:
    run_on_disk.write(results, tmp_path)
    read = load_run.collect(tmp_path, {}).conditions
    assert {info.condition for info in read if info.caveat == noises.SHAPED} == set(MARKED)


@pytest.mark.usefixtures("world")
def test_a_plan_states_what_its_noise_is_made_of() -> None:
    assert describe(parse("noise(kind=street)"))["caveat"] == noises.SHAPED
    assert describe(parse("mp3 | noise(kind=volvo)"))["caveat"] == noises.SHAPED
    assert describe(parse("network(strength=2)"))["caveat"] == noises.SHAPED
    assert all(
        "caveat" not in describe(parse(text))
        for text in ("clean", "noise(kind=cafe)", "noise(kind=white)", "mp3")
    )
