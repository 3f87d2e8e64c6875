"""Train a detector on a protocol's train split, validated on its dev split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark import frontends
from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.frontends.specs import Waveform, WholeWaveform
from benchmark.inference import checkpoints, networks
from benchmark.inference.checkpoints import Checkpoint
from benchmark.metrics.discrimination import eer
from benchmark.training import augmentation, learning_curves, training_examples
from benchmark.training.trainer import STATE, FittedWeights, TrainerConfig, TrainingTensors, fit
from benchmark.training.training_config import TrainingConfig, digest, planned
from benchmark.training.training_examples import TrainingExamples, Wave
from detectors.contract.base import Arrays, Input, Recipe, TensorDetector, WaveDetector, registry

CPU = torch.device("cpu")
LENGTH_S = 4  # of the waves on which a network that takes any length is trained


def train(
    name: str,
    protocol: Protocol,
    device: torch.device,
    out: Path,
    course: TrainingConfig | None = None,
    line: int = 0,
) -> Checkpoint:
    """Train `name` and write `out` (safetensors) with learning curves beside it (CSV, PNG).

    The loss is weighted to equal class mass. Judged and kept is an exponential moving average of
    the weights: the raw ones jump from epoch to epoch. Kept is the last epoch whose dev EER lies
    within one standard error of the lowest until then (after the rule of Breiman et al. 1984,
    section 3.4.3: dev sets are small, and the falling learning rate settles the weights); training
    stops after the recipe's `patience` epochs in a row that did not. A course with a patience of
    its own keeps the epoch of the lowest dev EER instead (of equal ones, of the lowest loss on
    clean dev). With laundering the EERs on clean and on laundered dev count in the shares of
    training; the threshold is clean dev's. `line` is the screen line of the progress bar. A
    training that was killed goes on where it was. Deterministic for one machine, seed and number of
    threads.
    """
    course = course or TrainingConfig()
    facts, _ = planned(name, protocol, course)
    key = digest([facts, str(device), torch.__version__, torch.get_num_threads()])
    item = registry.get(name)()
    facts |= {
        "loss": course.loss,
        "precision": course.precision,
        "data": protocol.name,
        "data_version": protocol.version,
        "audio_digest": protocol.audio_digest,
        "device": device.type,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    parts = [training_examples.used(protocol, split) for split in ("train", "dev")]
    examples, dev = (training_examples.read(part) for part in parts)
    title = course.called(name)
    if isinstance(item, WaveDetector):
        arrays, own = _fit_waves(item, examples, dev, course, title, line)
        del facts["loss"]  # its own, of which nothing is known here
        facts |= own
    elif isinstance(item, TensorDetector):
        recipe = Recipe(**facts["recipe"])
        how = TrainerConfig(
            recipe, course.loss, course.precision, course.seed, device, out.with_suffix(STATE),
            key, title, line, course.patience,
        )  # fmt: skip
        fitted = _fit_network(item, examples, dev, course, how)
        arrays = fitted.arrays
        facts |= {key: fitted.kept[key] for key in ("epoch", "dev_loss", "dev_eer")}
        facts["dev_threshold"] = fitted.kept["dev_threshold"]
        if course.laundering:
            facts["judged_eer"] = fitted.kept["judged_eer"]
        if fitted.batch_size != recipe.batch_size:
            facts["batch_size_used"] = fitted.batch_size
        learning_curves.write(out, title, fitted.history)
    else:
        raise InputError(f"detector {name!r} cannot be trained")
    checkpoints.save(out, arrays, facts)
    return checkpoints.load(out)


def _fit_waves(
    item: WaveDetector,
    examples: TrainingExamples,
    dev: TrainingExamples,
    course: TrainingConfig,
    title: str,
    line: int,
) -> tuple[Arrays, dict[str, Any]]:
    """The state of a wave detector, fitted to all waves and all variants of them, and its facts."""
    waves, bonafide = list(examples.waves), [examples.bonafide]
    if course.laundering:
        for made in augmentation.variants(examples, course.laundering, course.seed, title, line):
            waves += made
            bonafide.append(examples.bonafide)
    arrays = item.fit(waves, np.concatenate(bonafide), course.seed)
    scores = item.score(dev.waves, arrays)
    if not np.isfinite(scores).all():
        raise InputError(f"detector {item.name!r} gives non-finite scores on the dev split")
    rate, threshold = eer(scores.astype(np.float64), dev.bonafide)
    return arrays, {"dev_eer": rate, "dev_threshold": threshold}


def _fit_network(
    item: TensorDetector,
    examples: TrainingExamples,
    dev: TrainingExamples,
    course: TrainingConfig,
    how: TrainerConfig,
) -> FittedWeights:
    spec = trained_input(item.input)
    clean = course.laundering.clean if course.laundering else 1.0
    train, judged = (
        TrainingTensors(_heard(spec, part, course, how), part.bonafide, part.pairs, clean)
        for part in (examples, dev)
    )
    torch.manual_seed(course.seed)
    network = item.initial()
    if course.loss == networks.ONE_CLASS:
        networks.one_class(network, item.name)
    if course.start:
        networks.load(network, course.start)
    if course.loss == networks.ONE_CLASS:
        networks.require_scores_from_head(item, network, dev.waves[0])
    return fit(item, network, train, judged, how)


def _heard(
    spec: Input, part: TrainingExamples, course: TrainingConfig, how: TrainerConfig
) -> list[torch.Tensor]:
    """The inputs of a split, clean and in every variant."""
    made = [_inputs(spec, part.waves)]
    if course.laundering:
        laundered = augmentation.variants(part, course.laundering, course.seed, how.title, how.line)
        made += [_inputs(spec, waves) for waves in laundered]
    return made


def trained_input(spec: Input) -> Input:
    """`spec` with waves of one length, where it keeps the waves' own: batches need one."""
    if isinstance(spec, WholeWaveform):
        samples = max(spec.shortest, LENGTH_S * spec.sample_rate)
        return Waveform(samples, spec.sample_rate)
    if isinstance(spec, Waveform) or isinstance(spec.waveform, Waveform):
        return spec
    fixed = trained_input(spec.waveform)
    assert isinstance(fixed, Waveform)
    return replace(spec, waveform=fixed)


def _inputs(spec: Input, waves: list[Wave]) -> torch.Tensor:
    chunks = [
        frontends.batch(spec, waves[start : start + 64], CPU) for start in range(0, len(waves), 64)
    ]
    return torch.cat(chunks)
