"""What the commands do that train a detector, score files with it, and export it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmark.cli import run_config
from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.inference import checkpoints, detector_selection, networks, published_weights
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import resolve_device
from benchmark.training import training_config, training_examples
from benchmark.training.training_config import LaunderingAugmentation, TrainingConfig, planned
from benchmark.workers import plugins
from detectors.contract.base import TensorDetector
from detectors.contract.base import registry as detector_registry

PROTOCOL = "protocol"  # the splits that the data set has
RECIPE = {"epochs": "epochs", "batch_size": "batch_size", "lr": "learning_rate"}


def train(options: Namespace) -> int:
    """Train detectors and keep their checkpoints."""
    plugins.load(options.plugin)
    names = [*options.names] or detector_selection.default()
    if detector_selection.ALL in names:
        bring_all()
        every = [n for n in detector_selection.every() if not detector_registry.get(n).pretrained]
        names = list(
            dict.fromkeys([*every, *(name for name in names if name != detector_selection.ALL)])
        )
    names = [detector_registry.get(name).name for name in names]
    for name in names:
        if name in published_weights.index():
            raise InputError(f"detector {name!r} stands for published weights: it is not trained")
        if detector_registry.get(name).ready_made:
            raise InputError(f"detector {name!r} comes ready-made: it is not trained")
    for option in ("out", "name"):
        if getattr(options, option) and len(names) != 1:
            raise InputError(f"--{option} takes one detector; name it")
    course = _course(options)
    for name in names:
        _require_taken(name, course)
    protocol = _training_data(options)
    device = resolve_device(options.device)
    train_missing(names, protocol, course, device, options.plugin, options.out, options.force)
    return 0


def train_missing(
    names: Sequence[str],
    protocol: Protocol,
    course: TrainingConfig,
    device: torch.device,
    plugins: Sequence[Path],
    out: Path | None = None,
    force: bool = False,
) -> None:
    """Train the detectors that have no checkpoint yet, or all with `force`."""
    from benchmark.training.parallel_training import train_all

    wanted: dict[str, Path] = {}
    for name in names:
        path = out or _planned(name, protocol, course)
        if path.is_file() and not force:
            print(f"{course.called(name)} is trained already: {path}")
        else:
            detector_registry.get(name)().fetch()
            wanted[name] = path
    if wanted:
        train_all(wanted, protocol, device, course, tuple(plugins))


def _require_taken(name: str, course: TrainingConfig) -> None:
    """Refuse (`InputError`) a course that the detector cannot take."""
    item = detector_registry.get(name)()
    training_config.require_taken(item, course)
    if course.loss == networks.ONE_CLASS and isinstance(item, TensorDetector):
        _bring_foundation(item)
        networks.require_one_class(item)


def _planned(name: str, protocol: Protocol, course: TrainingConfig) -> Path:
    """Where the checkpoint belongs, with the encoder fetched whose content is in its name."""
    item = detector_registry.get(name)()
    if isinstance(item, TensorDetector):
        _bring_foundation(item)
    return planned(name, protocol, course)[1]


def _bring_foundation(item: TensorDetector) -> None:
    try:
        item.foundation()
    except InputError:
        item.fetch()


def bring_all() -> None:
    """Fetch what detectors to be trained lack, and say which stay out."""
    for line in detector_selection.bring():
        print(line, file=sys.stderr)


def _course(options: Namespace) -> TrainingConfig:
    changes: dict[str, Any] = {
        field: value
        for option, field in RECIPE.items()
        if (value := getattr(options, option)) is not None
    }
    laundering = None
    if options.suite:
        suite = run_config.suite_of(options)
        spelled = tuple(str(c) for c in suite.conditions if c.steps)
        laundering = LaunderingAugmentation(
            suite.name, spelled, options.clean_share, options.variants
        )
    start = checkpoints.load(options.start) if options.start else None
    return TrainingConfig(
        options.seed, changes, options.loss, options.precision, laundering, start, options.name,
        options.patience,
    )  # fmt: skip


def _training_data(options: Namespace) -> Protocol:
    from benchmark.data import splitting

    ratios = {} if options.splits == PROTOCOL else splitting.ratios_of(options.splits)
    if ratios and "dev" not in ratios:
        raise InputError(f"--splits {options.splits}: training wants three, as 80/10/10")
    protocol = run_config.data(options)
    if ratios:
        protocol = splitting.split(protocol, ratios, options.seed)
        counts = protocol.table["split"].value_counts()
        print(
            f"split by speaker: {counts['train']} train, {counts['dev']} dev; the"
            f" {counts['test']} of test are left out (launderbench data split keeps such splits)"
        )
    elif not set(protocol.table["split"]) >= {"train", "dev"}:
        raise InputError(
            f"{protocol.root} has no train and dev splits: say --splits 80/10/10 to cut them by"
            " speaker, or launderbench data split to keep them"
        )
    for line in training_examples.left_out(protocol):
        print(line)
    return training_examples.subset(protocol, options.subset) if options.subset else protocol


def score(options: Namespace) -> int:
    """Score files, or a stream; 1 when a file could not be scored."""
    from benchmark.inference import score_files, stream

    plugins.load(options.plugin)
    device = resolve_device(options.device)
    if options.stream:
        if options.files or options.spectrogram:
            raise InputError("--stream scores standard input: it takes no files and no pictures")
        wanted = stream.Pcm(options.format, options.rate, options.channels)
        source = stream.standard_input()
        checkpoint = chosen(options)
        return stream.run(checkpoint, device, source, wanted, _windows(options), options.json)
    found = score_files.sources(options.files)
    return score_files.run(chosen(options), device, found, options.json, options.spectrogram)


def _windows(options: Namespace) -> tuple[float | None, float | None]:
    return options.window, options.hop


def export(options: Namespace) -> int:
    """Write a detector as an ONNX file, and say how near it is to the original."""
    from benchmark.exchange import onnx_export

    plugins.load(options.plugin)
    lines = onnx_export.export(chosen(options), options.onnx, options.int8, options.train_data)
    for line in lines:
        print(line, flush=True)
    return 0


def chosen(options: Namespace) -> Checkpoint:
    """The one detector that the options name: a checkpoint file, a name, or weights for one.

    `InputError` where it cannot be had, with how it can.
    """
    path = Path(options.detector)
    is_file = path.suffix == ".safetensors"
    if is_file and options.weights:
        raise InputError(f"{path} is a checkpoint already: it takes no --weights")
    as_for_a_run = Namespace(
        detectors="" if is_file or options.weights else options.detector,
        checkpoint=[path] if is_file else [],
        weights=[(options.detector, options.weights)] if options.weights else [],
        train_data=options.train_data,
        seed=options.seed,
        device=options.device,
    )
    found = run_config.ready_detectors(as_for_a_run)
    if len(found) != 1:
        raise InputError(f"want one detector, not {options.detector!r}")
    return found[0]
