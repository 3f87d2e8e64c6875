"""Turn the parsed options of a command into the typed configuration that all other code takes."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InputError

if TYPE_CHECKING:
    from benchmark.data.data_config import DataConfig
    from benchmark.data.protocol import Protocol
    from benchmark.runs.detector_choice import DetectorChoice
    from benchmark.runs.detectors_at_hand import GivenFiles
    from benchmark.runs.run_config import ExecutionConfig, ReportConfig, RunConfig
    from benchmark.workers.context import ProcessContext


def context(options: Namespace) -> ProcessContext:
    """Return the plugins and the noise bank of the command, entered in this process."""
    from benchmark.workers.context import ProcessContext

    found = ProcessContext(
        tuple(options.plugin), getattr(options, "noise_dir", None), options.quiet,
        tuple(options.allow),
    )  # fmt: skip
    found.enter()
    return found


def data_config(options: Namespace) -> DataConfig:
    """Return the data set of --data and the options that say how it is read."""
    from benchmark.data.data_config import EMBEDDED, DataConfig

    if options.data is None:
        return EMBEDDED
    labels = dict(_label(item) for item in options.labels.split(",") if item.strip())
    return DataConfig(options.data, options.layout, options.pattern, labels, options.audio_root)


def utterances(options: Namespace) -> Protocol:
    """Return the utterances of --data that --split and --limit choose."""
    from benchmark.data import data_config as data

    return data.utterances(data_config(options), options.split, options.limit)


def chosen_detector(options: Namespace) -> DetectorChoice:
    """Return the detector that a command names: a checkpoint file, a name, or weights for one."""
    from pathlib import Path

    from benchmark.runs.detector_choice import DetectorChoice

    path = Path(options.detector)
    if path.suffix != ".safetensors":
        weights = ((options.detector, options.weights),) if options.weights else ()
        names = () if weights else (options.detector,)
        return DetectorChoice(
            names, (), weights, options.train_data, options.seed, device=options.device
        )
    if options.weights:
        raise InputError(f"{path} is a checkpoint already: it takes no --weights")
    return DetectorChoice((), (path,), (), options.train_data, options.seed, device=options.device)


def run_config(options: Namespace) -> RunConfig:
    """Return what a run computes; its plugins and noise bank are entered in this process."""
    from benchmark.runs import detector_choice
    from benchmark.runs.run_config import RunConfig

    choice = detector_choice.DetectorChoice(
        detector_choice.names_in(options.detectors),
        tuple(options.checkpoint),
        tuple(options.weights),
        options.train_data,
        options.seed,
        getattr(options, "train", False),
        options.precision,
        options.device,
        tuple(getattr(options, "recipe", ())),
    )
    return RunConfig(
        data_config(options),
        options.suite,
        choice,
        options.seed,
        options.limit,
        options.run,
        options.allow_missing,
        context(options),
        options.attack_seeds,
        options.train_seeds,
    )


def given_files(options: Namespace) -> GivenFiles:
    """Return the files in which the weights of a run's detectors are."""
    from benchmark.runs.detectors_at_hand import GivenFiles

    return GivenFiles(tuple(options.checkpoint), tuple(options.weights))


def execution(options: Namespace) -> ExecutionConfig:
    """Return how a run is computed."""
    from benchmark.runs.plan import PlanShare
    from benchmark.runs.run_config import CACHE_GB, PROCESSES, ExecutionConfig

    return ExecutionConfig(
        options.workers,
        options.retry_failures,
        PlanShare(*options.shard),
        getattr(options, "audio_cache", None),
        getattr(options, "cache_gb", CACHE_GB),
        recheck_audio=options.recheck_audio,
        fsync=options.fsync,
        unit_timeout=options.unit_timeout,
        quality=getattr(options, "quality", 0),
        executor=getattr(options, "executor", PROCESSES),
        address=getattr(options, "address", ""),
        scorers=getattr(options, "scorers", 0),
    )


def report_config(options: Namespace) -> ReportConfig:
    """Return what the report of a run shows."""
    from benchmark.metrics.decision import parse_costs
    from benchmark.runs.run_config import ReportConfig

    choices: dict[str, Any] = {}
    if getattr(options, "bootstrap", None) is not None:
        choices["resamples"] = options.bootstrap
    if getattr(options, "costs", ""):
        choices["costs"] = parse_costs(options.costs)
    return ReportConfig(
        tuple(options.ensemble), options.voices, options.samples,
        baseline=getattr(options, "baseline", ""), strict=options.strict,
        scope=options.scope, **choices,
    )  # fmt: skip


def _label(item: str) -> tuple[str, str]:
    word, equals, label = (part.strip() for part in item.rpartition("="))
    if not equals:
        raise InputError(f"--labels: want WORD=bonafide or WORD=spoof, not {item.strip()!r}")
    return word, label
