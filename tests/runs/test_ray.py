"""Ray as executor: the digest of one process, what nodes must have in common, and bad input."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data.file_hashes import stamps
from benchmark.runs import executor_choice, ray_cluster
from benchmark.runs.ray_worker import NodeDemand, own_version
from benchmark.runs.run_config import ExecutionConfig
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.scores.plan_files import POINTER
from tests.runs.test_foreign_code import options

SUITE = "evil(share=1.0); lowpass(cutoff=4000)"
STORE = 100 * 2**20
AUDIO = "flac/test_0000.flac"


@pytest.fixture
def demand(toy: Path, tmp_path: Path) -> NodeDemand:
    """What this machine has itself."""
    head = tmp_path / POINTER
    head.write_bytes(b"plan")
    weights = tmp_path / "net.safetensors"
    weights.write_bytes(b"weights")
    version, commit = own_version()
    size = stamps(toy, [AUDIO])[0].partition(":")[0]
    conditions = {"lowpass(cutoff=4000)": "lowpass(cutoff=4000)#1"}
    return NodeDemand(
        version, commit, (toy, AUDIO), size, (head, b"plan"), (weights,), conditions
    )  # fmt: skip


def test_a_node_with_everything_is_accepted(demand: NodeDemand, tmp_path: Path) -> None:
    from attacks.contract.condition import parse

    spelled = "lowpass(cutoff=4000)"
    whole = replace(demand, conditions={spelled: parse(spelled).identity()})
    assert whole.fault(WorkerSetup(tmp_path, (), "cpu")) == ""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": "9.9.9"}, r"has LaunderBench \S+, not 9\.9\.9"),
        ({"audio": (Path("/nowhere"), "a.flac")}, r"has no audio: /nowhere/a\.flac is not there"),
        ({"audio": (Path("memory://nobody"), "a.wav")}, r"no audio: memory://nobody/a\.wav is not"),
        ({"size": "7"}, r"has other audio: \S+ is not of 7 bytes"),
        ({"head": (Path("/nowhere/plan.json"), b"")}, r"does not share the run folder: /nowhere"),
        ({"files": (Path("/nowhere/net"),)}, r"lacks the file /nowhere/net"),
        ({}, r"has other files or code for lowpass\(cutoff=4000\)"),
    ],
)
def test_what_a_node_lacks_is_said(
    changed: dict[str, object], words: str, demand: NodeDemand, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("LAUNDERBENCH_REMOTE", raising=False)
    asked = replace(demand, **changed)  # type: ignore[arg-type]
    fault = asked.fault(WorkerSetup(tmp_path, (), "cpu"))
    assert re.search(words, fault) and "\n" not in fault


def test_a_node_of_another_commit_is_named_with_both(demand: NodeDemand, tmp_path: Path) -> None:
    if demand.commit is None:
        pytest.skip("this source has no git history")
    asked = replace(demand, commit="f" * 40)
    fault = asked.fault(WorkerSetup(tmp_path, (), "cpu"))
    assert demand.commit[:12] in fault and "f" * 12 in fault


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ray://head:10001", "give HOST:PORT of the head"),
        ("head", "give HOST:PORT of the head"),
        ("127.0.0.1:port", "give HOST:PORT of the head"),
        ("127.0.0.1:1", "no Ray cluster answers there"),
        ("127.0.0.1:99999", "no Ray cluster answers there"),
    ],
)
def test_an_unreachable_address_is_refused_at_once(address: str, words: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(InputError, match=words) as caught, ray_cluster.connected(address, 1):
        pass
    assert address in str(caught.value) and "\n" not in str(caught.value)


def test_ray_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=re.escape("pip install 'launderbench[ray]'")):
        executor_choice.chosen(ExecutionConfig(executor="ray"), "auto", (torch.device("cpu"),))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"executor": "dask"}, "unknown executor 'dask'"),
        ({"address": "auto"}, "--executor ray"),
        ({"scorers": 2}, "--executor ray"),
        ({"executor": "ray", "scorers": -1}, "scorers"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ExecutionConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "words"), [({"workers": 0}, "--workers 1"), ({"here": True}, "other nodes")]
)
def test_what_ray_cannot_do_is_refused(settings: dict[str, object], words: str) -> None:
    pytest.importorskip("ray")
    execution = ExecutionConfig(executor="ray", **settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=words):
        executor_choice.chosen(execution, "auto", (torch.device("cpu"),))


@pytest.fixture(scope="module")
def own_ray() -> Iterator[None]:
    """Ray on this machine, small, for the module."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local", num_cpus=2, object_store_memory=STORE, include_dashboard=False,
        log_to_driver=False, logging_level="ERROR",
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.mark.usefixtures("own_ray")
def test_ray_gives_the_digest_of_one_process(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmark.scores.unit_keys.SHARD", 12)
    ways = {"one": ("--workers", 0), "ray": (), "actors": ("--scorers", 1)}
    digests, parts = set(), set()
    for name, more in ways.items():
        folder = tmp_path / name
        ray = () if name == "one" else ("--executor", "ray")
        assert main(options(toy, folder, "evil", SUITE, *ray, *more)) == 0
        out = capfd.readouterr().out
        (digest,) = re.findall(r"run digest (\w+)", out)
        assert "ray" not in out.replace(str(folder), "").lower()
        digests.add(digest)
        parts.add(tuple(sorted(path.name for path in folder.rglob("*.parquet"))))
    assert len(digests) == 1
    assert len(parts) == 1  # keys and content of every part


@pytest.mark.usefixtures("own_ray")
def test_more_scorers_than_the_cluster_has_are_refused(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = options(toy, tmp_path / "run", "evil", SUITE, "--executor", "ray", "--scorers", 2)
    assert main(arguments) == 2
    assert "--scorers 2: the Ray cluster has 2 CPUs" in capsys.readouterr().err


@pytest.mark.usefixtures("own_ray")
def test_a_worker_without_the_audio_is_named(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setenv("LAUNDERBENCH_REMOTE", "")  # restored, since the run sets it
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")  # of this process, which no worker shares
    memory.put(f"{toy}/flac", "/here/flac", recursive=True)
    more = ("--audio-root", "memory://here", "--executor", "ray")
    arguments = options(toy / "protocol.csv", tmp_path / "run", "evil", SUITE, *more)
    assert main(arguments) == 2
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "has no audio" in text]
    assert f"node {socket.gethostname()}" in line and "memory://here/flac/" in line
