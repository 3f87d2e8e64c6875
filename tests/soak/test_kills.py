"""A run that is killed many times at random gives the scores of an uninterrupted run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import launderbench
from tests.runs.test_foreign_code import options
from tests.support import builders
from tests.support.killing import kill, started, workers_of
from tests.support.places import TOY_PLUGIN

SUITE = "halve(share=0.3); noise(kind=white, snr=10); mp3(kbps=16); resample(rate=8000)"

WIDE = "; ".join(f"noise(kind=white, snr={snr})" for snr in range(40))
KILLS = 50
LONGEST = {"main": 20.0, "workers": 6.0}  # seconds between kills


@pytest.mark.parametrize("seed", range(5))
def test_kills(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "cache"))
    toy = builders.corpus(tmp_path / "toy", train=12, test=200)
    common = ["--plugin", TOY_PLUGIN, "--data", toy]
    assert launderbench.run("train", "comb", "raw-cnn", *map(str, common)) == 0
    dice = random.Random(seed)

    def start(folder: Path) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "benchmark", "run", *common, "--train-data", toy,
            "--detectors", "comb,raw-cnn", "--suite", SUITE, "--run", folder, "--workers", "2",
        ]  # fmt: skip
        return subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)

    assert start(tmp_path / "whole").wait() == 0
    kills = 0
    for _ in range(10):
        process = start(tmp_path / "killed")
        time.sleep(dice.uniform(0.5, 12))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    assert start(tmp_path / "killed").wait() == 0
    keys = ["detector", "condition", "split", "utterance_id"]
    whole, killed = (
        launderbench.load_scores(tmp_path / name).sort_values(keys).reset_index(drop=True)
        for name in ("whole", "killed")
    )
    pd.testing.assert_frame_equal(whole, killed)


@pytest.mark.parametrize("target", ["main", "workers"])
def test_many_kills_leave_no_trace(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "cache"))
    toy = builders.corpus(tmp_path / "toy", test=600, seconds=3.0)
    dice = random.Random(target)

    def start(name: str, *more: object) -> subprocess.Popen[str]:
        given = options(toy, tmp_path / name, "evil,evil(every=3)", WIDE, "--workers", 2, *more)
        return started(given, subprocess.DEVNULL)  # a full pipe would hold it up

    process, kills = start("killed"), 0
    while kills < KILLS and process.poll() != 0:
        if process.poll() is not None:
            process = start("killed")
        time.sleep(dice.uniform(0.5, LONGEST[target]))
        victims = [process.pid] if target == "main" else workers_of(process)
        if victims and process.poll() is None and kill(dice.choice(victims)):
            kills += 1
            if target == "main":
                process.wait()
    process.wait()
    assert kills == KILLS  # the run must not have ended before
    for name in ("killed", "whole"):  # three kills in one unit make failures, which are tried again
        for more in ((), ("--retry-failures",)):
            assert start(name, *more).wait() == 0
    keys = ["detector", "condition", "split", "utterance_id"]
    whole, killed = (
        launderbench.load_scores(tmp_path / name).sort_values(keys).reset_index(drop=True)
        for name in ("whole", "killed")
    )
    pd.testing.assert_frame_equal(whole, killed)
