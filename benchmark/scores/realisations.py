"""Further realisations of a run: the same plan with other draws of the attacks or other trainings.

A training and a draw of the attacks are each one of many that could have been. A run with
`--attack-seeds A --train-seeds T` has A x T realisations. The first is the run itself; each other
one is a run of its own, in a folder below `realisations/`. A detector that learns nothing is in
those of the first training alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.scores import fusion, scope
from benchmark.scores.load_run import TRAIN_SEED, collect
from benchmark.scores.run_results import RunResults

FOLDER = "realisations"
_NAME = re.compile(r"attack(\d+)-train(\d+)")


@dataclass(frozen=True, order=True)
class Seeds:
    """The seed of the attacks and that of the training."""

    attack: int
    train: int

    @property
    def name(self) -> str:
        """The name of the folder of a realisation.

        >>> Seeds(1, 0).name
        'attack1-train0'
        """
        return f"attack{self.attack}-train{self.train}"


@dataclass(frozen=True)
class Realisation:
    """The results of a realisation."""

    seeds: Seeds
    results: RunResults


def planned(first: Seeds, attack_seeds: int, train_seeds: int) -> list[Seeds]:
    """Return the seeds of all realisations but the first, those of the first training before."""
    every = [
        Seeds(first.attack + attack, first.train + train)
        for train in range(train_seeds)
        for attack in range(attack_seeds)
    ]
    return every[1:]


def place(folder: Path, seeds: Seeds) -> Path:
    """Return the folder of a realisation of the run in `folder`."""
    return folder / FOLDER / seeds.name


def stored(folder: Path) -> Iterator[tuple[Seeds, Path]]:
    """Yield the seeds and the folder of every realisation below a run, in order of the seeds."""
    found = []
    for path in (folder / FOLDER).glob("*"):
        match = _NAME.fullmatch(path.name)
        if match and path.is_dir():
            found.append((Seeds(int(match[1]), int(match[2])), path))
    yield from sorted(found)


def seeds_of(results: RunResults) -> Seeds:
    """Return the seeds of a run; 0 where it does not say one."""
    facts = results.provenance
    return Seeds(int(facts.get("plan", {}).get("seed") or 0), int(facts.get(TRAIN_SEED) or 0))


def read(
    folder: Path, first: RunResults, strict: Collection[str], ensembles: list[fusion.Ensemble]
) -> tuple[Realisation, ...]:
    """Read every realisation of the run in `folder`, whose own results are `first`.

    Ensembles are added where all their members are. Raises `InputError` that names the folder if a
    realisation has other trials or conditions than the run.
    """
    found = []
    for seeds, path in stored(folder):
        results = collect(path, {}, strict)
        if results.protocol.digest() != first.protocol.digest():
            raise InputError(f"{path}: has other trials than the run: finish it, or delete it")
        names = [info.condition for info in results.conditions]
        if names != [info.condition for info in first.conditions]:
            raise InputError(f"{path}: has other conditions than the run: finish it, or delete it")
        whole = [e for e in ensembles if set(e.members) <= set(results.detectors)]
        results = scope.of(fusion.add(results, whole), first.scope)
        found.append(Realisation(seeds, results))
    return tuple(found)
