"""End to end through the command line, on a toy corpus."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import launderbench
from attacks.contract.base import registry as attack_registry
from attacks.contract.suites import parse_suite
from benchmark.cli.main import main
from benchmark.data import loading
from benchmark.data.trial_table import with_stamps
from benchmark.inference import checkpoints
from benchmark.runs import runner
from benchmark.runs.executor import Processes
from benchmark.runs.plan import RunPlan
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.scores.store import Store
from benchmark.workers.context import ProcessContext
from tests.support import builders
from tests.support.places import TOY_PLUGIN

SUITE = "halve(share=0.3); noise(kind=white, snr=10); lowpass(cutoff=4000) | halve(share=0.5)"


@pytest.fixture(scope="module")
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the toy detectors, trained on the toy corpus."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(cache))
        for name in ("comb", "raw-cnn"):
            out = weights(cache, name)
            assert cli("train", name, "--epochs", 1, "--data", toy, "--out", out) == 0
        for name in ("wild", "crash"):
            arrays = {"sign": np.ones(1, np.float32)}
            checkpoints.save(weights(cache, name), arrays, {"detector": name})
    return cache


def weights(cache: Path, name: str) -> Path:
    return cache / f"{name}.safetensors"


@pytest.fixture
def cached(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(trained))
    return trained


def cli(command: str, *arguments: object) -> int:
    return main([command, "--plugin", str(TOY_PLUGIN), *map(str, arguments)])


def arguments(toy: Path, folder: Path, detectors: str) -> list[object]:
    cache = Path(os.environ["LAUNDERBENCH_CACHE"])
    given = [part for n in detectors.split(",") for part in ("--checkpoint", weights(cache, n))]
    return ["--data", toy, *given, "--suite", SUITE, "--run", folder, "--workers", 0]


def run(toy: Path, folder: Path, *more: object, detectors: str = "comb,raw-cnn") -> int:
    return cli("run", *arguments(toy, folder, detectors), *more)


def scores(folder: Path) -> pd.DataFrame:
    keys = ["detector", "condition", "split", "utterance_id"]
    return launderbench.load_scores(folder).sort_values(keys).reset_index(drop=True)


def test_a_run_gives_a_leaderboard_of_every_cell(toy: Path, cached: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert run(toy, folder) == 0
    conditions = pd.read_csv(folder / "conditions_full.csv")
    assert len(conditions) == 2 * 2 * 4  # tracks x detectors x conditions, clean included
    assert conditions["complete"].all()
    comb = conditions.query("detector == 'comb' and condition == 'clean' and track == 'neural'")
    assert comb["eer"].item() == 0.0
    board = pd.read_csv(folder / "leaderboard.csv")
    assert board["detector"].tolist()[0] == "comb"
    assert "<html" in (folder / "leaderboard.html").read_text()
    assert cli("verify", folder) == 0


def test_workers_serial_and_split_scoring_give_the_same_bits(
    toy: Path, cached: Path, tmp_path: Path
) -> None:
    run(toy, tmp_path / "serial")
    run(toy, tmp_path / "pooled", "--workers", 2)
    pd.testing.assert_frame_equal(scores(tmp_path / "serial"), scores(tmp_path / "pooled"))

    protocol = loading.open_data(toy)
    ready = tuple(checkpoints.load(weights(cached, name)) for name in ("comb", "raw-cnn"))
    conditions = parse_suite(SUITE).conditions
    test, dev = (with_stamps(protocol.split(split)) for split in ("test", "dev"))
    plan = RunPlan(test, dev, "x", conditions, ready, 0)
    store = Store(tmp_path / "split")
    runner.write_plan(plan, store)
    setting = WorkerSetup(store.folder, ready, "cpu", ProcessContext((TOY_PLUGIN,)))
    runner.run(runner.missing(plan, store), setting, Processes(1, split_scoring=True))
    pd.testing.assert_frame_equal(scores(tmp_path / "serial"), scores(tmp_path / "split"))


def test_another_seed_changes_the_laundered_scores_only(
    toy: Path, cached: Path, tmp_path: Path
) -> None:
    run(toy, tmp_path / "a", detectors="comb")
    run(toy, tmp_path / "b", "--seed", 7, detectors="comb")
    first, second = scores(tmp_path / "a"), scores(tmp_path / "b")
    same = first["score"] == second["score"]
    assert same[first["condition"] == "clean"].all()
    assert not same[first["condition"] == "noise(kind=white, snr=10, reference=active)"].any()


def test_a_second_run_computes_nothing(
    toy: Path, cached: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    run(toy, folder)
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*.parquet") if "parts" in str(p)}
    page = (folder / "conditions_full.csv").read_bytes()
    capsys.readouterr()
    assert run(toy, folder) == 0
    assert "0 of 5 units to do" in capsys.readouterr().err
    after = {p: p.stat().st_mtime_ns for p in folder.rglob("*.parquet") if "parts" in str(p)}
    assert before == after
    assert page == (folder / "conditions_full.csv").read_bytes()


def test_an_added_detector_computes_only_its_own_scores(
    toy: Path, cached: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    run(toy, folder, detectors="comb")
    before = scores(folder)
    assert run(toy, folder, detectors="comb,raw-cnn") == 0
    after = scores(folder)
    assert set(after["detector"]) == {"comb", "raw-cnn"}
    kept = after[after["detector"] == "comb"].reset_index(drop=True)
    pd.testing.assert_frame_equal(before, kept)


def test_a_run_killed_at_random_moments_ends_in_the_same_scores(
    toy: Path, cached: Path, tmp_path: Path
) -> None:
    run(toy, tmp_path / "whole")
    folder, dice = tmp_path / "killed", random.Random(4)
    command = [sys.executable, "-m", "benchmark", "run", "--plugin", TOY_PLUGIN]
    command += arguments(toy, folder, "comb,raw-cnn")
    kills = 0
    for _ in range(3):
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
        had = len(list(folder.rglob("*.parquet")))
        while process.poll() is None and len(list(folder.rglob("*.parquet"))) <= had:
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.05))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    assert run(toy, folder) == 0
    pd.testing.assert_frame_equal(scores(tmp_path / "whole"), scores(folder))


def test_an_unreadable_file_leaves_every_cell_and_is_listed(cached: Path, tmp_path: Path) -> None:
    root = builders.corpus(tmp_path / "toy", test=24)
    (root / "flac" / "test_0003.flac").write_bytes(b"not audio")
    soundfile.write(root / "flac" / "test_0005.flac", np.zeros(0, np.float32), 16000)
    assert run(root, tmp_path / "run", detectors="comb") == 0
    failures = pd.read_csv(tmp_path / "run" / "failures.csv")
    assert set(failures["utterance_id"]) == {"test_0003", "test_0005"}
    assert failures["cause"].str.contains("cannot be decoded|is empty").all()
    conditions = pd.read_csv(tmp_path / "run" / "conditions_full.csv")
    assert conditions["complete"].all()
    assert set(conditions.query("track == 'neural'")["n_spoof"]) == {7}
    assert conditions["trial_digest"].nunique() == 2  # one a track, not the planned ones
    assert (conditions["coverage"] < 1).all()
    assert cli("verify", tmp_path / "run") == 1


def test_nan_scores_and_crashes_cost_their_own_cells_only(
    toy: Path, cached: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert run(toy, folder, detectors="comb,wild,crash") == 0
    board = pd.read_csv(folder / "leaderboard.csv").set_index("detector")
    assert board.loc["comb", "rank"] == 1
    assert board.loc[["wild", "crash"], "rank"].isna().all()
    failures = pd.read_csv(folder / "failures.csv")
    assert failures.query("detector == 'wild'")["cause"].str.startswith("non-finite").all()
    assert failures.query("detector == 'crash'")["cause"].str.contains("out of luck").all()
    assert cli("verify", folder) == 1


def test_an_attack_that_fails_on_some_utterances_makes_its_cell_incomplete(
    toy: Path, cached: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert run(toy, folder, "--suite", "refuses", detectors="comb") == 0
    cells = pd.read_csv(folder / "conditions_full.csv").query("track == 'neural'")
    assert cells.set_index("condition")["complete"].to_dict() == {"clean": True, "refuses": False}
    failures = pd.read_csv(folder / "failures.csv")
    assert (failures["kind"] == "attack").all()
    assert failures["cause"].str.contains("no such room").all()


def test_plan_says_what_would_run(
    toy: Path, cached: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli("plan", *arguments(toy, tmp_path / "run", "comb"))
    out = capsys.readouterr().out
    assert code == 0
    assert "5 planned, 5 missing" in out
    assert "estimate" in out
    assert not (tmp_path / "run").exists()


BAD = [
    (["--suite", "niose(snr=3)"], "unknown attack 'niose'; did you mean 'noise'"),
    (["--suite", "noise(snr=loud)"], "snr must be a number, not 'loud'"),
    (["--suite", "noise(snrr=3)"], "unknown parameter of noise 'snrr'; did you mean 'snr'"),
    (["--suite", "reverberation(rt60=-1)"], "rt60=-1 is out of range"),
    (["--suite", "launderin"], "did you mean 'laundering'"),
    (["--detectors", "resnet"], "unknown detector 'resnet'; did you mean 'resnet18'"),
    (["--data", "/nowhere/at/all"], "data folder not found: /nowhere/at/all"),
    (["--limit", "1"], "argument --limit: 1 is out of range (at least 2)"),
    (["--limit", "few"], "'few' is not a whole number"),
    (["--workers", "-3"], "argument --workers: -3 is out of range"),
    (["--seed", "-1"], "argument --seed: -1 is out of range"),
    (["--suite", ";"], "no conditions"),
    (["--detectors", "resnet18", "--train-data", "/nowhere"], "data folder not found: /nowhere"),
    (["--plugin", "/nowhere.py"], "plugin file not found: /nowhere.py"),
    (["--device", "gpu"], "unknown device 'gpu'"),
    (["--noise-dir", "/nowhere"], "noise folder not found: /nowhere"),
    (["--checkpoint", "/nowhere.safetensors"], "checkpoint not found: /nowhere.safetensors"),
]


@pytest.mark.parametrize(("more", "message"), BAD, ids=[" ".join(more) for more, _ in BAD])
def test_bad_input_is_one_sentence_and_code_2(
    more: list[str],
    message: str,
    toy: Path,
    cached: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(toy, tmp_path / "run", *more, detectors="comb") == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_of_other_trials_or_another_seed_is_refused(
    toy: Path, cached: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    run(toy, folder, detectors="comb")
    kept = scores(folder)
    assert run(toy, folder, "--limit", 8, detectors="comb") == 2
    assert "another trial digest" in capsys.readouterr().err
    pd.testing.assert_frame_equal(kept, scores(folder))


def test_report_needs_neither_audio_nor_weights(toy: Path, cached: Path, tmp_path: Path) -> None:
    root = shutil.copytree(toy, tmp_path / "toy")
    run(root, tmp_path / "run", detectors="comb")
    before = (tmp_path / "run" / "leaderboard.csv").read_bytes()
    shutil.rmtree(root)
    (tmp_path / "run" / "leaderboard.csv").unlink()
    assert cli("report", tmp_path / "run") == 0
    assert (tmp_path / "run" / "leaderboard.csv").read_bytes() == before


def test_report_of_a_folder_without_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("report", tmp_path) == 2
    assert "holds no run" in capsys.readouterr().err


def test_training_again_gives_the_same_bytes(toy: Path, cached: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for file in files:
        assert cli("train", "raw-cnn", "--epochs", 2, "--data", toy, "--out", file) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].with_suffix(".png").is_file()
    assert len(pd.read_csv(files[0].with_suffix(".csv"))) == 2


def test_replaced_audio_is_computed_anew_and_the_rest_is_kept(cached: Path, tmp_path: Path) -> None:
    root, folder = builders.corpus(tmp_path / "toy", test=96, seconds=0.3), tmp_path / "run"
    run(root, folder, detectors="comb")
    before = scores(folder).set_index(["condition", "utterance_id"])["score"]
    soundfile.write(root / "flac" / "test_0090.flac", builders.fake(99, 0.3), 16000)
    run(root, folder, detectors="comb")
    after = scores(folder).set_index(["condition", "utterance_id"])["score"]
    changed = before.index[before != after.reindex(before.index)]
    assert set(changed.get_level_values("utterance_id")) == {"test_0090"}
    assert len(changed) == 4


def test_a_repaired_file_comes_back(cached: Path, tmp_path: Path) -> None:
    root, folder = builders.corpus(tmp_path / "toy", test=24), tmp_path / "run"
    sound = (root / "flac" / "test_0003.flac").read_bytes()
    (root / "flac" / "test_0003.flac").write_bytes(b"not audio")
    run(root, folder, detectors="comb")
    assert len(pd.read_csv(folder / "failures.csv"))
    (root / "flac" / "test_0003.flac").write_bytes(sound)
    assert run(root, folder, detectors="comb,raw-cnn") == 0
    assert pd.read_csv(folder / "failures.csv").empty
    assert cli("verify", folder) == 0


def test_retried_failures_replace_their_parts(
    toy: Path, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    refuses = attack_registry.get("refuses")
    run(toy, folder, "--suite", "refuses", detectors="comb")
    monkeypatch.setattr(refuses, "__call__", lambda self, wave, sample_rate, rng: wave / 2 + 0.1)
    run(toy, folder, "--suite", "refuses", detectors="comb,raw-cnn")
    assert cli("verify", folder) == 1
    run(toy, folder, "--suite", "refuses", "--retry-failures", detectors="comb,raw-cnn")
    assert pd.read_csv(folder / "failures.csv").empty
    assert pd.read_csv(folder / "conditions_full.csv")["complete"].all()


def test_a_detector_of_an_earlier_run_stays_on_the_leaderboard(
    toy: Path, cached: Path, tmp_path: Path
) -> None:
    run(toy, tmp_path / "run", detectors="comb")
    run(toy, tmp_path / "run", detectors="raw-cnn")
    assert set(pd.read_csv(tmp_path / "run" / "leaderboard.csv")["detector"]) == {"comb", "raw-cnn"}


def test_weights_that_do_not_fit_are_told_before_any_work(
    toy: Path, cached: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.safetensors"
    checkpoints.save(wrong, {"x": np.ones(1, np.float32)}, {"detector": "raw-cnn"})
    code = cli("run", "--data", toy, "--checkpoint", wrong, "--suite", SUITE,
               "--run", tmp_path / "run", "--workers", 2)  # fmt: skip
    assert code == 2
    assert "wrong.safetensors does not fit raw-cnn" in capsys.readouterr().err


def test_a_trained_detector_is_not_trained_again_and_says_so(
    toy: Path, cached: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("train", "comb", "--data", toy) == 0
    assert cli("train", "comb", "--data", toy) == 0
    assert "comb is trained already" in capsys.readouterr().err
