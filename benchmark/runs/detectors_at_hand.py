"""The checkpoints of a run's detectors that are on this machine, found by their identities."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark.core import paths
from benchmark.core.errors import InputError
from benchmark.inference import checkpoints, precision, published_weights
from benchmark.inference.checkpoints import OURS, Checkpoint
from benchmark.runs import detector_choice
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.scores.manifest import IMPORTED
from benchmark.training import trained_checkpoints
from detectors.contract.base import registry


@dataclass(frozen=True)
class GivenFiles:
    """The files in which a user says that weights are.

    checkpoints : files of our own
    weights     : (name, file): published state dicts
    """

    checkpoints: Sequence[Path] = ()
    weights: Sequence[tuple[str, Path]] = ()


@dataclass(frozen=True)
class AtHand:
    """Which detectors of a run can score here.

    found    : checkpoint by the detector's name in the run
    missing  : cause by name, of those whose checkpoint is not here
    imported : names of those whose scores another tool computed
    """

    found: dict[str, Checkpoint] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    imported: tuple[str, ...] = ()


def find(head: dict[str, Any], given: GivenFiles, folder: Path) -> AtHand:
    """Find the checkpoint of every detector of the run in `folder`.

    A detector that runs a program, opens a file or loads foreign code is found only if the user
    allows its spelling. Raises `InputError` if a given file is unusable.
    """
    loaded = [checkpoints.load(path) for path in given.checkpoints]
    loaded += [published_weights.given(name, path) for name, path in given.weights]
    found: dict[str, Checkpoint] = {}
    missing: dict[str, str] = {}
    imported = []
    for name, item in head["detectors"].items():
        if IMPORTED in item["training"]:
            imported.append(name)
            continue
        try:
            kind = _kind(name, item["training"], given, folder)
            candidates = _candidates(kind, head.get("options", {}), loaded)
            fitting = (c for c in candidates if c.identity == item["identity"])
            checkpoint = next(fitting, None)
        except InputError as error:
            missing[name] = str(error)
            continue
        if checkpoint is None:
            missing[name] = "no checkpoint of its identity is here: give it with --checkpoint FILE"
        else:
            found[name] = replace(checkpoint, name=name)
    return AtHand(found, missing, tuple(imported))


def _kind(name: str, training: dict[str, Any], given: GivenFiles, folder: Path) -> str:
    """Return the spelling of a detector that a run names; `InputError` if it may not be used."""
    kind = str(training.get("detector", name))
    if not registry.knows(kind):
        try:
            registry.get(kind)
        except InputError as error:
            raise InputError(f"{error}: give its --plugin FILE") from error
    registry.from_file(kind, folder, [spelled for spelled, _ in given.weights])
    return kind


def _candidates(
    kind: str, options: dict[str, Any], given: Sequence[Checkpoint]
) -> Iterator[Checkpoint]:
    """Yield the checkpoints that may be those of a detector, each in every precision."""
    every = _of_kind(kind, options, [c for c in given if c.detector == kind])
    for checkpoint in every:
        yield from (precision.in_precision(checkpoint, mode) for mode in precision.MODES)


def _of_kind(
    kind: str, options: dict[str, Any], given: Sequence[Checkpoint]
) -> Iterator[Checkpoint]:
    yield from given
    data = options.get("train_data")
    choice = DetectorChoice(
        (kind,), train_data=Path(data) if data else None, seed=int(options.get("train_seed", 0))
    )
    with contextlib.suppress(InputError):  # not trained or fetched here; it may lie in a file
        yield from detector_choice.ready(choice)
    for folder in (trained_checkpoints.FOLDER, paths.checkpoints()):
        for path in sorted(folder.glob(f"*{OURS}")):
            try:
                checkpoint = checkpoints.load(path, (kind,))
            except InputError:  # a file of another purpose
                continue
            if checkpoint.detector == kind:
                yield checkpoint
