"""What runs on the nodes of a Ray cluster: a shard under its conditions, and scoring apart.

Ray restarts what a lost node was doing. What one utterance or detector does to a process is not
left to Ray, which would try it again: each task has a process of its own, watched and recovered
just as on one machine. This module does not import Ray, so that those processes need not load it.
"""

from __future__ import annotations

import atexit
import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from attacks.contract.condition import parse
from benchmark.audio import remote
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.parallel import one_thread
from benchmark.core.supervisor import Supervisor
from benchmark.data.file_hashes import MISSING, stamps
from benchmark.runs import provenance, unit_worker
from benchmark.runs.provenance import PLUGINS
from benchmark.runs.recovery import Probe, Recovery, Task, results
from benchmark.runs.unit_worker import Role, Worker, WorkerSetup
from benchmark.runs.work_unit import LaunderedUnit, WorkUnit
from benchmark.scores.manifest import PartInfo

Result = PartInfo | LaunderedUnit


@dataclass(frozen=True)
class Answer:
    """A computed unit, and the warnings that were logged on its node meanwhile."""

    result: Result
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeDemand:
    """What every node must have in common with the machine that began the run.

    version    : of LaunderBench
    commit     : of its source; None where it was installed without
    audio      : the root and the path below it of one audio file; None if there is none to try
    size       : bytes of that file
    head       : the file that makes a folder a run, and its content
    files      : weights and plugins
    conditions : identity of each condition by its spelling: versions and files of its attacks
    """

    version: str
    commit: str | None
    audio: tuple[Path, str] | None
    size: str
    head: tuple[Path, bytes]
    files: tuple[Path, ...]
    conditions: Mapping[str, str]

    def fault(self, setup: WorkerSetup) -> str:
        """Say what this node lacks, in words that follow its name; '' if nothing."""
        mine, commit = own_version()
        if mine != self.version:
            return f"has LaunderBench {mine}, not {self.version} as the machine that began the run"
        if commit and self.commit and commit != self.commit:
            return f"has LaunderBench of commit {commit[:12]}, not {self.commit[:12]}"
        if self.audio is not None:
            root, name = self.audio
            if remote.is_url(root):
                remote.allow(root)
            (found,) = stamps(root, [name])
            if found == MISSING:
                return f"has no audio: {_told(root / name)} is not there"
            if found.partition(":")[0] != self.size:
                return f"has other audio: {_told(root / name)} is not of {self.size} bytes"
        head, content = self.head
        if not head.is_file() or head.read_bytes() != content:
            return f"does not share the run folder: {head} is not there, or another"
        for file in self.files:
            if not file.is_file():
                return f"lacks the file {file}"
        try:
            with setup.context.entered():
                for spelled, identity in self.conditions.items():
                    if parse(spelled).identity() != identity:
                        return f"has other files or code for {spelled}"
        except InputError as error:
            return f"cannot launder: {error}"
        return ""


def _told(path: Path) -> str:
    return remote.url(path) if remote.is_url(path) else str(path)


def own_version() -> tuple[str, str | None]:
    """Return the version of LaunderBench in this process, and the commit of its source."""
    code = provenance.code()
    return code["launderbench"], code["commit"]


class _Slot:
    """The watched process of one Ray worker, kept from task to task.

    scores : it scores and writes units as well
    """

    def __init__(self, demand: NodeDemand, setup: WorkerSetup, scores: bool) -> None:
        setup = at_home(demand, setup)
        self._messages = _Messages()
        self.recovery = Recovery()
        self._open = ExitStack()
        self._open.enter_context(one_thread())
        role = Role.WHOLE if scores else Role.LAUNDERS
        task = unit_worker.whole if scores else unit_worker.laundered
        self._pool: Supervisor[Task, Result | Probe] = self._open.enter_context(
            Supervisor(task, 1, unit_worker.start, (setup, role), setup.timeout)
        )
        atexit.register(self._open.close)

    def answers(self, units: Sequence[WorkUnit]) -> Iterator[Answer]:
        """Yield each unit in its order: where Ray repeats a task, it counts what came before."""
        for unit in units:
            found: Iterator[Result] = results(self._pool, [unit], 1, self.recovery)
            for result in found:
                yield Answer(result, self._messages.taken())


_slot: tuple[tuple[str, bool], _Slot] | None = None


def node_fault(demand: NodeDemand, setup: WorkerSetup) -> str:
    """Say what the node lacks on which this runs; '' if nothing."""
    return demand.fault(setup)


def launder_shard(
    demand: NodeDemand, setup: WorkerSetup, scores: bool, units: Sequence[WorkUnit]
) -> Iterator[Answer]:
    """Yield the units of one shard of utterances, which are decoded once, in their order.

    Without `scores` they are laundered, and scored only with the detectors that take a CPU whatever
    the device. Raises `InputError` that names this node.
    """
    global _slot
    key = (str(setup.folder), scores)
    try:
        if _slot is None or _slot[0] != key:
            _slot = key, _Slot(demand, setup, scores)
        yield from _slot[1].answers(units)
    except InputError as error:
        raise InputError(f"node {socket.gethostname()} {error}") from error


class ScoringActor:
    """The detectors on one device, which score laundered units and write their parts."""

    def __init__(self, demand: NodeDemand, setup: WorkerSetup) -> None:
        torch.set_num_threads(1)
        setup = at_home(demand, setup)
        setup.context.enter()
        self._messages = _Messages()
        self._worker = Worker(setup, Role.SCORES)

    def scored(self, answer: Answer) -> Answer:
        """Score and write a laundered unit."""
        assert isinstance(answer.result, LaunderedUnit)
        self._worker.require_same_plugins()
        part = self._worker.scored(answer.result)
        return Answer(part, (*answer.said, *self._messages.taken()))


def at_home(demand: NodeDemand, setup: WorkerSetup) -> WorkerSetup:
    """Return the setup with this machine as the origin of scores; `InputError` says its fault."""
    if fault := demand.fault(setup):
        raise InputError(fault)
    known = {PLUGINS: setup.origin[PLUGINS]} if PLUGINS in setup.origin else {}
    origin = provenance.code() | known | {"machine": provenance.machine(setup.device)}
    return replace(setup, origin=origin)


class _Messages(logging.Handler):
    """Keep warnings for the machine that began the run, where a person reads them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: list[str] = []
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self._lines.append(record.getMessage())

    def taken(self) -> tuple[str, ...]:
        """Return the messages since the last call."""
        lines, self._lines = tuple(self._lines), []
        return lines
