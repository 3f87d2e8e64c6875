"""Evaluation of functions and registered detectors under a suite, from Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.api import matrix
from benchmark.api.results import Results
from benchmark.audio import reader
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.parallel import cores
from benchmark.core.stage_timer import StageTimer
from benchmark.data.data_config import DataConfig
from benchmark.data.protocol import Protocol
from benchmark.runs import run_folders
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import ExecutionConfig, ReportConfig, RunConfig
from benchmark.workers.context import ProcessContext
from detectors.contract import function_detector
from detectors.contract.base import Detector, registry
from detectors.contract.function_detector import FunctionDetector

Scorer = Callable[..., Any]
ANONYMOUS = "function"  # the name of a lambda


@dataclass(frozen=True)
class _Chosen:
    """The detectors of an evaluation: names, those registered for it alone, and if any is fresh.

    here  : True if a function is among them, which other processes may not have
    fresh : True if a function has no version, so that its scores must not be reused
    """

    names: tuple[str, ...]
    added: Mapping[str, type[FunctionDetector]]
    here: bool
    fresh: bool


def evaluate(
    detectors: str | Scorer | type[Detector] | Iterable[str | Scorer | type[Detector]] = (),
    data: str | Path | None = None,
    suite: str = "laundering",
    *,
    name: str = "",
    version: int | str | None = None,
    seed: int = 0,
    limit: int | None = None,
    run: str | Path = "",
    workers: int | None = None,
    device: str = "auto",
    train_data: str | Path | None = None,
    train_seed: int = 0,
    noise_dir: str | Path | None = None,
    plugins: Iterable[str | Path] = (),
    layout: str = "",
    pattern: str = "",
    labels: Mapping[str, str] | None = None,
    report: ReportConfig | None = None,
) -> Results:
    """Launder a data set, score it with detectors, and return the results.

    detectors  : a function of a wave (float32 (T,) at 16 kHz) that returns one number, higher =
                 more bona fide; a registered name; or several of both. Without any, the defaults
    data       : folder of a known layout or a table of files; None for the embedded data set
    name       : what to call a single function in tables; by default its own name
    version    : of a single function, to be changed with it. Without one its scores are not reused
                 and go to a folder of their own, unless `run` names one
    limit      : at most this many test utterances
    run        : run folder, or name below results/
    workers    : processes that launder; None: one per core in a notebook, none in a script, because
                 processes import a script again unless it guards its calls by `__name__`
    seed       : of the attacks
    train_data : data set on which registered detectors are trained, with `train_seed`
    labels     : the data set's own words for bonafide and spoof

    Functions score in this process, so lambdas and notebook functions work. Raises `InputError` for
    data, conditions or detectors that cannot be used, and for a function that fails or returns no
    finite number on the first utterance; later failures are in `results.tables["failures"]`.
    """
    chosen = _chosen(detectors, name, version)
    config = RunConfig(
        DataConfig(None if data is None else Path(data), layout, pattern, dict(labels or {})),
        suite,
        DetectorChoice(
            chosen.names,
            train_data=None if train_data is None else Path(train_data),
            seed=train_seed,
            device=device,
        ),
        seed,
        limit,
        str(run) or (_fresh_folder(data, suite, chosen.names) if chosen.fresh else ""),
        context=ProcessContext(
            tuple(map(Path, plugins)), None if noise_dir is None else Path(noise_dir)
        ),
    )
    execution = ExecutionConfig(_workers(workers), here=chosen.here)
    with config.context.entered(), _registered(chosen.added):
        done = matrix.bench(
            config, execution, report or ReportConfig(), StageTimer(), _try_functions
        )
    found = Results(done.folder)
    failed = len(found.tables["failures"])
    if failed:
        logger.warning(f"{failed} failures: see results.tables['failures']")
    return found


def _chosen(detectors: Any, name: str, version: int | str | None) -> _Chosen:
    single = isinstance(detectors, (str, type)) or callable(detectors)
    several = [detectors] if single else detectors
    if not isinstance(several, Iterable):
        raise InputError(f"want a function, a detector's name or a list, not {detectors!r}")
    items = [*several]
    functions = [item for item in items if not isinstance(item, (str, type))]
    if (name or version is not None) and len(functions) != 1:
        raise InputError("name and version go with a single function")
    names: list[str] = []
    added: dict[str, type[FunctionDetector]] = {}
    here = fresh = False
    for item in items:
        known = _registered_name(item)
        if known is None:
            known = name or _own_name(item)
            if known in added or registry.knows(known):
                raise InputError(f"{known!r} is the name of another detector: give name=...")
            added[known] = function_detector.of(known, item, version)
        names.append(known)
        cls = added.get(known) or registry.get(known)
        here |= issubclass(cls, FunctionDetector)
        fresh |= str(cls.version).startswith(function_detector.UNVERSIONED)
    return _Chosen(tuple(names), added, here, fresh)


def _registered_name(item: Any) -> str | None:
    """Return the name of a registered detector, of its class or of its function; None if new."""
    if isinstance(item, str):
        return item
    for name in registry.names():
        cls = registry.get(name)
        function = getattr(cls, "function", None)
        if cls is item or (function is not None and function is item):
            return name
    if isinstance(item, type):
        raise InputError(f"{item.__name__} is not registered: decorate it with @detector(name)")
    return None


def _own_name(function: Any) -> str:
    own = str(getattr(function, "__name__", type(function).__name__))
    return own if own.isidentifier() else ANONYMOUS


@contextmanager
def _registered(added: Mapping[str, type[FunctionDetector]]) -> Iterator[None]:
    for name, cls in added.items():
        registry.add(name, cls)
    try:
        yield
    finally:
        for name in added:
            registry.remove(name)


def _try_functions(plan: RunPlan) -> None:
    """Score the first readable utterance with every function, before anything is laundered.

    Raises `InputError` that names the detector and the utterance.
    """
    every = [registry.get(checkpoint.detector) for checkpoint in plan.detectors]
    functions = [cls for cls in every if issubclass(cls, FunctionDetector)]
    first = _first_readable(plan.test) if functions else None
    if first is None:
        return
    uid, wave = first
    for cls in functions:
        try:
            (score,) = cls().score([wave], {})
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"detector {cls.name!r} fails on {uid}: {error!r}") from error
        if not np.isfinite(score):
            raise InputError(
                f"detector {cls.name!r} returned {score} for {uid}: return a finite number"
            )


def _first_readable(protocol: Protocol) -> tuple[str, reader.Wave] | None:
    for uid, path in zip(protocol.table["utterance_id"], protocol.table["path"], strict=True):
        try:
            return str(uid), reader.read(protocol.root / path)
        except reader.AudioError:
            continue  # the run lists it
    return None


def _fresh_folder(data: str | Path | None, suite: str, names: tuple[str, ...]) -> str:
    origin = "embedded" if data is None else Path(data).resolve().name
    when = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    parts = (origin, suite, *names)
    text = "-".join(run_folders.plain(part) for part in parts)[: run_folders.LONGEST_NAME]
    return str(run_folders.RESULTS / f"{text}-{when}")


def _workers(asked: int | None) -> int:
    """Return the number of processes; none by default where a script would be imported again."""
    if asked is not None:
        return asked
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return 0 if script else cores()
