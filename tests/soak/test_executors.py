"""One small plan in five ways: one process, two workers, Ray, Ray with a killed node, four shares.

`python -m pytest tests/soak/test_executors.py -s` prints the digests.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import launderbench
from benchmark.cli.main import main
from benchmark.runs import profile
from tests.runs.test_foreign_code import options
from tests.support import builders

pytest.importorskip("ray")
SUITE = "noise(kind=white, snr=10); mp3(kbps=32); lowpass(cutoff=4000)"
KILLING = "evil(kind=segfault, share=0.02)"
STORE = 100 * 2**20
SMALL = bool(os.environ.get("LAUNDERBENCH_SMALL"))


@contextmanager
def cluster(nodes: int, **last: Any) -> Iterator[Any]:
    """Nodes of one CPU on this machine; the last one may have an environment of its own."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray would kill workers for the memory that other programs of this machine take
    os.environ["RAY_memory_monitor_refresh_ms"] = "0"  # noqa: SIM112
    from ray.cluster_utils import Cluster

    made = Cluster()
    try:
        for number in range(nodes):
            more = last if number == nodes - 1 else {}
            made.add_node(
                num_cpus=1, object_store_memory=STORE, include_dashboard=False, **more
            )  # fmt: skip
        made.wait_for_nodes()
        yield made
    finally:
        made.shutdown()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "toy"
    return builders.corpus(root, test=320 if SMALL else 1280, dev=12, seconds=2.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = profile.untrained("raw-cnn", tmp_path_factory.mktemp("weights"))
    assert made is not None
    return made.path


def finished_parts(folder: Path) -> int:
    return len([*(folder / "parts").rglob("*.parquet")])


def kill_after(number: int, made: Any, folder: Path, killed: list[float]) -> threading.Thread:
    """Kill the last node, without warning, when so many parts are written."""

    def watch() -> None:
        while finished_parts(folder) < number:
            time.sleep(0.05)
        made.remove_node(made.list_all_nodes()[-1], allow_graceful=False)
        killed.append(finished_parts(folder))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_five_ways_give_one_digest(
    corpus: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    digests: dict[str, str] = {}

    def run(name: str, folder: Path, *more: object) -> None:
        given = options(corpus, folder, "evil", SUITE, "--checkpoint", weights, *more)
        assert main(given) == 0
        if found := re.findall(r"run digest (\w+)", capfd.readouterr().out):
            (digests[name],) = found

    run("one process", tmp_path / "one", "--workers", 0)
    run("two workers", tmp_path / "two", "--workers", 2)
    run("Ray, one node", tmp_path / "ray", "--executor", "ray", "--workers", 2)
    killed: list[float] = []
    with cluster(3) as made:
        folder = tmp_path / "killed"
        thread = kill_after(6, made, folder, killed)
        run("Ray, three nodes, one killed", folder, "--executor", "ray", "--address", made.address)
        thread.join()
    units = 1 + 4 * (5 if SMALL else 20)
    assert len(killed) == 1 and killed[0] < units, "the node was not killed in mid-run"
    shares = [tmp_path / f"share{number}" for number in range(1, 5)]
    for number, folder in enumerate(shares, 1):
        run("share", folder, "--workers", 1, "--shard", f"{number}/4")
    merged = tmp_path / "merged"
    plugin = options(corpus, merged, "", "")[1:3]
    assert main(["merge", *map(str, shares), "--out", str(merged), *plugin]) == 0
    run("four shares, merged", merged, "--workers", 0)
    with capfd.disabled():
        print(f"\na node was killed after {killed[0]:g} of {units} parts")
        for name, digest in digests.items():
            print(f"{digest}  {name}")
    assert len(digests) == 5
    assert len(set(digests.values())) == 1


def test_what_kills_a_process_is_recovered_on_ray_as_on_one_machine(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = {}
    for name, more in (("processes", ()), ("ray", ("--executor", "ray"))):
        folder = tmp_path / name
        limit = ("--limit", 64, "--workers", 1)
        assert main(options(corpus, folder, "evil", KILLING, *limit, *more)) == 0
        said = capfd.readouterr()
        assert "its unit is tried again" in said.err
        failed = launderbench.load_results(folder).tables["failures"]
        assert failed["cause"].str.contains("SIGSEGV").any()
        found[name] = re.findall(r"run digest (\w+)", said.out)
    assert found["ray"] == found["processes"] != []


def test_a_node_of_another_version_is_refused_with_both(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    (other / "launderbench-9.9.9.dist-info").mkdir(parents=True)
    (other / "launderbench-9.9.9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: launderbench\nVersion: 9.9.9\n"
    )
    path = os.pathsep.join(filter(None, [str(other), os.environ.get("PYTHONPATH", "")]))
    with cluster(2, env_vars={"PYTHONPATH": path}) as made:
        given = options(corpus, tmp_path / "run", "evil", "lowpass(cutoff=4000)")
        assert main([*given, "--executor", "ray", "--address", made.address]) == 2
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "has LaunderBench" in text]
    assert "9.9.9, not " in line and "node " in line
    assert not finished_parts(tmp_path / "run")
