"""Resolve names to attacks or detectors, and check conditions in worker processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from attacks.contract import conformance
from attacks.contract.base import registry as attack_registry
from attacks.contract.condition import CLEAN, Condition, parse
from benchmark.core import call_syntax
from benchmark.core.errors import InputError, unknown
from benchmark.core.parallel import cores, pooled
from benchmark.core.progress import Bar
from benchmark.workers.context import ProcessContext
from benchmark.workers.start import start_process
from detectors.contract.base import Detector
from detectors.contract.base import registry as detector_registry

FEW = 12  # so few conditions are checked without worker processes
LISTS = "launderbench list attacks, launderbench list detectors"


@dataclass(frozen=True)
class ConditionCheck:
    """One condition to check in a worker: number `step` of those of the name at `place`."""

    place: int
    step: int
    spelling: str

    def __call__(self) -> list[str]:
        """Return the findings as lines; later steps leave out the long signals."""
        found = conformance.check(parse(self.spelling), brief=self.step > 0)
        return [str(finding) for finding in found]


def checked(name: str) -> Condition | type[Detector]:
    """Return the detector or the condition of that name; `InputError` if it is neither."""
    if detector_registry.knows(name):
        return detector_registry.get(name)
    attacks = attack_registry.names()
    spelled = call_syntax.call(name)
    if spelled is None or spelled[0] in (CLEAN, *attacks):
        return parse(name)
    detectors = [*detector_registry.names(), *detector_registry.parametrised()]
    error = unknown("attack or detector", spelled[0], [*attacks, *detectors], LISTS)
    causes = attack_registry.failures() + detector_registry.failures()
    raise InputError(f"{error}{causes}")


def spellings(condition: Condition, quick: bool) -> list[str]:
    """Return the condition, then (unless `quick`) its other levels of severity."""
    own = str(condition)
    rest = [] if quick else map(str, conformance.levels(condition))
    return [own, *(level for level in rest if level != own)]


def findings(
    jobs: Sequence[ConditionCheck],
    workers: int | None,
    context: ProcessContext,
    bar: Bar,
) -> Iterator[tuple[int, list[str]]]:
    """Yield the place and the findings of each name, in the order of places.

    With `workers` = None there is one per core, and none for at most `FEW` conditions.
    """
    if workers is None:
        workers = 0 if len(jobs) <= FEW else cores()
    results: Iterable[tuple[ConditionCheck, list[str]]] = map(_work, jobs)
    if workers:
        results = pooled(_work, jobs, workers, start_process, (context,))
    waiting: dict[int, set[ConditionCheck]] = {}
    for job in jobs:
        waiting.setdefault(job.place, set()).add(job)
    found: dict[ConditionCheck, list[str]] = {}
    for done, lines in results:
        found[done] = lines
        bar.update()
        while waiting and (first := next(iter(waiting.values()))) <= found.keys():
            place = next(iter(waiting))
            del waiting[place]
            ordered = sorted(first, key=lambda job: job.step)
            yield place, [line for job in ordered for line in found[job]]


def _work(job: ConditionCheck) -> tuple[ConditionCheck, list[str]]:
    return job, job()
