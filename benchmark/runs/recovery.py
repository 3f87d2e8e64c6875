"""Recovery of units whose worker died or hung: find what it died of, and do all the rest.

The slot of a dead worker says what it was at. That utterance (or, for a detector, each utterance of
the unit) is tried alone, in a worker and with the deadline. What dies alone is left out of the unit
with its cause, and the unit is computed again, as a whole, so that all other scores are those of an
undisturbed run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.parallel import KEPT
from benchmark.core.supervisor import Lost, Supervisor
from benchmark.inference.scorer import SCORING
from benchmark.laundering.engine import READING
from benchmark.laundering.failure import ATTACK, DETECTOR, UNREADABLE
from benchmark.runs.work_unit import Loss, WorkUnit

MOST_CULPRITS = 3  # utterances of one unit of which an attack or a detector may die
MOST_RUINED = 3  # units in which that may happen, before the run stops
MOST_FRUITLESS = 2  # deaths of one unit of which nothing dies alone

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Probe:
    """One utterance of a unit to try alone, with a detector or without."""

    unit: WorkUnit
    place: int
    detector: str = ""

    @property
    def alone(self) -> WorkUnit:
        """The unit of this utterance and this detector alone; its scores are not kept."""
        identities = {i: n for i, n in self.unit.identities.items() if n == self.detector}
        kept = (self.unit.utterances[self.place],)
        return replace(self.unit, utterances=kept, identities=identities, lost=())


Task = WorkUnit | Probe


@dataclass
class _Case:
    """A unit of which workers died.

    unit      : with what was found so far
    death     : the latest one of the whole unit
    places    : utterances that are still to be tried alone
    found     : the latest trials alone found something
    fruitless : deaths of the whole unit after which they did not
    culprits  : utterances by suspect
    """

    unit: WorkUnit
    death: Lost[Task]
    places: list[int] = field(default_factory=list)
    detector: str = ""
    found: bool = False
    fruitless: int = 0
    culprits: Counter[str] = field(default_factory=Counter)


class Recovery:
    """What to do after each death of a worker of one run."""

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}
        self._ruined: Counter[str] = Counter()  # suspect -> units
        self._unreadable: dict[Path, str] = {}  # file -> cause

    def task(self, unit: WorkUnit) -> WorkUnit:
        """Return the unit without the files of which workers died before."""
        if not self._unreadable:
            return unit
        known = ((uid, self._unreadable.get(unit.root / path)) for uid, path, _ in unit.utterances)
        lost = (Loss(UNREADABLE, uid, "", cause) for uid, cause in known if cause is not None)
        return replace(unit, lost=(*unit.lost, *lost))

    def after_death(self, death: Lost[Task]) -> Task:
        """Return what to try next; `InputError` names what kills workers again and again."""
        if isinstance(death.job, Probe):
            return self._guilty(death.job, death)
        unit = death.job
        logger.warning(f"{unit.condition}: a worker was {_told(death)}; its unit is tried again")
        case = self._cases.setdefault(unit.key, _Case(unit, death))
        case.death, case.found = death, False
        case.places, case.detector = _suspected(unit, death)
        if case.fruitless >= MOST_FRUITLESS:
            return self._surrender(case)
        return self._next(case)

    def after_trial(self, probe: Probe) -> Task:
        """Return what to try next after an utterance that a worker survived."""
        return self._next(self._cases[probe.unit.key])

    def _next(self, case: _Case) -> Task:
        if case.places:
            return Probe(case.unit, case.places.pop(0), case.detector)
        case.fruitless += not case.found
        return case.unit

    def _guilty(self, probe: Probe, death: Lost[Task]) -> Task:
        """Leave out an utterance of which a worker died alone."""
        case = self._cases[probe.unit.key]
        kind, detector = ATTACK, ""
        if death.at.step == SCORING:
            kind, detector = DETECTOR, death.at.detector
        elif death.at.step == READING:
            kind = UNREADABLE
        self._leave_out(case, probe.place, kind, detector, death.cause)
        return self._next(case)

    def _leave_out(self, case: _Case, place: int, kind: str, detector: str, cause: str) -> None:
        unit, suspect = case.unit, detector or case.unit.condition
        uid, path, _ = unit.utterances[place]
        case.found = True
        case.culprits[suspect] += 1
        lost = [Loss(kind, uid, detector, cause)]
        if kind == UNREADABLE:
            self._unreadable[unit.root / path] = cause
            case.culprits[suspect] = 0
        if case.culprits[suspect] >= MOST_CULPRITS:
            case.places.clear()
            self._count(suspect, cause)
            lost += _rest(unit, place, detector, cause)
        case.unit = replace(unit, lost=(*unit.lost, *lost))
        logger.warning(f"{unit.condition}: {uid} is a failure of {detector or kind}: {cause}")

    def _surrender(self, case: _Case) -> Task:
        """Blame the place at which a unit dies as a whole, though nothing of it dies alone."""
        death, unit = case.death, case.unit
        if death.overdue:
            raise InputError(
                f"{unit.condition}: a unit of {len(unit.utterances)} utterances {death.cause} at"
                f" {death.at} and is not done in time, though each utterance alone is: give a"
                " longer --unit-timeout; finished units are kept"
            )
        if not case.places:
            raise InputError(f"{unit.condition}: workers die again and again ({death}); {KEPT}")
        cause = f"{death.cause}, again and again, though not alone"
        if case.detector:
            self._count(case.detector, cause)
            loss = Loss(DETECTOR, "", case.detector, cause)
            case.unit = replace(unit, lost=(*unit.lost, loss))
        else:
            kind = UNREADABLE if death.at.step == READING else ATTACK
            self._leave_out(case, case.places[0], kind, "", cause)
        case.places = []
        return case.unit

    def _count(self, suspect: str, cause: str) -> None:
        self._ruined[suspect] += 1
        if self._ruined[suspect] >= MOST_RUINED:
            raise InputError(
                f"{suspect}: workers die of it again and again, in {MOST_RUINED} units so far"
                f" ({cause}): leave it out, or mend it; finished units are kept"
            )


def _told(death: Lost[Task]) -> str:
    return f"lost ({death})"


def _suspected(unit: WorkUnit, death: Lost[Task]) -> tuple[list[int], str]:
    """Return the places to try alone after the death of a unit, and the detector to try."""
    gone = {(loss.utterance, loss.detector) for loss in unit.lost}
    at = death.at
    if at.step == SCORING and at.detector in unit.identities.values():
        failed = {uid for uid, detector in gone if detector in ("", at.detector)}
        every = enumerate(unit.utterances)
        return [place for place, (uid, _, _) in every if uid not in failed], at.detector
    for place, (uid, _, _) in enumerate(unit.utterances):
        if uid == at.utterance and (uid, "") not in gone:
            return [place], ""
    return [], ""


def _rest(unit: WorkUnit, place: int, detector: str, cause: str) -> list[Loss]:
    """Return what is not tried any more after too many culprits in one unit.

    A detector is not tried in this unit at all, an attack not on later utterances.
    """
    cause = f"not tried, after {MOST_CULPRITS} deaths of workers in this unit ({cause})"
    if detector:
        return [Loss(DETECTOR, "", detector, cause)]
    gone = {loss.utterance for loss in unit.lost if not loss.detector}
    later = (uid for uid, _, _ in unit.utterances[place + 1 :] if uid not in gone)
    return [Loss(ATTACK, uid, "", cause) for uid in later]


def results(
    pool: Supervisor[Task, P | Probe],
    jobs: Iterable[WorkUnit],
    ahead: int,
    recovery: Recovery | None = None,
) -> Iterator[P]:
    """Run all jobs in a pool, and yield the result of each, whatever dies of them.

    At most `ahead` jobs are taken in advance. A pool answers a probe with itself. `recovery` knows
    what earlier jobs of the run died of.
    """
    recovery, queue = recovery or Recovery(), iter(jobs)
    for job in islice(queue, ahead):
        pool.submit(recovery.task(job))
    while pool.outstanding:
        result = pool.next()
        if isinstance(result, Lost):
            pool.submit(recovery.after_death(result))
        elif isinstance(result, Probe):
            pool.submit(recovery.after_trial(result))
        else:
            for job in islice(queue, 1):
                pool.submit(recovery.task(job))
            yield result
