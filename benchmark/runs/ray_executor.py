"""Execution of work units on a Ray cluster: shards of utterances as tasks, detectors in actors.

A task takes a shard of utterances under all of its conditions, so that each file is decoded once.
Without scoring actors it scores and writes as well, and no audio moves. With them (one for each
GPU, or some CPUs) it only launders: its units wait in Ray's object store, of which at most a share
is filled (`BUDGET`), and tasks pause beyond. Ray repeats what a lost node was doing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any

from benchmark.audio import remote
from benchmark.core.errors import InputError, one_line
from benchmark.core.log import logger
from benchmark.core.parallel import cores
from benchmark.data.file_hashes import MISSING
from benchmark.data.protocol import ABSENT
from benchmark.runs import ray_cluster, ray_worker
from benchmark.runs.ray_worker import Answer, NodeDemand
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.runs.work_unit import WorkUnit
from benchmark.scores.manifest import PartInfo

RETRIES = 10  # of a task or an actor whose node was lost
BUDGET = 0.3  # share of the object store that laundered units may fill while they wait
AHEAD = 2  # units that a task may launder before anybody takes them
GPU = "cuda:0"  # as an actor sees its own


@dataclass(frozen=True)
class Ray:
    """The nodes of a Ray cluster.

    address : see `ray_cluster.connected`
    workers : tasks at once; None for as many as the cluster has CPUs
    scorers : scoring actors on CPUs; 0 scores in the tasks. Ignored where GPUs score
    gpus    : detectors score on the cluster's GPUs, if it has any
    """

    address: str = ""
    workers: int | None = None
    scorers: int = 0
    gpus: bool = True

    def parts(self, jobs: Iterable[WorkUnit], setup: WorkerSetup) -> Iterator[PartInfo]:
        """Run the jobs, as every executor does.

        Raises `InputError` also if the cluster cannot be reached, or a node lacks audio, run
        folder or weights or has another version.
        """
        queue = iter(jobs)
        first = next(queue, None)
        if first is None:
            return
        setup = _portable(setup)
        with ray_cluster.connected(self.address, self.workers or cores()) as ray:
            run = _Run(ray, self, setup, _demand(first, setup))
            try:
                run.require_alike()
                with closing(run):
                    yield from run.parts(_shards(chain([first], queue)))
            except ray.exceptions.RayTaskError as error:
                raise _cause(error) from error
            except ray.exceptions.RayError as error:
                raise InputError(
                    f"Ray gave up ({one_line(error)[:300]}); finished units are kept: run again"
                ) from error


class _Run:
    """The tasks and actors of one run."""

    def __init__(self, ray: Any, choice: Ray, setup: WorkerSetup, demand: NodeDemand) -> None:
        self._ray, self._setup, self._demand = ray, setup, demand
        have = ray.cluster_resources()
        gpus = int(have.get("GPU", 0)) if choice.gpus else 0
        cpus = int(have.get("CPU", 0))
        self._apart = gpus or choice.scorers
        if not gpus and choice.scorers >= cpus:
            raise InputError(
                f"--scorers {choice.scorers}: the Ray cluster has {cpus} CPUs, and one at least"
                " must launder"
            )
        self._most = choice.workers or cpus - (0 if gpus else choice.scorers)
        self._budget = BUDGET * have.get("object_store_memory", 0.0)
        self._sent = ray.put(setup), ray.put(demand)
        limit = {"_generator_backpressure_num_objects": AHEAD} if self._apart else {}
        self._task = ray.remote(ray_worker.launder_shard).options(
            num_cpus=1, max_retries=RETRIES, num_returns="streaming", **limit
        )
        self._on_gpus = gpus > 0
        self._actors: list[Any] = []
        self._load: dict[Any, int] = dict.fromkeys(range(self._apart), 0)  # bytes by actor
        self._waiting: dict[Any, tuple[int, int]] = {}  # score -> actor and bytes
        self._running: dict[Any, list[str]] = {}  # generator -> keys of units still to come

    def _actor(self) -> Any:
        needs = {"num_gpus": 1, "num_cpus": 0} if self._on_gpus else {"num_cpus": 1}
        setup = replace(self._setup, device=GPU) if self._on_gpus else self._setup
        remote = self._ray.remote(ray_worker.ScoringActor).options(
            **needs, max_restarts=RETRIES, max_task_retries=RETRIES
        )
        return remote.remote(self._demand, setup)  # as values, which a restart needs again

    def require_alike(self) -> None:
        """Raise `InputError` that names a node which is not as this machine."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        setup, demand = self._sent
        check = self._ray.remote(ray_worker.node_fault)
        nodes = ray_cluster.names(self._ray)
        asked = [
            check.options(
                num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
            ).remote(demand, setup)
            for node in nodes
        ]
        faults = zip(nodes.values(), self._ray.get(asked), strict=True)
        for name, fault in sorted(faults):
            if fault:
                raise InputError(f"node {name} {fault}")

    def close(self) -> None:
        """End what still runs, where the connection stays."""
        for running in self._running:
            self._ray.cancel(running, force=True)
        for actor in self._actors:
            self._ray.kill(actor)

    def parts(self, shards: Iterator[Sequence[WorkUnit]]) -> Iterator[PartInfo]:
        """Yield the parts of all shards, in order of completion."""
        self._actors = [self._actor() for _ in range(self._apart)]
        more = True
        while True:
            while more and len(self._running) < self._most:
                shard = next(shards, None)
                more = shard is not None
                if shard is not None:
                    self._start(shard)
            if not self._running and not self._waiting:
                return
            for ready in self._ready():
                if ready in self._waiting:
                    actor, size = self._waiting.pop(ready)
                    self._load[actor] -= size
                    yield self._part(ready)
                else:
                    yield from self._taken(ready)

    def _start(self, shard: Sequence[WorkUnit]) -> None:
        setup, demand = self._sent
        running = self._task.remote(demand, setup, not self._apart, shard)
        self._running[running] = [unit.key for unit in shard]

    def _ready(self) -> list[Any]:
        """Wait for something to take: a score, or from a task while the store has room."""
        held = sum(size for _, size in self._waiting.values())
        full = bool(self._waiting) and held >= self._budget
        every = [*self._waiting, *(() if full else self._running)]
        ready, _ = self._ray.wait(every, num_returns=1, fetch_local=False)
        return [*ready]

    def _taken(self, running: Any) -> Iterator[PartInfo]:
        """Take the next unit of a task: yield its part, or hand it to an actor."""
        left = self._running[running]
        try:
            reference = next(running)
        except StopIteration:
            del self._running[running]
            if left:
                raise InputError(
                    f"a shard on Ray ended without {len(left)} of its units; finished units are"
                    " kept: run again"
                ) from None
            return
        if not self._apart:
            part = self._part(reference)
            left.remove(part.key)
            yield part
            return
        where = self._ray.experimental.get_object_locations([reference])
        size = int(where[reference].get("object_size") or 0)
        actor = min(self._load, key=lambda number: self._load[number])
        score = self._actors[actor].scored.remote(reference)
        self._load[actor] += size
        self._waiting[score] = actor, size
        left.pop(0)

    def _part(self, reference: Any) -> PartInfo:
        answer: Answer = self._ray.get(reference)
        for line in answer.said:
            logger.warning(line)
        assert isinstance(answer.result, PartInfo)
        return answer.result


