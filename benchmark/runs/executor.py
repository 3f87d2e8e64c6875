"""Execution of work units.

Units run in this process, in worker processes, or are laundered in workers and scored in this
process. A unit that a worker does not survive is recovered (see `recovery`). Every process that
launders or scores on a CPU uses one thread, so that results do not depend on their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmark.core.parallel import one_thread
from benchmark.core.supervisor import Supervisor
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import Scorer
from benchmark.runs import recovery
from benchmark.runs.audio_cache import AudioCache
from benchmark.runs.provenance import PLUGINS
from benchmark.runs.recovery import Probe, Task
from benchmark.runs.run_config import UNIT_TIMEOUT_S
from benchmark.runs.work_unit import LaunderedUnit, WorkUnit, prepare, score, write
from benchmark.scores.manifest import PartInfo
from benchmark.scores.store import Store
from benchmark.workers import plugins
from benchmark.workers.context import ALONE, ProcessContext
from benchmark.workers.start import start_process


@dataclass(frozen=True)
class WorkerSetup:
    """The configuration that all processes of one run share."""

    folder: Path
    detectors: tuple[Checkpoint, ...]
    device: str
    context: ProcessContext = ALONE
    origin: dict[str, Any] = field(default_factory=dict)
    cache: AudioCache | None = None
    sync: bool = False
    timeout: float = UNIT_TIMEOUT_S  # seconds that one unit may take in a worker

    def store(self) -> Store:
        """Open the score store of the run."""
        return Store(self.folder, self.origin, sync=self.sync)


def execute(
    jobs: Iterable[WorkUnit], setup: WorkerSetup, workers: int, split_scoring: bool
) -> Iterator[PartInfo]:
    """Run the jobs and yield each part when it is written and listed, in order of completion.

    With `workers` = 0, everything runs in this process. With `split_scoring`, the workers only
    launder and this process scores, which suits a single accelerator. Raises `InputError` if a
    part cannot be written or workers die again and again; all finished parts stay.
    """
    with one_thread(), setup.store().log() as log:
        if workers == 0:
            parts = _serial(jobs, setup)
        else:
            parts = _pooled(jobs, setup, workers, split_scoring)
        for part in parts:
            log.add([part])
            yield part


def _serial(jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
    worker = _Worker(setup)
    for job in jobs:
        yield worker.whole(job)


def _pooled(
    jobs: Iterable[WorkUnit], setup: WorkerSetup, workers: int, split_scoring: bool
) -> Iterator[PartInfo]:
    arguments = (setup, not split_scoring)
    if not split_scoring:
        with Supervisor(_whole, workers, _start_worker, arguments, setup.timeout) as pool:
            yield from recovery.results(pool, jobs, 2 * workers)
        return
    scorer, store = Scorer(setup.detectors, torch.device(setup.device)), setup.store()
    writing: Future[PartInfo] | None = None
    with (
        ThreadPoolExecutor(1) as writer,  # writes one unit while the next is scored
        Supervisor(_prepared, workers, _start_worker, arguments, setup.timeout) as launderers,
    ):
        for prepared in recovery.results(launderers, jobs, 2 * workers):
            broken = score(prepared, scorer)
            if writing is not None:
                yield writing.result()
            writing = writer.submit(write, prepared, broken, store)
        if writing is not None:
            yield writing.result()


class _Worker:
    """The cache, store and scorer of one process, kept for the whole run."""

    def __init__(self, setup: WorkerSetup, scores: bool = True) -> None:
        self.cache = setup.cache
        self.store = setup.store()
        detectors = setup.detectors if scores else ()
        self.scorer = Scorer(detectors, torch.device(setup.device if scores else "cpu"))
        self.plugins = setup.origin.get(PLUGINS, {})

    def require_same_plugins(self) -> None:
        """Raise `InputError` once if a plugin is no longer what it was when the run began."""
        if self.plugins:  # an error while a process starts would break the pool
            plugins.require_same(self.plugins)
            self.plugins = {}

    def whole(self, job: WorkUnit) -> PartInfo:
        prepared = prepare(job, self.cache)
        return write(prepared, score(prepared, self.scorer), self.store)

    def tried(self, probe: Probe) -> Probe:
        """Return the probe, if this process survives it."""
        alone = prepare(probe.alone)
        if probe.detector:
            score(alone, self.scorer)
        return probe


_worker: _Worker | None = None


def _start_worker(setup: WorkerSetup, scores: bool) -> None:
    global _worker
    start_process(setup.context)
    _worker = _Worker(setup, scores)


def _whole(task: Task) -> PartInfo | Probe:
    assert _worker is not None
    _worker.require_same_plugins()
    return _worker.tried(task) if isinstance(task, Probe) else _worker.whole(task)


def _prepared(task: Task) -> LaunderedUnit | Probe:
    assert _worker is not None
    _worker.require_same_plugins()
    return _worker.tried(task) if isinstance(task, Probe) else prepare(task, _worker.cache)
