"""A plugin whose source changes: its scores are computed again, and no table mixes two codes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import launderbench
from benchmark.cli.main import main
from benchmark.inference import checkpoints
from tests.conftest import forgetting_plugins

PLUGIN = """
from dataclasses import dataclass

import numpy as np

from launderbench import Attack, WaveDetector, attack, detector, number


@attack("squash")
@dataclass(frozen=True)
class Squash(Attack):
    family = "channel"
    share: float = number(0.5, low=0.01, high=1.0)

    def __call__(self, wave, sample_rate, rng):
        top = np.float32(self.share * np.abs(wave).max()) * np.float32(1.0)  # TOP
        return np.clip(wave, -top, top)
"""
DETECTORS = """
import numpy as np

from launderbench import WaveDetector, detector


@detector("loud", version=1)
def loud(wave):
    return float(np.abs(wave).mean()) * 1.0  # GAIN


@detector("peak")
class Peak(WaveDetector):
    def fit(self, waves, bonafide, seed):
        return {"sign": np.ones(1, np.float32)}

    def score(self, waves, state):
        return np.array([np.abs(w).max() * 1.0 for w in waves], np.float32)  # GAIN
"""
UNITS = 4  # dev clean, test clean, squash, lowpass


class Bench:
    """A run whose plugin files can be edited between its commands."""

    def __init__(self, root: Path, toy: Path) -> None:
        self.toy, self.folder = toy, root / "run"
        self.attack, self.detectors = root / "squashing.py", root / "scoring.py"
        self.attack.write_text(PLUGIN)
        self.detectors.write_text(DETECTORS)
        self.weights = root / "peak.safetensors"
        checkpoints.save(self.weights, {"sign": np.ones(1, np.float32)}, {"detector": "peak"})

    def run(self, capsys: pytest.CaptureFixture[str], workers: int = 0) -> int:
        """Run all, and return the number of units that were computed."""
        options = [
            "--plugin", self.attack, "--plugin", self.detectors, "--data", self.toy,
            "--detectors", "loud", "--checkpoint", self.weights, "--suite",
            "squash; lowpass(cutoff=4000)", "--run", self.folder, "--workers", workers,
            "--samples", 0,
        ]  # fmt: skip
        capsys.readouterr()
        with forgetting_plugins():
            assert main(["run", *map(str, options)]) == 0
        found = re.search(r"(\d+) of (\d+) units to do", capsys.readouterr().err)
        assert found is not None and int(found.group(2)) == UNITS
        return int(found.group(1))

    def scores(self) -> pd.DataFrame:
        """Return the scores of the run, under their keys."""
        table = launderbench.load_scores(self.folder)
        keys = ["detector", "condition", "split", "utterance_id"]
        return table.astype(dict.fromkeys(keys, str)).set_index(keys).sort_index()[["score"]]

    def edit(self, path: Path, old: str, new: str) -> None:
        """Change the source of a plugin within the tick of the clock of its last change."""
        text, before = path.read_text(), path.stat()
        assert old in text
        path.write_text(text.replace(old, new))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def bench(toy: Path, tmp_path: Path, cache: Path) -> Bench:
    return Bench(tmp_path, toy)


def test_an_unchanged_plugin_computes_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run(capsys) == UNITS
    assert bench.run(capsys) == 0
    (plan,) = (bench.folder / "plans").glob("*.json")
    identities = [c["identity"] for c in json.loads(plan.read_text())["conditions"]]
    digest = hashlib.sha256(bench.attack.read_bytes()).hexdigest()
    assert identities == ["clean", f"squash(share=0.5)#v1@{digest[:16]}", "lowpass(cutoff=4000)#v1"]
    (origin,) = (json.loads(p.read_text()) for p in (bench.folder / "origins").iterdir())
    assert origin["plugins"]["squashing.py"] == digest  # a name, no path of this machine
    assert origin["plugins"]["scoring.py"] == hashlib.sha256(DETECTORS.encode()).hexdigest()
    assert str(bench.attack.parent) not in json.dumps(origin)


def test_a_changed_attack_is_computed_again_and_never_mixed(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(capsys)
    before = bench.scores()
    bench.edit(bench.attack, "np.float32(1.0)  # TOP", "np.float32(0.5)  # TOP")
    assert bench.run(capsys) == 1
    after = bench.scores()
    assert before.index.equals(after.index)
    changed = (before["score"] != after["score"]).groupby("condition").any()
    assert changed.to_dict() == {
        "clean": False, "lowpass(cutoff=4000)": False, "squash(share=0.5)": True,
    }  # fmt: skip
    bench.edit(bench.attack, "np.float32(0.5)  # TOP", "np.float32(1.0)  # TOP")
    assert bench.run(capsys) == 0  # the old rows are still there, under their identity
    pd.testing.assert_frame_equal(bench.scores(), before)


def test_a_changed_detector_is_computed_again_and_never_mixed(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(capsys)
    before = bench.scores()
    bench.edit(bench.detectors, "* 1.0", "* 2.0")
    assert bench.run(capsys) == UNITS
    after = bench.scores()  # the function has a version, but a file of its own as well
    pd.testing.assert_frame_equal(after, before * np.float32(2))
    board = pd.read_csv(bench.folder / "conditions_full.csv")
    assert set(board["detector"]) == {"loud", "peak"} and board["complete"].all()


def test_a_run_that_is_half_of_an_old_code_shows_the_new_one_alone(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(capsys)
    bench.edit(bench.attack, "np.float32(1.0)  # TOP", "np.float32(0.5)  # TOP")
    options = ["--plugin", bench.attack, "--plugin", bench.detectors, "--data", bench.toy]
    with forgetting_plugins():
        assert main([
            "run", *map(str, options), "--detectors", "loud", "--suite",
            "squash; lowpass(cutoff=4000)", "--run", str(bench.folder), "--workers", "0",
            "--samples", "0",
        ]) == 0  # fmt: skip
    assert set(bench.scores().index.get_level_values("detector")) == {"loud"}  # peak: old attack


def test_a_plugin_that_changes_during_a_run_stops_its_workers(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmark.runs import executor

    start = executor.Supervisor

    def late(*arguments: object) -> object:  # the workers start after the edit
        bench.edit(bench.attack, "np.float32(1.0)  # TOP", "np.float32(0.5)  # TOP")
        return start(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(executor, "Supervisor", late)
    options = ["--plugin", bench.attack, "--plugin", bench.detectors, "--data", bench.toy]
    with forgetting_plugins():
        code = main([
            "run", *map(str, options), "--detectors", "loud", "--suite", "squash", "--run",
            str(bench.folder), "--workers", "1",
        ])  # fmt: skip
    assert code == 2
    assert "the plugin squashing.py was changed while it was in use" in capsys.readouterr().err
