"""Result tables read back: of this schema, of the unversioned one, and what is refused."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.core import spreadsheet
from benchmark.core.errors import InputError
from benchmark.leaderboard import leaderboard_tables, read_tables, schema
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.read_tables import ADDED, FILLED, read
from benchmark.leaderboard.rows.tables import TABLES
from benchmark.report import writer
from benchmark.scores.run_results import INPUT_COLUMNS, RunResults
from tests.quality.test_table import quality
from tests.support import old_tables, synthetic_run
from tests.support.places import GOLDEN, ROOT
from tests.support.synthetic_run import replace

OLD = GOLDEN / "tables_schema1"  # written by the last release without a version, of `results`
KEEP = {"clean", "reverb(rt60=0.3)", "reverb(rt60=0.9)", "mp3(kbps=16)", "mp3(kbps=64)"}
DETECTORS = ("melcnn", "rawcnn", "shortcut")
OLD_NAMES = {
    "tp": "hit", "fn": "missed", "fp": "false_alarm", "tn": "correct",
    "oracle_tp": "oracle_hit", "oracle_fn": "oracle_missed",
    "oracle_fp": "oracle_false_alarm", "oracle_tn": "oracle_correct",
    "laundered_eer": "mean_eer", "laundered_eer_low": "mean_eer_low",
    "laundered_eer_high": "mean_eer_high", "laundered_auc": "mean_auc",
    "laundered_f1": "mean_f1", "laundered_min_dcf": "mean_min_dcf",
    "laundered_act_dcf": "mean_act_dcf", "laundered_cllr": "mean_cllr",
}  # fmt: skip


EMPTY = ("seeds", "grid")  # there is one realisation, and no row of a grid


@pytest.fixture(scope="module")
def results() -> RunResults:
    run = synthetic_run.broken(synthetic_run.run())
    scores = run.source.score_rows[
        run.source.score_rows["condition"].isin(KEEP)
        & run.source.score_rows["detector"].isin(DETECTORS)
    ]
    return replace(
        run,
        conditions=tuple(info for info in run.conditions if info.condition in KEEP),
        detectors=DETECTORS,
        scores=scores.reset_index(drop=True),
        effects=run.source.effect_rows[run.source.effect_rows["condition"].isin(KEEP)],
        quality=quality([2.0, 2.5, None]),
        inputs=pd.DataFrame(
            [
                ("a", "test", "spoof", "length,truncated", 3.0, 1.5, False),
                ("b", "dev", "bonafide", "silent", None, 2.25, True),
            ],
            columns=list(INPUT_COLUMNS),
        ),
    )


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, 40)


@pytest.fixture(scope="module")
def written(results: RunResults, tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    writer.write(results, folder, tables)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy of the tables that a test may damage, with a run.json that lists no digests."""
    for path in written.glob("*.csv"):
        shutil.copy(path, tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"schema": schema.VERSION}))
    return tmp_path


def texts(path: Path) -> dict[str, list[str]]:
    """Return the columns of a CSV file as text."""
    header, *rows = csv.reader(path.open(newline="", encoding="utf-8"))
    return {name: [row[place] for row in rows] for place, name in enumerate(header)}


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def test_tables_read_back_as_they_were_made(written: Path, tables: Tables) -> None:
    found = read(written)
    assert list(found) == list(read_tables.READ)
    made = vars(tables) | {"effects": leaderboard_tables.effects(tables)}
    for name, table in found.items():
        pd.testing.assert_frame_equal(table, made[name], rtol=1e-5, obj=name)
        assert table.empty == (name in EMPTY)
    assert found["failures"]["utterance_id"].iloc[-1] == "=cmd|' /C calc'!A0"


