"""What a report of ASVspoof 2019 LA's size costs: 30 conditions x 10 detectors x 71,237 trials.

Everything from scores in memory to the files on disk, B = 1,000, in a process of its own, so that
its peak memory is its own. By speaker (67 clusters), and without speakers (71,237 clusters). And
what the page weighs when there are as many conditions as in suite `full`, 345.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CODE = """
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import synthetic_run
from benchmark import leaderboard, report
results = synthetic_run.large(**json.loads(sys.argv[2]))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
before, busy, started = peak(), time.process_time(), time.perf_counter()
tables = leaderboard.tables(results, int(sys.argv[4]))
made = time.perf_counter()
report.write(results, Path(sys.argv[3]), tables)
ended = time.perf_counter()
print(json.dumps({
    "tables_s": made - started, "write_s": ended - made,
    "cpu_s": time.process_time() - busy, "made_up_gib": before, "peak_gib": peak(),
    "cells": len(tables.conditions),
    "page_mb": (Path(sys.argv[3]) / "leaderboard.html").stat().st_size / 1e6,
}))
"""


@pytest.mark.parametrize(
    ("size", "resamples"),
    [
        ({"speakers": 67}, 1000),
        ({"speakers": None}, 1000),
        ({"levels": 344, "utterances": 2000}, 20),
    ],
)
def test_report(benchmark, tmp_path: Path, size: dict[str, int | None], resamples: int) -> None:
    command = [sys.executable, "-c", CODE, str(TESTS), json.dumps(size), str(tmp_path)]
    command.append(str(resamples))

    def run() -> dict[str, float]:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    facts = benchmark.pedantic(run, rounds=1)
    benchmark.extra_info.update(facts)
    print(facts)
    assert facts["cells"] == 10 * (1 + (size.get("levels") or 29))
    assert facts["page_mb"] < 5
