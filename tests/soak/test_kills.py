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
from tests.support import builders
from tests.support.places import TOY_PLUGIN

SUITE = "halve(share=0.3); noise(kind=white, snr=10); mp3(kbps=16); resample(rate=8000)"


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