def test_a_table_of_quality_that_was_written_must_be_there(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    (tmp_path / "quality.csv").unlink()
    with pytest.raises(InputError, match=r"quality\.csv"):
        read(tmp_path)


@pytest.mark.parametrize("name", sorted(path.stem for path in OLD.glob("*.csv")))
def test_only_names_changed_since_the_unversioned_tables(written: Path, name: str) -> None:
    """Every value is what it was, under the new name, but for means, intervals, what follows."""
    old = texts(OLD / f"{name}.csv")
    new = texts(written / ("conditions_full.csv" if name == "conditions" else f"{name}.csv"))
    assert set(new.pop("schema")) == {str(schema.VERSION)}
    for added in ADDED:
        new.pop(added, None)
    assert ("group" in old) == (new.pop("tied_with", None) is not None)
    old.pop("group", None)
    named = OLD_NAMES if name in ("leaderboard", "tracks", "conditions") else {}
    assert {named.get(column, column) for column in new} == set(old)
    for column, values in new.items():
        if old_tables.of_means(name, column):
            continue
        before = old[named.get(column, column)]
        if name == "failures":
            before = ["" if text == "-" else text for text in before]
        if column == "over":
            before = [text.replace("mean", "laundered") for text in before]
        assert len(values) == len(before)
        if old_tables.OF_INTERVALS.search(column):
            continue
        for one, two in zip(before, values, strict=True):
            a, b = number(one), number(two)
            if a is None or b is None:
                assert one == two, column
            else:  # the sixth digit may differ between processors
                assert b == pytest.approx(a, rel=1e-5, abs=1e-12), column


def test_unversioned_tables_are_read_under_todays_names(written: Path) -> None:
    old, new = read(OLD), read(written)
    for name in ("inputs", "quality", "quality_budget"):  # which that release did not know
        assert old.pop(name).empty and len(new.pop(name))
    for name, table in new.items():
        added = [column for column in table if column in ADDED]
        unknown = [column for column in added if column not in FILLED]
        assert old[name][unknown].isna().all(axis=None), name  # what was not measured is not known
        for column in set(added) - set(unknown):
            assert set(old[name][column]) <= {FILLED[column]}, name
        changed = old_tables.changed(name, table)
        assert list(old[name]) == list(table)
        shared = [t.drop(columns=[*added, *changed]) for t in (old[name], table)]
        pd.testing.assert_frame_equal(*shared, rtol=1e-5, obj=name)


def test_letters_of_groups_are_read_as_ties(tmp_path: Path) -> None:
    """Up to schema 3, detectors that share a letter are tied; each track has letters of its own."""
    found = read(OLD)
    assert found["leaderboard"]["tied_with"].isna().all()  # a, b and c
    shutil.copytree(OLD, tmp_path / "old")
    path = tmp_path / "old" / "leaderboard.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["group"] = ["a", "a[52]", "b[52]"]
    table.to_csv(path, index=False)
    one, two, three = table["detector"]
    ties = read(tmp_path / "old")["leaderboard"]["tied_with"]
    assert ties.tolist() == [two, f"{one}; {three}", two]
    table["track"] = ["x", "x", "y"]
    table.to_csv(path, index=False)
    ties = read(tmp_path / "old")["leaderboard"]["tied_with"]
    assert ties.iloc[:2].tolist() == [two, one] and pd.isna(ties.iloc[2])


def test_the_reference_is_read() -> None:
    found = read(ROOT / "results" / "reference")
    assert [str(t) for t in found["leaderboard"].dtypes.iloc[:4]] == ["str"] + ["Int64"] * 3
    board, cells = found["leaderboard"], found["conditions"]
    assert board["laundered_eer"].is_monotonic_increasing and board["laundered_eer"].notna().all()
    detectors, tracks = cells["detector"].nunique(), cells["track"].nunique()
    assert detectors == len(board) >= 7 and tracks == 3
    assert len(cells) == detectors * tracks * 20  # clean, and the 19 conditions of `core`
    assert cells["verified"].isna().sum() == detectors * tracks
    for prefix in ("", "oracle_"):
        counted = cells.dropna(subset=f"{prefix}tp")
        assert len(counted) and str(counted[f"{prefix}tp"].dtype) == "Int64"
        assert (counted[f"{prefix}tp"] + counted[f"{prefix}fn"] == counted["n_spoof"]).all()
        assert (counted[f"{prefix}fp"] + counted[f"{prefix}tn"] == counted["n_bonafide"]).all()
    assert set(found["differences"]["over"]) == {"clean", "laundered"}
    assert found["failures"].empty  # there were none, and no file


def test_pandas_alone_reads_names_version_and_missing_values(written: Path, tables: Tables) -> None:
    for path in written.glob("*.csv"):
        table = pd.read_csv(path)
        versions = set() if path.stem in EMPTY else {schema.VERSION}
        assert table.columns[-1] == "schema" and set(table["schema"]) == versions
        assert list(table.columns[:-1]) == [f.name for f in schema.columns(TABLES[path.stem])]
        assert not table.isin(["-"]).any(axis=None), path.name
    slim = pd.read_csv(written / "conditions.csv")
    full = tables.conditions
    np.testing.assert_array_equal(slim["state"] == "complete", full["complete"])
    shared = [name for name in slim.columns if name in full.columns]
    whole = pd.read_csv(written / "conditions_full.csv")
    pd.testing.assert_frame_equal(slim[shared], whole[shared])


def test_no_track_is_a_missing_track(results: RunResults, tmp_path: Path) -> None:
    flat = [replace(p, table=p.table.assign(track="-")) for p in (results.protocol, results.dev)]
    run = replace(results, protocol=replace(flat[0], headline="-"), dev=flat[1])
    writer.write(run, tmp_path, leaderboard_tables.tables(run, 0))
    for name, table in read(tmp_path).items():
        if "track" in table:
            assert table["track"].isna().all(), name
    found = json.loads((tmp_path / "leaderboard.json").read_text())
    assert found["data"]["headline"] is None and found["leaderboard"][0]["track"] is None
    page = (tmp_path / "leaderboard.html").read_text()
    assert ">None<" not in page and ">nan<" not in page


def change(name: str, edit: Callable[[str], str]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")

    return apply


def later(text: str) -> str:
    return re.sub(rf",{schema.VERSION}$", f",{schema.VERSION + 1}", text, flags=re.MULTILINE)


def first_cell(text: str) -> Callable[[str], str]:
    return lambda content: re.sub(r"(?<=\n)[^,]*(?=,)", text, content, count=1)


@pytest.mark.parametrize(
    ("damage", "file", "cause"),
    [
        (change("leaderboard.csv", later), "leaderboard.csv", "is of schema 5, .* update Launder"),
        (change("severity.csv", later), "severity.csv", "is of schema 5, .* reads up to 4"),
        (change("run.json", lambda _: '{"schema": 5}'), "run.json", "is of schema 5"),
        (change("run.json", lambda _: '{"schema": "4"}'), "run.json", "'4', which is no version"),
        (change("run.json", lambda _: '{"schema": 1}'), "leaderboard.csv", "of schema 4, but run"),
        (change("run.json", lambda _: "{"), "run.json", "cannot be read"),
        (change("run.json", lambda _: "[]"), "run.json", "is not that of a run"),
        (
            change("run.json", lambda _: '{"schema": 4, "tables_sha256": {"tracks.csv": "0"}}'),
            "tracks.csv", "was changed since run.json was written",
        ),
        (lambda folder: (folder / "effects.csv").unlink(), "effects.csv", "is missing"),
        (lambda folder: (folder / "failures.csv").unlink(), "failures.csv", "is missing"),
        (lambda folder: (folder / "conditions_full.csv").unlink(), "conditions_full", "is missing"),
        (lambda folder: (folder / "tracks.csv").write_bytes(b""), "tracks.csv", "is empty"),
        (lambda folder: (folder / "tracks.csv").write_bytes(b"\xff\xfe"), "tracks.csv", "decode"),
        (change("robustness.csv", lambda t: t[:-40]), "robustness.csv", "row 27 has 13 of 21 col"),
        (change("severity.csv", lambda t: t.replace("area,", "zone,")), "severity", "area is abs"),
        (change("failures.csv", first_cell("")), "failures.csv", "kind has a missing value"),
        (change("effects.csv", lambda t: t.replace(",384,", ",1.5,").replace(",true,", ",yes,")),
         "effects.csv", "column effect holds 'yes'"),
        (change("tracks.csv", lambda t: t.replace(",80,", ",80.5,")), "tracks", "holds a fraction"),
        (change("tracks.csv", lambda t: t.replace(",80,", ",many,")), "tracks", "n_bonafide holds"),
        (change("breakdown.csv", lambda t: "a,b\n1,2\n"), "breakdown.csv", "is of schema 1, but"),
    ],
)  # fmt: skip
def test_what_is_no_such_table_is_named(
    folder: Path, damage: Callable[[Path], None], file: str, cause: str
) -> None:
    damage(folder)
    with pytest.raises(InputError, match=f"(?s){re.escape(file)}.*{cause}") as error:
        read(folder)
    assert "\n" not in str(error.value)


def test_a_folder_without_tables_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"leaderboard\.csv is missing"):
        read(tmp_path)
    with pytest.raises(InputError, match="is no folder with result tables"):
        read(tmp_path / "nowhere")


def test_columns_of_a_later_release_are_left_out(folder: Path) -> None:
    path = folder / "severity.csv"
    table = pd.read_csv(path)
    table.insert(3, "new", 1.5)
    table.to_csv(path, index=False)
    assert "new" not in read(folder)["severity"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "'quoted'", "it's", "plain"])
def test_text_reads_back(text: str) -> None:
    assert spreadsheet.plain(writer.cell(text)) == text
