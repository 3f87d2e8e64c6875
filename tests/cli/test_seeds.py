"""Several trainings and draws of the attacks, from the command line to seeds.csv."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.cli.main import main
from benchmark.scores.store import Store
from tests.support.places import TOY_PLUGIN

SUITE = "halve(share=0.3); noise(kind=white, snr=10)"


def bench(toy: Path, folder: Path, *more: object, command: str = "bench") -> int:
    given = ["--data", toy, "--train-data", toy, "--detectors", "comb,random", "--suite", SUITE]
    fixed = ["--run", folder, "--workers", 0, "--plugin", TOY_PLUGIN]
    fixed += ["--samples", 0] if command == "bench" else []
    return main([command, *map(str, [*given, *fixed, *more])])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache that holds the checkpoints of `folder`."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def folder(toy: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(trained))
        assert bench(toy, run, "--attack-seeds", 2, "--train-seeds", 2) == 0
        before = {path: path.stat().st_mtime_ns for path in run.rglob("*.parquet")}
        assert bench(toy, run, "--attack-seeds", 2, "--train-seeds", 2) == 0
        assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*.parquet")}
    return run


def test_every_realisation_is_a_run_of_its_own(folder: Path) -> None:
    heads = {path.name: Store(path).read_head() for path in (folder / "realisations").iterdir()}
    assert set(heads) == {"attack1-train0", "attack0-train1", "attack1-train1"}
    for name, head in heads.items():
        assert head is not None
        assert f"attack{head['seed']}-train{head['options']['train_seed']}" == name
        # what learns nothing is the same in every training
        names = {"comb", "random"} if name.endswith("train0") else {"comb"}
        assert set(head["detectors"]) == names


def test_the_table_tells_trainings_from_draws(folder: Path) -> None:
    table = pd.read_csv(folder / "seeds.csv")
    rows = table.query("over == 'laundered' and metric == 'eer'").set_index(["track", "detector"])
    for track in rows.index.get_level_values("track").unique():
        comb, dice = rows.loc[(track, "comb")], rows.loc[(track, "random")]
        assert (comb["n_trainings"], comb["n_attack_draws"]) == (2, 2)
        assert (dice["n_trainings"], dice["n_attack_draws"]) == (1, 2)
        assert np.isnan(dice["spread_training"]) and np.isfinite(comb["spread_training"])
        assert sorted([comb["rank"], dice["rank"]]) == [1, 2]
    board = pd.read_csv(folder / "leaderboard.csv").set_index(["track", "detector"])
    for key in board.index:
        assert rows.loc[key, "first"] == pytest.approx(board.loc[key, "laundered_eer"], rel=1e-5)


def test_verify_covers_every_realisation(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify = ["verify", "--plugin", str(TOY_PLUGIN)]
    assert main([*verify, str(folder)]) == 0
    assert "attack1-train1: files" in capsys.readouterr().out
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    table = pd.read_csv(again / "seeds.csv", dtype=str)
    table["mean"] = "0.123"
    (again / "seeds.csv").write_text(table.to_csv(index=False))
    assert main([*verify, str(again)]) == 1
    assert "seeds.csv is not what the scores give" in capsys.readouterr().out
    shutil.rmtree(again)
    shutil.copytree(folder, again)
    victim = next((again / "realisations" / "attack0-train1").rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-40])
    assert main([*verify, str(again)]) == 1
    facts = json.loads((folder / "run.json").read_text())
    assert set(facts["realisations"]) == {"attack1-train0", "attack0-train1", "attack1-train1"}


def test_a_realisation_of_another_run_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    other = again / "realisations" / "attack7-train0"
    shutil.copytree(folder / "realisations" / "attack1-train0", other)
    for path in (other / "plans").glob("*.json"):
        path.write_text(path.read_text().replace("snr=10", "snr=11"))
    assert main(["report", str(again), "--plugin", str(TOY_PLUGIN)]) != 0
    assert "attack7-train0" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--attack-seeds", "--train-seeds"])
def test_no_seed_at_all_is_refused(
    option: str, toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(toy, tmp_path / "run", option, 0) == 2
    assert option in capsys.readouterr().err


def test_trainings_of_given_weights_are_refused(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "cache"))
    options = ["--detectors", "random", "--train-seeds", 2]
    assert bench(toy, tmp_path / "run", *options) == 2
    assert "--train-seeds: none of the chosen detectors" in capsys.readouterr().err


def test_the_plan_counts_every_realisation(
    toy: Path, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--attack-seeds", 2, "--train-seeds", 2)
    assert bench(toy, tmp_path / "run") == 0
    capsys.readouterr()
    assert bench(toy, tmp_path / "run", *more, "--json", command="plan") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["units"]["missing"] == 0 and "estimate" in facts
    drawn, *trained = facts["realisations"]
    assert (drawn["attack_seed"], drawn["train_seed"], drawn["absent"]) == (1, 0, [])
    assert drawn["units"]["missing"] == drawn["units"]["planned"] == facts["units"]["planned"]
    for attack, one in enumerate(trained):
        assert (one["attack_seed"], one["train_seed"]) == (attack, 1)
        assert one["detectors"] == ["comb"] and "units" not in one
        (waits,) = one["absent"]
        assert waits.startswith("comb must be trained on ")
    assert bench(toy, tmp_path / "run", *more) == 0
    capsys.readouterr()
    assert bench(toy, tmp_path / "run", *more, command="plan") == 0
    out = capsys.readouterr().out
    assert "estimate" not in out
    units = facts["units"]["planned"]
    lines = [" ".join(line.split()) for line in out.splitlines() if line.startswith("further")]
    assert f"further attack seed 1, train seed 0: {units} units planned, 0 missing" in lines
    assert len(lines) == 3


def test_repeat_and_compare_say_that_they_leave_realisations_out(
    folder: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(trained))
    assert main(["compare", str(folder), str(folder), "--bootstrap", "0"]) == 0
    assert "its 3 further realisations are runs of their own" in capsys.readouterr().err
    given = ["--out", str(tmp_path / "again"), "--plugin", str(TOY_PLUGIN), "--workers", "0"]
    assert main(["repeat", str(folder), *given]) == 0
    out = capsys.readouterr().out
    for name in ("attack1-train0", "attack0-train1", "attack1-train1"):
        one = folder / "realisations" / name
        assert f"not repeated: the realisation {name} (launderbench repeat {one})" in out