def _shards(jobs: Iterable[WorkUnit]) -> Iterator[Sequence[WorkUnit]]:
    """Yield the units of each shard of utterances, with paths that hold on every node."""
    for _, units in groupby(jobs, key=lambda unit: unit.utterances[0][0]):
        yield [replace(unit, root=remote.absolute(unit.root)) for unit in units]


def _portable(setup: WorkerSetup) -> WorkerSetup:
    """Return the setup with absolute paths, since workers on nodes start in other folders."""
    context, cache = setup.context, setup.cache
    return replace(
        setup,
        folder=setup.folder.absolute(),
        detectors=tuple(replace(one, path=one.path.absolute()) for one in setup.detectors),
        context=replace(
            context,
            plugins=tuple(file.absolute() for file in context.plugins),
            noises=None if context.noises is None else context.noises.absolute(),
        ),
        cache=None if cache is None else replace(cache, folder=cache.folder.absolute()),
    )


def _demand(first: WorkUnit, setup: WorkerSetup) -> NodeDemand:
    """Return what every node must have, from the first unit."""
    version, commit = ray_worker.own_version()
    there = [
        (path, stamp.partition(":")[0])
        for _, path, stamp in first.utterances
        if path != ABSENT and stamp != MISSING
    ]
    weights = [one.path for one in setup.detectors if one.path.is_file()]
    store = setup.store()
    plan = store.require_head()
    return NodeDemand(
        version,
        commit,
        (remote.absolute(first.root), there[0][0]) if there else None,
        there[0][1] if there else "",
        (store.head, store.head.read_bytes()),
        (*weights, *setup.context.plugins),
        {one["condition"]: one["identity"] for one in plan["conditions"]},
    )


def _cause(error: Any) -> BaseException:
    """Return what a task raised; `InputError`s are for people, all others are unforeseen."""
    cause: BaseException = error.cause
    if isinstance(cause, InputError):
        return InputError(str(cause))
    return cause
