"""What a worker of the queue benchmark does: it hands over the same laundered unit each time."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmark.core.supervisor import Lost, Supervisor
from benchmark.runs.work_unit import LaunderedUnit, WorkUnit
from benchmark.scores.part_format import unscored

UTTERANCES, SAMPLES = 64, 64_000

_unit: LaunderedUnit | None = None


def start() -> None:
    """Make the unit of this worker."""
    global _unit
    rng = np.random.default_rng(0)
    rows = [unscored(f"u{number}") for number in range(UTTERANCES)]
    waves = [rng.standard_normal(SAMPLES, np.float32) for _ in rows]
    _unit = LaunderedUnit(WorkUnit("k", "test", "clean", Path("/"), (), 0, {}), rows, waves)


def unit(number: int) -> LaunderedUnit:
    """Return the unit."""
    assert _unit is not None
    return _unit


def rate(workers: int, units: int) -> tuple[float, float]:
    """Return the utterances that one process receives a second, and in its processor second."""
    with Supervisor(unit, workers, start, ()) as pool:
        for number in range(workers):  # until all have started
            pool.submit(number)
        for _ in range(workers):
            pool.next()
        began, used = time.perf_counter(), time.process_time()
        for number in range(2 * workers):
            pool.submit(number)
        for done in range(units):
            assert not isinstance(pool.next(), Lost)
            if done + pool.outstanding + 1 < units:
                pool.submit(done)
        seconds, used = time.perf_counter() - began, time.process_time() - used
    return units * UTTERANCES / seconds, units * UTTERANCES / used
