"""Markdown, JSON and CSV of a run: text in data is inert, and equal scores give equal bytes."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.leaderboard import leaderboard_tables, schema
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import json_tables, markdown, writer
from benchmark.report.latex import latex_tables
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run
from tests.support.places import ROOT
from tests.support.synthetic_run import replace

HOSTILE = "=1+2|<script>*a*_b_`c`\n[x](y)"
README = ROOT / "results" / "README.md"


@pytest.fixture(scope="module")
def results() -> RunResults:
    run = synthetic_run.broken(synthetic_run.run())
    keep = {"clean", "reverb(rt60=0.3)", "reverb(rt60=0.9)", "mp3(kbps=16)"}
    return replace(
        run,
        conditions=tuple(info for info in run.conditions if info.condition in keep),
        scores=run.source.score_rows[run.source.score_rows["condition"].isin(keep)].replace(
            "shortcut", HOSTILE
        ),
        effects=run.source.effect_rows[run.source.effect_rows["condition"].isin(keep)],
        detectors=tuple(name.replace("shortcut", HOSTILE) for name in run.detectors),
    )


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, 40)


def refuse(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def test_json_has_the_columns_and_null_for_missing_values(
    results: RunResults, tables: Tables
) -> None:
    text = json_tables.document(results, tables, "1.2.3")
    found = json.loads(text, parse_constant=refuse)
    assert list(found) == [
        "schema", "launderbench", "data", "run_digest", "choices", "leaderboard", "tracks",
        "conditions",
    ]  # fmt: skip
    assert (found["schema"], found["launderbench"]) == (schema.VERSION, "1.2.3")
    assert list(found["data"]) == [
        "name", "version", "headline", "trial_digest", "audio_digest",
    ]  # fmt: skip
    assert found["data"]["trial_digest"] == results.protocol.digest()
    for name in ("leaderboard", "tracks", "conditions"):
        table = getattr(tables, name)
        assert [list(row) for row in found[name]] == [list(table.columns)] * len(table)
    unranked = next(row for row in found["leaderboard"] if row["detector"] == "rawcnn")
    assert unranked["rank"] is None and unranked["laundered_eer"] is None
    best = tables.leaderboard.iloc[0]
    assert found["leaderboard"][0]["rank"] == 1
    assert found["leaderboard"][0]["clean_eer"] == pytest.approx(best["clean_eer"], rel=1e-5)
    assert {row["detector"] for row in found["leaderboard"]} == set(results.detectors)


def test_json_numbers_are_those_of_the_csv(results: RunResults, tables: Tables) -> None:
    assert json_tables.DIGITS == writer.DIGITS
    text = json_tables.document(results, tables, "1.2.3")
    rows = csv.DictReader(writer.csv_text(tables.conditions).splitlines())
    for ours, theirs in zip(json.loads(text)["conditions"], rows, strict=True):
        for column in ("eer", "auc", "eer_low", "cllr", "severity"):
            wanted = None if theirs[column] == "" else float(theirs[column])
            assert ours[column] == wanted


def test_the_json_schema_is_documented() -> None:
    text = README.read_text()
    for key in (
        "schema",
        "launderbench",
        "data",
        "run_digest",
        "choices",
        "leaderboard",
        "tracks",
        "conditions",
    ):
        assert f"`{key}`" in text


def test_markdown_tables_are_whole_and_inert(results: RunResults, tables: Tables) -> None:
    text = markdown.document(results, tables, "1.2.3")
    assert "<script>" not in text and "\n[x](y)" not in text
    assert "=1+2\\|&lt;script&gt;\\*a\\*\\_b\\_\\`c\\` \\[x\\](y)" in text
    widths: list[int] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            assert len(set(widths)) <= 1
            widths = []
            continue
        widths.append(len(re.sub(r"\\\|", "", line).split("|")))
    assert text.count("\n## ") == 3  # one leaderboard per track
    whole = results.protocol.digest()
    for digest in {tables.leaderboard["trial_digest"].iloc[0], *tables.tracks["trial_digest"]}:
        named = f"the run's trial digest `{whole}`, the track's `{digest}`."
        assert f"LaunderBench 1.2.3; {named}" in text
    best = tables.leaderboard.iloc[0]
    row = next(line for line in text.splitlines() if f"| {best['detector']} |" in line)
    assert f"**{100 * best['laundered_eer']:.1f}**" in row


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_text_is_no_formula(text: str) -> None:
    table = pd.DataFrame({"name": [text], "value": [-0.25]})
    head, row = csv.reader(io.StringIO(writer.csv_text(table), newline=""))
    assert head == ["name", "value"]
    assert row == ["'" + text.replace("\r", "\n"), "-0.25"]


def test_same_scores_give_the_same_bytes(results: RunResults, tables: Tables) -> None:
    order = np.random.default_rng(3).permutation(len(results.source.score_rows))
    shuffled = replace(
        results, scores=results.source.score_rows.iloc[order], provenance={"seed": "other"}
    )
    again = leaderboard_tables.tables(shuffled, 40)
    for make in (markdown.document, json_tables.document):
        assert make(results, tables, "1") == make(shuffled, again, "1")
    one = latex_tables.leaderboard(results, tables, "1", "r")
    assert one == latex_tables.leaderboard(shuffled, again, "1", "r")
    one = latex_tables.conditions(results, tables, "1", "r")
    assert one == latex_tables.conditions(shuffled, again, "1", "r")


def test_a_report_is_all_of_these_files(
    results: RunResults, tables: Tables, tmp_path: Path
) -> None:
    writer.write(results, tmp_path, tables)
    for name in ("leaderboard", "conditions", "conditions_full", "breakdown", "effects"):
        text = (tmp_path / f"{name}.csv").read_bytes().decode("utf-8")
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len(rows) > 1 and len({len(row) for row in rows}) == 1
        for value in (value for row in rows for value in row if value[:1] in ("=", "+", "-", "@")):
            assert value == "-" or re.fullmatch(r"-[\d.e+-]+", value), value
    for name in ("leaderboard.tex", "conditions.tex", "leaderboard.md", "leaderboard.json"):
        assert (tmp_path / name).read_bytes().decode("utf-8").endswith("\n")


def test_a_run_without_tracks_has_one_digest() -> None:
    run = synthetic_run.run(3)
    flat = [replace(p, table=p.table.assign(track="-")) for p in (run.protocol, run.dev)]
    run = replace(run, protocol=replace(flat[0], headline="-"), dev=flat[1])
    found = leaderboard_tables.tables(run, 0)
    digest = run.protocol.digest()
    assert set(found.leaderboard["trial_digest"]) == {digest}
    assert f"; the run's trial digest `{digest}`." in markdown.document(run, found, "1")
    for make in (latex_tables.leaderboard, latex_tables.conditions):
        named = f"; the run's trial digest \\texttt{{{digest[:12]}}}."
        assert named in make(run, found, "1", "r")


def test_tables_with_no_row_have_their_columns(results: RunResults, tmp_path: Path) -> None:
    """An empty table still has its header."""
    run = synthetic_run.run(4)
    full = leaderboard_tables.tables(run, 10)
    one = replace(
        run,
        conditions=run.conditions[:1],
        detectors=run.detectors[:1],
        scores=run.source.score_rows.query(
            f"condition == 'clean' and detector == '{run.detectors[0]}'"
        ),
        protocol=replace(run.protocol, table=run.protocol.table.groupby("label").head(9)),
    )
    one = replace(
        one,
        scores=one.source.score_rows[
            (one.source.score_rows["split"] == "dev")
            | one.source.score_rows["utterance_id"].isin(one.protocol.table["utterance_id"])
        ],
        effects=run.source.effect_rows.iloc[:0],
    )
    poor = leaderboard_tables.tables(one, 10)
    writer.write(one, tmp_path, poor)
    for name in ("severity", "differences", "breakdown", "effects", "failures", "tracks"):
        rows = list(csv.reader((tmp_path / f"{name}.csv").read_text().splitlines()))
        filled = writer.csv_text(schema.versioned(getattr(full, name))) if name != "effects" else ""
        assert len(rows) == 1 or name == "tracks", name
        if filled:
            assert rows[0] == filled.splitlines()[0].split(",")
    for name in ("severity", "differences", "breakdown"):
        assert not getattr(full, name).empty and getattr(poor, name).empty


def test_run_json_names_every_digest(results: RunResults, tables: Tables, tmp_path: Path) -> None:
    writer.write(results, tmp_path, tables)
    facts = json.loads((tmp_path / "run.json").read_text())["protocol"]
    assert facts["trial_digest"] == results.protocol.digest()
    boards = pd.concat([tables.leaderboard, tables.tracks])
    assert facts["track_trial_digests"] == dict(
        zip(boards["track"], boards["trial_digest"], strict=True)
    )
    assert len(set(facts["track_trial_digests"].values())) == 3
