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

from attacks.contract.condition import Condition
from benchmark.api import matrix
from benchmark.api.results import Results
from benchmark.audio import reader
from benchmark.audio.audio_error import AudioError
from benchmark.core import trust
from benchmark.core.checks import whole
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.parallel import cores
from benchmark.core.stage_timer import StageTimer
from benchmark.data.data_config import DataConfig
from benchmark.data.protocol import Protocol
from benchmark.inference import detector_selection
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
    suite: str | Condition | Iterable[str | Condition] = "core",
    *,
    name: str = "",
    version: int | str | None = None,
    seed: int = 0,
    limit: int | None = None,
    run: str | Path | None = None,
    workers: int | None = None,
    device: str = "auto",
    train_data: str | Path | None = None,
    train_seed: int = 0,
    noise_dir: str | Path | None = None,
    plugins: str | Path | Iterable[str | Path] = (),
    layout: str = "",
    pattern: str = "",
    labels: Mapping[str, str] | None = None,
    audio_root: str | Path | None = None,
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
    audio_root : folder that contains the audio, if it does not lie with the table or protocol

    Functions score in this process, so lambdas and notebook functions work. Raises `InputError` for
    data, conditions or detectors that cannot be used, and for a function that fails or returns no
    finite number on the first utterance; later failures are in `results.tables["failures"]`.
    """
    context = context_of(plugins, noise_dir)
    with context.entered():
        chosen = _chosen(detectors, name, version)
        spelled = _suite(suite)
        config = RunConfig(
            data_of(data, layout, pattern, labels, audio_root),
            spelled,
            DetectorChoice(
                chosen.names,
                train_data=path_of("train_data", train_data),
                seed=train_seed,
                device=device,
            ),
            seed,
            limit,
            _run(run) or (_fresh_folder(data, spelled, chosen.names) if chosen.fresh else ""),
            context=context,
        )
        execution = ExecutionConfig(_workers(workers), here=chosen.here)
        with _registered(chosen.added):
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
    own = name or version is not None
    if own and (len(items) != 1 or isinstance(items[0], (str, type))):
        raise InputError(
            "name and version go with a single function: decorate each of several with"
            " @detector(name, version=...)"
        )
    names: list[str] = []
    added: dict[str, type[FunctionDetector]] = {}
    here = fresh = False
    for item in items:
        known = _registered_name(item)
        if known is not None and own:
            raise InputError(f"{known!r} is registered with a name and a version of its own")
        if known is None:
            known = name or _own_name(item)
            if known in added or (isinstance(known, str) and registry.knows(known)):
                raise InputError(
                    f"{known!r} is the name of another detector: give name=..., or decorate each"
                    " of several functions with @detector(name)"
                )
            added[known] = function_detector.of(known, item, version)
        names.append(known)
        if known == detector_selection.ALL:
            continue
        cls = added.get(known) or registry.get(known)
        if issubclass(cls, FunctionDetector):
            here, fresh = True, fresh or not cls.reusable
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
    functions = [cls() for cls in every if issubclass(cls, FunctionDetector)]
    first = _first_readable(plan.test) if functions else None
    if first is None:
        return
    uid, wave = first
    for item in functions:
        try:
            score = item.score_one(wave)
        except InputError as error:
            raise InputError(f"{error} (on {uid})") from error
        if not np.isfinite(np.float32(score)):
            raise InputError(
                f"detector {item.name!r} returned {score} for {uid}: return a finite number"
            )


def _first_readable(protocol: Protocol) -> tuple[str, reader.Wave] | None:
    for uid, path in zip(protocol.table["utterance_id"], protocol.table["path"], strict=True):
        try:
            return str(uid), reader.read(protocol.root / path)
        except AudioError:
            continue  # the run lists it
    return None


def _fresh_folder(data: str | Path | None, suite: str, names: tuple[str, ...]) -> str:
    origin = "embedded" if data is None else Path(data).resolve().name
    when = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    parts = (origin, suite, *names)
    text = "-".join(run_folders.plain(part) for part in parts)[: run_folders.LONGEST_NAME]
    return str(run_folders.RESULTS / f"{text}-{when}")


def path_of(name: str, value: str | Path | None) -> Path | None:
    """Return a path argument; `InputError` that names it if it is neither a text nor a path."""
    if value is None or isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise InputError(f"{name}: want a path, not {value!r}")
    return Path(value)


def data_of(
    data: str | Path | None,
    layout: str,
    pattern: str,
    labels: Mapping[str, str] | None,
    audio_root: str | Path | None,
) -> DataConfig:
    """Return the data set of a call; `InputError` names an argument that is no path."""
    roots = path_of("data", data), path_of("audio_root", audio_root)
    return DataConfig(roots[0], layout, pattern, dict(labels or {}), roots[1])


def context_of(
    plugins: str | Path | Iterable[str | Path], noise_dir: str | Path | None
) -> ProcessContext:
    """Return the context of a call: one plugin file or several, and a noise bank."""
    files = [plugins] if isinstance(plugins, (str, Path)) else [*plugins]
    found = [path for file in files if (path := path_of("plugins", file)) is not None]
    return ProcessContext(tuple(found), path_of("noise_dir", noise_dir), allow=trust.allowed())


def _suite(suite: str | Condition | Iterable[str | Condition]) -> str:
    """Return the spelling of a suite: a name, a condition, or several of both."""
    if isinstance(suite, (str, Condition)):
        return str(suite)
    if not isinstance(suite, Iterable):
        raise InputError(f"suite: want a suite's name or conditions, not {suite!r}")
    parts = [*suite]
    if not parts or not all(isinstance(part, (str, Condition)) for part in parts):
        raise InputError(f"suite: want a suite's name or conditions, not {suite!r}")
    return "; ".join(map(str, parts))


def _run(run: str | Path | None) -> str:
    if run in (None, ""):
        return ""
    if not isinstance(run, (str, Path)) or run == Path():
        raise InputError(f"run: want a folder or a name, not {run!r}")
    return str(run)


def _workers(asked: int | None) -> int:
    """Return the number of processes; none by default where a script would be imported again."""
    if asked is not None:
        return int(whole("workers", asked, 0))
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return 0 if script else cores()
