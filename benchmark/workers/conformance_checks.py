"""Conformance checks of many conditions, in worker processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from attacks.contract import conformance
from attacks.contract.condition import Condition, parse
from benchmark.core.parallel import cores, pooled
from benchmark.workers.start import start_process

FEW = 12  # conditions that are not worth worker processes


@dataclass(frozen=True)
class ConditionCheck:
    """One condition to check for the name at `place`, as its `step`-th; ready for a worker."""

    place: int
    step: int
    spelling: str

    def __call__(self) -> list[str]:
        """The findings, as lines; at a level of severity the long signals are left out."""
        found = conformance.check(parse(self.spelling), brief=self.step > 0)
        return [str(finding) for finding in found]


def spellings(condition: Condition, quick: bool) -> list[str]:
    """Return the condition, then (unless `quick`) its other levels of severity."""
    own = str(condition)
    rest = [] if quick else map(str, conformance.levels(condition))
    return [own, *(level for level in rest if level != own)]


def findings(
    jobs: Sequence[ConditionCheck],
    workers: int | None,
    plugin_files: Sequence[Path],
    bar: tqdm[Any],
) -> Iterator[tuple[int, list[str]]]:
    """Yield each name's place and its findings, in the order of places.

    workers = None: one per core, but none for a handful of conditions.
    """
    if workers is None:
        workers = 0 if len(jobs) <= FEW else cores()
    results: Iterable[tuple[ConditionCheck, list[str]]] = map(_work, jobs)
    if workers:
        results = pooled(_work, jobs, workers, start_process, (tuple(plugin_files),))
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
