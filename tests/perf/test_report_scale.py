"""Cost of a report of the size of ASVspoof 2019 LA: 30 conditions x 10 detectors x 71,237 trials.

The command `launderbench report` with B = 1,000 runs in its own process and is measured from
interpreter start to the last file. Its run has some 33,800 parts on disk, as the runner leaves
it, with speakers (67 clusters) and without (71,237 clusters). A third case measures the page size
for as many conditions as the suite `full` has, 345.

The parts were just written and come from the page cache; a cold disk adds its own time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.places import ROOT

WRITE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.support import run_on_disk, synthetic_run
print(run_on_disk.write(synthetic_run.large(**json.loads(sys.argv[2])), Path(sys.argv[3])))
"""
REPORT = """
import json, sys, time
from benchmark.cli.main import main
from benchmark.leaderboard import leaderboard_tables
from benchmark.report import writer
from benchmark.scores import load_run
spent = {}
def timed(module, name, function):
    def wrapped(*args, **named):
        wall, cpu = time.perf_counter(), time.process_time()
        result = function(*args, **named)
        spent[f"{name}_s"] = round(time.perf_counter() - wall, 1)
        spent[f"{name}_cpu_s"] = round(time.process_time() - cpu, 1)
        return result
    setattr(module, name, wrapped)
for module, name in ((load_run, "collect"), (leaderboard_tables, "tables"), (writer, "write")):
    timed(module, name, getattr(module, name))
status = main(["report", sys.argv[1], "--bootstrap", sys.argv[2]])
print(json.dumps(spent))
sys.exit(status)
"""


def measured(code: str, *arguments: str) -> dict[str, float]:
    """Run `code`; return its last output line, wall and CPU seconds, and peak memory in GiB."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    )
    with process, process.stdout as out:  # type: ignore[union-attr]
        lines = out.read().splitlines()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return json.loads(lines[-1]) | {
        "wall_s": round(time.perf_counter() - started, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_gib": round(used.ru_maxrss / 2**20, 2),
    }


@pytest.mark.parametrize(
    ("size", "resamples"),
    [
        ({"speakers": 67}, 1000),
        ({"speakers": None}, 1000),
        ({"levels": 344, "utterances": 2000}, 100),
    ],
)
def test_report(benchmark, tmp_path: Path, size: dict[str, int | None], resamples: int) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-c", WRITE, str(ROOT), json.dumps(size), str(run)]
    parts = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    facts = benchmark.pedantic(measured, args=(REPORT, str(run), str(resamples)), rounds=1)
    page = run / "leaderboard.html"
    facts |= {"parts": parts, "page_mb": round(page.stat().st_size / 1e6, 2)}
    benchmark.extra_info.update(facts)
    print(facts)
    cells = (run / "conditions_full.csv").read_text().count("\n") - 1
    assert cells == 10 * (1 + (size.get("levels") or 29))
    assert facts["page_mb"] < 5
