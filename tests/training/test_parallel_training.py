"""Trainings side by side: one that fails stops no other, and an interrupt ends them all."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from benchmark.cli.main import main
from tests.support import builders
from tests.support.killing import PATIENCE_S, ends, started, wait_for

PLUGIN = '''
import os, signal, time
from pathlib import Path
import numpy as np
from launderbench import WaveDetector, detector

HERE = Path(__file__).parent


class Level(WaveDetector):
    summary = "the level"

    def score(self, waves, state):
        return np.array([np.abs(wave).mean() for wave in waves], np.float32)

    def fit(self, waves, bonafide, seed):
        return {"nothing": np.zeros(1)}


@detector("level")
class Good(Level):
    """Learn nothing, a little later than others fail."""

    def fit(self, waves, bonafide, seed):
        time.sleep(1)
        return super().fit(waves, bonafide, seed)


@detector("raises")
class Raises(Level):
    def fit(self, waves, bonafide, seed):
        raise ValueError("no such wave")


@detector("leaves")
class Leaves(Level):
    def fit(self, waves, bonafide, seed):
        raise SystemExit(0)


@detector("dies")
class Dies(Level):
    def fit(self, waves, bonafide, seed):
        os.kill(os.getpid(), signal.SIGKILL)


@detector("sleeps")
class Sleeps(Level):
    def fit(self, waves, bonafide, seed):
        (HERE / "asleep").write_text(str(os.getpid()))
        time.sleep(100_000)
'''


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of a training on a small corpus with the plugin's detectors."""
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "plugin.py").write_text(PLUGIN)
    toy = builders.corpus(tmp_path / "toy", train=12, test=12)
    return ["--plugin", str(tmp_path / "plugin.py"), "--data", str(toy)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "detector 'raises' failed in training: ValueError('no such wave')"),
        ("leaves", "detector 'leaves' failed in training: SystemExit(0)"),
        ("dies", "the process that trained dies died (killed by signal 9"),
    ],
)
def test_a_training_that_fails_stops_no_other(
    name: str, said: str, given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", name, "level", *given]) == 2
    assert said in capsys.readouterr().err
    kept = [path.name for path in (tmp_path / "cache").rglob("level-*.safetensors")]
    assert len(kept) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupt_ends_all_trainings(
    number: signal.Signals, code: int, given: list[str], tmp_path: Path
) -> None:
    process = started(["train", "sleeps", "level", *given], subprocess.DEVNULL)
    assert wait_for((tmp_path / "asleep").is_file, process)
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == code
    assert ends(int((tmp_path / "asleep").read_text()))
