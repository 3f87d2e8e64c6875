"""What one process of a run does: launder, score and write units, and try single utterances.

Worker processes of this machine and of a Ray cluster run these functions; see `executor`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import Scorer
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


class Worker:
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
        """Launder, score and write a unit."""
        return self.scored(prepare(job, self.cache))

    def scored(self, prepared: LaunderedUnit) -> PartInfo:
        """Score and write a laundered unit."""
        return write(prepared, score(prepared, self.scorer), self.store)

    def tried(self, probe: Probe) -> Probe:
        """Return the probe, if this process survives it."""
        alone = prepare(probe.alone)
        if probe.detector:
            score(alone, self.scorer)
        return probe


_worker: Worker | None = None


def start(setup: WorkerSetup, scores: bool) -> None:
    """Start a spawned process, with the detectors if it `scores`."""
    global _worker
    start_process(setup.context)
    _worker = Worker(setup, scores)


def whole(task: Task) -> PartInfo | Probe:
    """Launder, score and write a unit, or try the utterance of a probe."""
    assert _worker is not None
    _worker.require_same_plugins()
    return _worker.tried(task) if isinstance(task, Probe) else _worker.whole(task)


def prepared(task: Task) -> LaunderedUnit | Probe:
    """Launder a unit, or try the utterance of a probe."""
    assert _worker is not None
    _worker.require_same_plugins()
    return _worker.tried(task) if isinstance(task, Probe) else prepare(task, _worker.cache)
