"""How many processes work is spread over, and work without any."""

from __future__ import annotations

import pytest

from benchmark.core import parallel
from benchmark.core.parallel import FEW, processes, spread


def test_few_files_start_no_process_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 5)
    assert [processes(None, files) for files in (0, FEW, FEW + 1)] == [0, 0, 5]
    assert [processes(workers, 10**6) for workers in (0, 1, 3)] == [0, 1, 3]
    assert processes(3, 1) == 3


def test_without_workers_jobs_run_here_one_after_the_other() -> None:
    ran = []

    def task(job: int) -> int:
        ran.append(job)
        return -job

    results = spread(task, [1, 2, 3], 0, pytest.fail, ())
    assert next(results) == -1 and ran == [1]
    assert [*results] == [-2, -3]


def test_with_workers_the_same_jobs_run_in_processes() -> None:
    assert sorted(spread(abs, [-3, 2, -1], 2, int, ())) == [1, 2, 3]
