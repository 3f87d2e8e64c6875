"""Where detectors score: in workers, in the process of a device, or in one for each device."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import launderbench
from attacks.contract.suites import parse_suite
from benchmark.core.errors import InputError
from benchmark.core.supervisor import Supervisor
from benchmark.data import loading
from benchmark.data.trial_table import with_stamps
from benchmark.inference import checkpoints, scorer
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import resolve_devices
from benchmark.runs import executor_choice, profile, provenance, runner, utilisation
from benchmark.runs.executor import Processes
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import ExecutionConfig
from benchmark.runs.unit_worker import Role, WorkerSetup
from benchmark.scores.store import Store
from benchmark.workers import plugins
from benchmark.workers.context import ProcessContext

PLUGIN = Path(__file__).parents[1] / "support" / "whereabouts_plugin.py"
SUITE = "noise(kind=white, snr=10); lowpass(cutoff=4000)"
WAYS = {
    "one process": Processes(0),
    "workers": Processes(1),
    "device": Processes(1, split_scoring=True),
    "devices": Processes(1, True, ("cpu", "cpu")),
}


@pytest.fixture
def ready(tmp_path: Path) -> tuple[Checkpoint, ...]:
    plugins.load([PLUGIN])
    network = profile.untrained("raw-cnn", tmp_path)
    assert network is not None
    state = tmp_path / "process.safetensors"
    checkpoints.save(state, {"one": np.ones(1, np.float32)}, {"detector": "process"})
    return checkpoints.load(state), checkpoints.ready_made("loudness"), network


def run(toy: Path, folder: Path, ready: tuple[Checkpoint, ...], way: Processes) -> pd.DataFrame:
    protocol = loading.open_data(toy)
    test, dev = (with_stamps(protocol.split(split)) for split in ("test", "dev"))
    plan = RunPlan(test, dev, "x", parse_suite(SUITE).conditions, ready, 0)
    store = Store(folder)
    runner.write_plan(plan, store)
    setup = WorkerSetup(folder, ready, "cpu", ProcessContext((PLUGIN,)))
    runner.run(runner.missing(plan, store), setup, way)
    keys = ["detector", "condition", "split", "utterance_id"]
    return launderbench.load_scores(folder).sort_values(keys).reset_index(drop=True)


def test_scores_are_the_same_wherever_detectors_score(
    toy: Path,
    tmp_path: Path,
    ready: tuple[Checkpoint, ...],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("benchmark.runs.executor.ENOUGH", 1)
    found = {
        name: run(toy, tmp_path / str(number), ready, way)
        for number, (name, way) in enumerate(WAYS.items())
    }
    alike = {name: table.query("detector != 'process'") for name, table in found.items()}
    for name in WAYS:
        pd.testing.assert_frame_equal(alike["one process"], alike[name])
        assert set(found[name]["detector"]) == {"process", "loudness", "raw-cnn"}
    mine = float(np.float32(os.getpid()))
    processes = {name: set(table.query("detector == 'process'")["score"]) for name, table in
                 found.items()}  # fmt: skip
    assert processes["one process"] == {mine}
    assert mine not in processes["device"] | processes["devices"] | processes["workers"]
    assert len(processes["device"]) == len(processes["devices"]) == 1, "not in the one launderer"
    whole, device, devices = [line for line in caplog.messages if "idle" in line]
    assert whole.startswith("1 worker laundered and scored, idle ")
    assert device.startswith("1 worker laundered, idle ") and "; cpu scored, idle " in device
    assert "; cpu, cpu scored, idle " in devices


def test_roles_share_detectors_without_leaving_one_out(ready: tuple[Checkpoint, ...]) -> None:
    launders = Role.LAUNDERS.detectors(ready)
    scores = Role.SCORES.detectors(ready)
    assert [one.name for one in launders] == ["process", "loudness"]
    assert [one.name for one in scores] == ["raw-cnn"]
    assert Role.WHOLE.detectors(ready) == ready


def test_a_part_that_nobody_scored_is_not_written(
    toy: Path, tmp_path: Path, ready: tuple[Checkpoint, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Role, "detectors", lambda role, every: tuple(every)[2:])
    with pytest.raises(AssertionError, match="process"):
        run(toy, tmp_path / "run", ready, Processes(0))


def test_a_function_of_this_program_scores_where_it_is(tmp_path: Path) -> None:
    @launderbench.detector("mine")
    def mine(wave: np.ndarray) -> float:
        return float(wave.mean())

    ready = [checkpoints.ready_made("mine")]
    assert Role.LAUNDERS.detectors(ready) == ()
    assert [one.name for one in Role.SCORES.detectors(ready)] == ["mine"]


def test_every_scoring_process_keeps_its_device_and_its_successor_too() -> None:
    with Supervisor(_where, 2, _keep, (), own=("a", "b")) as pool:
        for number in range(40):
            pool.submit(number)
        found = []
        while pool.outstanding:
            result = pool.next()
            if isinstance(result, str):
                found.append(result)
            else:
                pool.submit(0)  # in place of the one that ended its process
        assert set(found) == {"a", "b"}
        assert len(found) == 40
        assert 0.0 <= pool.idle() <= 1.0


_kept = ""


def _keep(device: str) -> None:
    global _kept
    _kept = device


def _where(number: int) -> str:
    if number == 7:
        os._exit(3)
    return _kept


def test_devices_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("cpu,cpu", "cuda:0,cuda:0", "cuda,cuda:1", "cuda:0,tpu", "cuda:0,cuda:2"):
        with monkeypatch.context() as patch:
            patch.setattr(torch.cuda, "is_available", lambda: True)
            patch.setattr(torch.cuda, "device_count", lambda: 2)
            with pytest.raises(InputError, match="device"):
                resolve_devices(wrong)
    if not torch.cuda.is_available():
        for absent in ("cuda:all", "cuda:0,cuda:1"):
            with pytest.raises(InputError, match="not available"):
                resolve_devices(absent)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    both = (torch.device("cuda:0"), torch.device("cuda:1"))
    assert resolve_devices("cuda:all") == resolve_devices("cuda:0, cuda:1") == both
    chosen = executor_choice.chosen(ExecutionConfig(4), "cuda:all", both)
    assert chosen == Processes(4, True, ("cuda:0", "cuda:1"))
    with pytest.raises(InputError, match="one device"):
        executor_choice.chosen(ExecutionConfig(here=True), "cuda:all", both)
    monkeypatch.setattr(torch.cuda, "get_device_name", {"cuda:0": "X", "cuda:1": "X"}.get)
    known = provenance.machine("cuda:0,cuda:1")
    assert (known["device"], known["gpu"]) == ("cuda:0,cuda:1", "X")
    assert provenance.machine("cpu")["gpu"] is None
    assert scorer.ALL_CUDA == "cuda:all"


@pytest.mark.parametrize(
    ("workers_idle", "device_idle", "words"),
    [(0.0, 0.9, "the device waited"), (0.6, 0.0, "workers waited"), (0.1, 0.1, "neither")],
)
def test_advice_names_the_side_that_was_waited_for(
    workers_idle: float, device_idle: float, words: str
) -> None:
    assert words in utilisation.split(4, workers_idle, "cuda:0", device_idle)


def test_a_clock_tells_waiting_from_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(utilisation.time, "monotonic", lambda: now[0])

    def items() -> Iterator[int]:
        for number in range(3):
            now[0] += 100.0 if number == 0 else 3.0
            yield number

    clock = utilisation.Clock()
    for _ in clock.waits(items()):
        now[0] += 2.0
    assert clock.idle() == pytest.approx(6.0 / 12.0)
