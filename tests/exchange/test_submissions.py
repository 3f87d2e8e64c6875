"""Submissions: made, verified, falsified in every way, and put on one board."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmark.api import matrix, verification
from benchmark.cli.main import BAD_INPUT, main
from benchmark.core.stage_timer import StageTimer
from benchmark.data.data_config import DataConfig
from benchmark.exchange import submission_archive, submission_card
from benchmark.exchange.submission_archive import CARD
from benchmark.inference import checkpoints
from benchmark.leaderboard import leaderboard_tables
from benchmark.report import writer
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.runs.run_config import ExecutionConfig, ReportConfig, RunConfig
from benchmark.scores import manifest
from benchmark.scores.load_run import collect
from benchmark.scores.store import Store
from benchmark.workers.context import ProcessContext
from tests.support import builders, tampering
from tests.support.places import TOY_PLUGIN

SUITE = "clean; noise(kind=white, snr=10)"
REFUSED = 1
Act = Callable[[Path], None]


@pytest.fixture(scope="module", autouse=True)
def toy() -> None:
    ProcessContext((TOY_PLUGIN,)).enter()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return builders.corpus(tmp_path_factory.mktemp("corpus") / "toy", test=24, dev=12, seconds=0.5)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two trainings of the toy detector."""
    found = {}
    for name, sign in (("anna", 1.0), ("bob", 1.5)):
        found[name] = tmp_path_factory.mktemp("weights") / f"{name}.safetensors"
        facts = {"detector": "comb", "data": "LibriFake"}
        checkpoints.save(found[name], {"sign": np.full(1, sign, np.float32)}, facts)
    return found


def claimed(folder: Path, *_: object) -> tuple[None, list[Path], list[str]]:
    """Write what a submission takes of a report, without the page."""
    results = collect(folder, {})
    for name, text in writer.claims(results, leaderboard_tables.tables(results, 0), "run").items():
        (folder / name).write_text(text)
    return None, [], []


def make_run(folder: Path, data: Path, weights: Path, seed: int = 0) -> Path:
    """Run the toy detector and a random one, and claim the tables."""
    config = RunConfig(
        DataConfig(data), SUITE, DetectorChoice(("random",), (weights,), device="cpu"), seed,
        run=str(folder), context=ProcessContext((TOY_PLUGIN,)),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix.reporting, "write", claimed)
        matrix.run(config, ExecutionConfig(0), ReportConfig(), StageTimer())
    return folder


