"""What one process of a run does: launder, score and write units, and try single utterances.

Worker processes of this machine and of a Ray cluster run these functions; see `executor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
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
from detectors.contract.base import registry


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


class Role(StrEnum):
    """What a process does with a unit.

    Detectors that take a CPU whatever the device are scored where units are laundered, so that the
    process that feeds a device does not compute them meanwhile.
    """

    WHOLE = "launder, score and write"
    LAUNDERS = "launder, and score with the detectors that take a CPU whatever the device"
    SCORES = "score with all other detectors, and write"

    def detectors(self, every: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
        """Return those of the detectors that such a process scores.

        A function of the calling program is known to that one alone: no other process scores it.
        """
        if self is Role.WHOLE:
            return tuple(every)
        on_cpu = self is Role.LAUNDERS
        return tuple(one for one in every if _on_cpu(one.detector) is on_cpu)


def _on_cpu(detector: str) -> bool:
    found = registry.class_of(detector)
    return found is not None and found.on_cpu


class Worker:
    """The cache, store and scorer of one process, kept for the whole run."""

    def __init__(self, setup: WorkerSetup, role: Role = Role.WHOLE) -> None:
        self.cache = setup.cache
        self.store = setup.store()
        device = "cpu" if role is Role.LAUNDERS else setup.device
        self.scorer = Scorer(role.detectors(setup.detectors), torch.device(device))
        self.plugins = setup.origin.get(PLUGINS, {})

    def require_same_plugins(self) -> None:
        """Raise `InputError` once if a plugin is no longer what it was when the run began."""
        if self.plugins:  # an error while a process starts would break the pool
            plugins.require_same(self.plugins)
            self.plugins = {}

    def whole(self, job: WorkUnit) -> PartInfo:
        """Launder, score and write a unit."""
        return self.scored(prepare(job, self.cache))

    def laundered(self, job: WorkUnit) -> LaunderedUnit:
        """Launder a unit, and score it with the detectors of this process."""
        prepared = prepare(job, self.cache)
        score(prepared, self.scorer)
        return prepared

    def scored(self, prepared: LaunderedUnit) -> PartInfo:
        """Score a laundered unit with the detectors of this process, and write it."""
        score(prepared, self.scorer)
        return write(prepared, self.store)

    def tried(self, probe: Probe) -> Probe:
        """Return the probe, if this process survives it."""
        alone = prepare(probe.alone)
        if probe.detector:
            score(alone, self.scorer)
        return probe


_worker: Worker | None = None


def start(setup: WorkerSetup, role: Role, device: str = "") -> None:
    """Start a spawned process; `device` replaces that of the setup, if given."""
    global _worker
    start_process(setup.context)
    _worker = Worker(replace(setup, device=device or setup.device), role)


def whole(task: Task) -> PartInfo | Probe:
    """Launder, score and write a unit, or try the utterance of a probe."""
    worker = _ready()
    return worker.tried(task) if isinstance(task, Probe) else worker.whole(task)


def laundered(task: Task) -> LaunderedUnit | Probe:
    """Launder a unit, or try the utterance of a probe."""
    worker = _ready()
    return worker.tried(task) if isinstance(task, Probe) else worker.laundered(task)


def scored(prepared: LaunderedUnit) -> PartInfo:
    """Score and write a laundered unit."""
    return _ready().scored(prepared)


def _ready() -> Worker:
    assert _worker is not None
    _worker.require_same_plugins()
    return _worker
