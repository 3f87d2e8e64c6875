"""A run of which a worker and then the main process are killed gives the bytes of a whole run."""

from __future__ import annotations

from pathlib import Path

import pytest

import launderbench
from benchmark.cli.main import main
from tests.runs.test_foreign_code import options
from tests.support import builders
from tests.support.killing import kill, parts, started, wait_for, workers_of

SUITE = "noise(kind=white, snr=10); mp3(kbps=16); resample(rate=8000); lowpass(cutoff=4000)"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers below /proc")
def test_kills_leave_no_trace_in_the_scores(tmp_path: Path, cache: Path) -> None:
    toy = builders.corpus(tmp_path / "toy", test=120, seconds=2.0)
    detectors = "evil,evil(every=3)"

    def arguments(name: str, workers: int = 1) -> list[str]:
        return options(toy, tmp_path / name, detectors, SUITE, "--workers", workers)

    killed = started(arguments("killed"))
    folder = tmp_path / "killed"
    assert wait_for(lambda: len(parts(folder)) >= 2, killed)
    (worker,) = workers_of(killed)
    assert kill(worker)
    count = len(parts(folder))
    assert wait_for(lambda: len(parts(folder)) >= count + 2, killed)
    assert kill(killed.pid)
    _, told = killed.communicate()
    assert "killed by signal 9" in told and "its unit is tried again" in told
    assert main(arguments("killed")) == 0
    assert main(arguments("whole", workers=0)) == 0
    assert len(launderbench.load_results(folder).tables["failures"]) == 0
    assert parts(folder) == parts(tmp_path / "whole")