@pytest.fixture(scope="module")
def runs(
    corpus: Path, weights: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("runs")
    return {name: make_run(place / name, corpus, file) for name, file in weights.items()}


def submit(run: Path, out: Path, *more: object) -> int:
    declared = ["--trained-on", "random="]
    return main(
        ["submit-results", str(run), "--out", str(out), "--by", out.stem, *declared,
         *map(str, more)]
    )  # fmt: skip


def verify(file: Path, *more: object) -> int:
    return main(["verify-submission", str(file), "--plugin", str(TOY_PLUGIN), *map(str, more)])


@pytest.fixture(scope="module")
def submissions(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("submissions")
    found = {name: place / f"{name}.zip" for name in runs}
    for name, run in runs.items():
        assert submit(run, found[name]) == 0
    return found


@pytest.fixture
def submission(submissions: dict[str, Path]) -> Path:
    return submissions["anna"]


def test_a_submission_is_verified_and_says_what_it_did_not_show(
    submission: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(submission) == 0
    said = capsys.readouterr().out
    assert "verified: 8 cells of comb, random, by anna" in said
    assert said.count("not verified: ") == 3
    assert "rewrote scores, labels, digests and tables consistently" in said
    digest = verification.run_digest_of(runs["anna"])
    assert verify(submission, "--digest", digest) == 0
    assert "rewrote" not in capsys.readouterr().out
    assert verify(submission, "--digest", "0" * 64) == REFUSED
    assert f"the run digest is {digest}, not 0000" in capsys.readouterr().out


def test_equal_runs_make_equal_bytes_and_name_no_place(
    submission: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    again = shutil.copytree(runs["anna"], tmp_path / "elsewhere" / "anna")
    assert submit(again, tmp_path / "anna.zip") == 0
    assert (tmp_path / "anna.zip").read_bytes() == submission.read_bytes()
    assert main(["compact", str(again)]) == 0
    assert submit(again, tmp_path / "compact.zip", "--by", "anna") == 0
    with zipfile.ZipFile(submission) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist())
    assert str(runs["anna"].parent).encode() not in held
    assert str(tmp_path).encode() not in held


def test_the_corpus_at_hand_is_laundered_and_scored_again(
    submission: Path, corpus: Path, weights: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", corpus, "--device", "cpu", "--rescore", 12]
    assert verify(submission, *given, "--checkpoint", weights["anna"]) == 0
    said = capsys.readouterr().out
    assert "trials: 36 trials compared with the 36 of" in said
    assert "12 random utterances x conditions computed again" in said
    assert verify(submission, *given, "--checkpoint", weights["bob"]) == 0
    said = capsys.readouterr().out
    assert "comb was not scored again: no checkpoint of its identity" in said
    assert "not verified: the scores of comb" in said


def test_another_corpus_holds_other_trials(
    submission: Path, tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = shutil.copytree(corpus, tmp_path / "other")
    (table,) = other.glob("*.csv")
    rows = pd.read_csv(table)
    rows["label"] = rows["label"].replace({"bonafide": "spoof", "spoof": "bonafide"})
    rows.to_csv(table, index=False)
    assert verify(submission, "--data", other, "--device", "cpu") == REFUSED
    assert "the label of" in capsys.readouterr().out
    small = builders.corpus(tmp_path / "small", test=6, dev=6, seconds=0.5)
    assert verify(submission, "--data", small, "--device", "cpu") == REFUSED
    assert "other trials" in capsys.readouterr().out


def test_overlap_of_training_and_test_is_marked(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Store(runs["anna"]).read_head()["data"]  # type: ignore[index]
    assert submit(runs["anna"], tmp_path / "a.zip", "--trained-on", f"comb={data.upper()}") == 0
    capsys.readouterr()
    assert verify(tmp_path / "a.zip", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["overlap"]["comb"] == [data.upper()]
    assert found["card"]["detectors"]["comb"]["trained_on"] == ["LibriFake", data.upper()]


# Falsifications: of the unpacked files, which are then packed again


def falsified(file: Path, out: Path, act: Act, sealed: bool) -> Path:
    """Change the files of a submission; with `sealed` the card lists their new digests."""
    folder = out.with_suffix("")
    submission_archive.unpack(file, folder)
    act(folder)
    if sealed:
        card = json.loads((folder / CARD).read_text())
        submission_card.write(folder, {k: v for k, v in card.items() if k != "files"})
    submission_archive.write(out, folder)
    return out


def edit_json(path: Path, changes: dict[str, Any]) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def of_card(**changes: Any) -> Act:
    return lambda folder: edit_json(folder / CARD, changes)


def of_parts(change: Callable[[pa.Table], pa.Table], listed: bool) -> Act:
    """Change every part of noise; with `listed` names and manifest too."""

    def rows(table: pa.Table, meta: dict[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
        if meta["condition"].startswith("noise"):
            table = change(table)
            meta["units"][0][1] = len(table)
        return table, meta

    def act(folder: Path) -> None:
        tampering.rewrite_parts(folder, rows, listed)
        if listed:
            (log,) = manifest.names(folder / "manifest")
            log.rename(folder / "manifest" / "units.log")

    return act


def with_score(value: float) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index("score:comb")
        scores = [value, *table["score:comb"].to_pylist()[1:]]
        return table.set_column(place, "score:comb", pa.array(scores, pa.float32()))

    return change


def twice(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


def relabelled(folder: Path) -> None:
    (path,) = (folder / "trials").glob("*.parquet")
    table = pd.read_parquet(path)
    table.loc[0, "label"] = "spoof" if table["label"][0] == "bonafide" else "bonafide"
    table.to_parquet(path, index=False)


def of_plan(old: str, new: str) -> Act:
    def act(folder: Path) -> None:
        (path,) = (folder / "plans").glob("*.json")
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return act


def claim(folder: Path) -> None:
    table = pd.read_csv(folder / "leaderboard.csv", dtype=str, keep_default_na=False)
    table.loc[0, "clean_eer"] = "0.001"
    table.to_csv(folder / "leaderboard.csv", index=False, lineterminator="\n")


def extra_table(folder: Path) -> None:
    (folder / "surprise.csv").write_text("a,b\n1,2\n")


def placed(folder: Path) -> None:
    head = Store(folder).read_head()
    assert head is not None
    Store(folder).write_head({**head, "data_root": "/etc"}, Store(folder).read_trials(head))


TAMPERED = {  # what was done: how, whether the card is sealed anew, what the one line says
    "score": (of_parts(with_score(9.0), False), True, "SHA-256 is not that in the manifest"),
    "score, listed": (of_parts(with_score(9.0), True), True, "is not what the scores give"),
    "score, unsealed": (of_parts(with_score(9.0), False), False, "manifest"),
    "label": (relabelled, True, "the trials cannot be read"),
    "identity": (of_card(conditions={"clean": "clean"}), False, "states the condition noise"),
    "identity in the plan": (of_plan('"noise(', '"noise('[:-1] + "#9("), True, "was changed"),
    "digest": (of_card(run_digest="0" * 64), False, "states run_digest"),
    "trial digest": (of_card(trial_digest="0" * 64), False, "states trial_digest"),
    "claimed table": (claim, True, "leaderboard.csv is not what the scores give"),
    "claimed table, unsealed": (claim, False, "leaderboard.csv is not what the scores give"),
    "trial dropped": (of_parts(lambda t: t.slice(1), True), True, "holds other utterances"),
    "trial doubled": (of_parts(twice, True), True, "holds other utterances"),
    "score NaN": (of_parts(with_score(np.nan), True), True, "incomplete: comb under noise"),
    "seed": (of_card(seed=7), False, "states seed 7"),
    "seed in the plan": (of_plan('"seed": 0', '"seed": 1'), True, "was changed"),
    "newer": (of_card(format=2), False, "format 2 of submissions, newer than"),
    "older": (of_card(format=0), False, "format 0 of submissions, older than"),
    "table too many": (extra_table, True, "surprise.csv is no table of this run"),
    "table removed": (lambda f: (f / "effects.csv").unlink(), True, "effects.csv is missing"),
    "run.json removed": (lambda f: (f / "run.json").unlink(), True, "run.json is missing"),
    "resamples without end": (
        lambda f: edit_json(f / "run.json", {"choices": {"resamples": 10**12}}), True,
        "asks for 1000000000000 resamples",
    ),
    "place": (placed, True, "names a folder of audio (/etc)"),
    "training concealed": (
        lambda f: edit_json(f / CARD, {"detectors": concealed(f)}), False, "conceals that comb",
    ),
}  # fmt: skip


def concealed(folder: Path) -> dict[str, Any]:
    detectors: dict[str, Any] = json.loads((folder / CARD).read_text())["detectors"]
    return detectors | {"comb": {**detectors["comb"], "trained_on": []}}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_falsified_submission_is_refused_by_one_line(
    name: str, submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    act, sealed, said = TAMPERED[name]
    file = falsified(submission, tmp_path / "false.zip", act, sealed)
    code = verify(file)
    out, err = capsys.readouterr()
    lines = [line for line in (out + err).splitlines() if said in line]
    assert code in (REFUSED, BAD_INPUT) and lines, out + err
    if code == REFUSED:
        assert f"REFUSED {file}: " in out
    else:
        assert lines[-1].startswith(f"launderbench: {file}")


def test_a_consistent_rewrite_is_found_by_the_published_digest_and_by_scoring_again(
    submission: Path,
    runs: dict[str, Path],
    corpus: Path,
    weights: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    liar = shutil.copytree(runs["anna"], tmp_path / "liar")
    tampering.rewrite_parts(liar, tampering.perfect, True)
    assert main(["report", str(liar), "--bootstrap", "0", "--samples", "0"]) == 0
    assert submit(liar, tmp_path / "liar.zip") == 0
    capsys.readouterr()
    assert verify(tmp_path / "liar.zip") == 0
    assert "not verified: that nobody rewrote scores" in capsys.readouterr().out
    digest = verification.run_digest_of(runs["anna"])
    assert verify(tmp_path / "liar.zip", "--digest", digest) == REFUSED
    more = ["--data", corpus, "--checkpoint", weights["anna"], "--device", "cpu"]
    assert verify(tmp_path / "liar.zip", *more) == REFUSED
    assert "comb has the score" in capsys.readouterr().out


# Archives that no submission is


def archive(
    out: Path, source: Path, entry: zipfile.ZipInfo | str, content: bytes, kind: int
) -> Path:
    shutil.copy(source, out)
    with zipfile.ZipFile(out, "a", kind) as zipped:
        zipped.writestr(entry, content, kind)
    return out


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry


HOSTILE = {
    "traversal": ("../../evil.json", b"x", zipfile.ZIP_STORED, "outside of its folder"),
    "absolute": ("/etc/evil", b"x", zipfile.ZIP_STORED, "outside of its folder"),
    "drive": ("C:\\evil", b"x", zipfile.ZIP_STORED, "outside of its folder"),
    "extra": ("plans/readme.txt", b"x", zipfile.ZIP_STORED, "is no file of a submission"),
    "pickle": ("parts/aa/a.pkl", b"x", zipfile.ZIP_STORED, "is no file of a submission"),
    "bomb": ("extra.csv", bytes(10**7), zipfile.ZIP_DEFLATED, "is compressed"),
    "link": (link("extra.csv"), b"/etc/passwd", zipfile.ZIP_STORED, "is no plain file"),
    "parquet": ("compact/a.parquet", b"PAR1", zipfile.ZIP_STORED, "is no sound Parquet file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_is_opened_safely(
    name: str, submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry, content, kind, said = HOSTILE[name]
    file = archive(tmp_path / "hostile.zip", submission, entry, content, kind)
    assert verify(file) == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"launderbench: {file}") and said in line
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.zip"]


def test_an_entry_may_be_there_only_once(
    submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        file = archive(tmp_path / "twice.zip", submission, "run.json", b"{}", zipfile.ZIP_STORED)
    assert verify(file) == BAD_INPUT
    assert "'run.json' is there twice" in capsys.readouterr().err


def test_a_parquet_file_may_not_unpack_to_more_than_memory(
    submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = pa.array(np.zeros(60_000, np.int32))
    causes = pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 1_000_000]))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"cause": causes}), sink, compression="zstd")
    bomb = sink.getvalue().to_pybytes()
    assert len(bomb) < 10_000
    file = archive(
        tmp_path / "bomb.zip", submission, "compact/bomb.parquet", bomb, zipfile.ZIP_STORED
    )
    assert verify(file) == BAD_INPUT
    assert "holds texts that unpack to more than" in capsys.readouterr().err


def test_what_is_no_archive_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], submission: Path
) -> None:
    text = tmp_path / "text.zip"
    text.write_text("no zip")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(submission.read_bytes()[:-200])
    empty = tmp_path / "empty.zip"
    with zipfile.ZipFile(empty, "w"):
        pass
    for file, said in (
        (text, "it is no zip archive"),
        (cut, "it is no zip archive"),
        (empty, f"it has no {CARD}"),
        (tmp_path, "is no file of a submission"),
        (tmp_path / "absent.zip", "cannot be read (No such file"),
    ):
        assert verify(file) == BAD_INPUT
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line


# Bad runs


def test_a_run_that_would_not_be_verified_is_not_submitted(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.zip"
    bare = shutil.copytree(runs["anna"], tmp_path / "bare")
    (bare / "run.json").unlink()
    failed = shutil.copytree(runs["anna"], tmp_path / "failed")

    def without(table: pa.Table, meta: dict[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
        return (with_score(np.nan)(table) if meta["condition"] != "clean" else table), meta

    tampering.rewrite_parts(failed, without, True)
    empty = tmp_path / "none"
    empty.mkdir()
    for folder, more, said in (
        (bare, [], "has no report to claim"),
        (failed, [], "cannot be submitted: incomplete: comb under noise"),
        (empty, [], "holds no run"),
        (runs["anna"], ["--detector", "cmb"], "unknown detector of the run 'cmb'; did you mean"),
        (runs["anna"], ["--trained-on", "cmb=x"], "the run has no such detector"),
        (runs["anna"], ["--trained-on", "x"], "write it like"),
        (runs["anna"], ["--by", " "], "say who submits"),
    ):
        assert submit(folder, out, *more) == BAD_INPUT
        line = capsys.readouterr().err.splitlines()[-1]
        assert said in line, line
        assert not out.exists()


def test_training_data_must_be_declared(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = tmp_path / "scores.txt"
    ids = [f"test_{n:04d}" for n in range(24)]
    scores.write_text("".join(f"{uid} {n % 7}\n" for n, uid in enumerate(ids)))
    run = tmp_path / "imported"
    given = ["--detector", "mine", "--run", str(run), "--data", str(corpus)]
    assert main(["import-scores", str(scores), *given]) == 0
    assert main(["report", str(run), "--bootstrap", "0", "--samples", "0"]) == 0
    out = ["--out", str(tmp_path / "mine.zip"), "--by", "me"]
    assert main(["submit-results", str(run), *out]) == BAD_INPUT
    assert "mine does not say on what it was trained" in capsys.readouterr().err
    assert main(["submit-results", str(run), *out, "--trained-on", "mine=unknown"]) == 0
    capsys.readouterr()
    assert verify(tmp_path / "mine.zip") == 0
    assert "mine: on what it was trained is unknown" in capsys.readouterr().out


# Boards


def board(out: Path, *files: Path) -> int:
    return main(["board", *map(str, files), "--out", str(out), "--bootstrap", "0"])


def test_a_board_keeps_detectors_of_one_name_apart(
    submissions: dict[str, Path], runs: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "board"
    assert board(out, *submissions.values()) == 0
    table = pd.read_csv(out / "leaderboard.csv")
    assert sorted(table["detector"]) == ["comb.anna", "comb.bob", "random"]
    assert (out / "leaderboard.html").is_file()
    own = pd.read_csv(runs["bob"] / "leaderboard.csv").set_index("detector")
    shown = table.set_index("detector")
    assert shown.loc["comb.bob", "clean_eer"] == own.loc["comb", "clean_eer"]
    listed = pd.read_csv(out / "submissions.csv")
    assert listed["detector"].tolist() == ["comb.anna", "comb.bob", "random", "random"]
    assert listed["submitter"].tolist() == ["anna", "bob", "anna", "bob"]
    assert main(["verify", str(out), "--plugin", str(TOY_PLUGIN)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["board"]


def test_a_submission_of_some_detectors_makes_a_board_alone(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    assert submit(runs["anna"], tmp_path / "some.zip", "--detector", "random") == 0
    with zipfile.ZipFile(tmp_path / "some.zip") as archive:
        parts = [n for n in archive.namelist() if n.startswith(("parts/", "compact/"))]
        for name in parts:
            assert "score:comb" not in pq.read_schema(pa.BufferReader(archive.read(name))).names
    assert board(tmp_path / "board", tmp_path / "some.zip") == 0
    assert pd.read_csv(tmp_path / "board" / "leaderboard.csv")["detector"].tolist() == ["random"]


def test_a_board_refuses_by_name(
    submissions: dict[str, Path],
    corpus: Path,
    weights: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = builders.corpus(tmp_path / "small", test=12, dev=12, seconds=0.5)
    others = {
        "seed": (make_run(tmp_path / "s", corpus, weights["bob"], 1), "another attack seed"),
        "trials": (make_run(tmp_path / "t", small, weights["bob"]), "other test trials"),
    }
    anna = submissions["anna"]
    out = tmp_path / "board"
    for name, (run, said) in others.items():
        file = tmp_path / f"{name}.zip"
        assert submit(run, file) == 0
        capsys.readouterr()
        assert board(out, anna, file) == BAD_INPUT
        line = capsys.readouterr().err.splitlines()[-1]
        assert f"{name} disagrees with anna: {said}" in line
    false = falsified(anna, tmp_path / "false.zip", claim, True)
    assert board(out, anna, false) == BAD_INPUT
    assert f"{false} is not verified: leaderboard.csv" in capsys.readouterr().err
    again = tmp_path / "again" / "anna.zip"
    again.parent.mkdir()
    shutil.copy(anna, again)
    assert board(out, anna, again) == BAD_INPUT
    assert "would both be called anna" in capsys.readouterr().err
    assert board(tmp_path / "small", anna) == BAD_INPUT
    assert "exists already" in capsys.readouterr().err
    assert not out.exists()
