"""Training of a detector on a protocol's train split, validated on its dev split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark import frontends
from benchmark.core.errors import InputError
from benchmark.data.audio_identity import identify
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
LENGTH_S = 4  # seconds of training input for networks that accept any length


def train(
    name: str,
    protocol: Protocol,
    device: torch.device,
    out: Path,
    config: TrainingConfig | None = None,
    line: int = 0,
) -> Checkpoint:
    """Train detector `name`; write checkpoint `out` and its learning curves (CSV, PNG).

    The loss is weighted to equal class mass. Evaluated and kept is an exponential moving average
    of the weights, because the raw weights vary strongly between epochs. By default the kept epoch
    is the last whose dev EER is within one standard error of the lowest up to it (after the rule
    of Breiman et al. 1984, section 3.4.3): dev sets are small, and the falling learning rate
    settles the weights. Training stops after the recipe's `patience` consecutive epochs outside
    that range. If `config` sets a patience, the epoch of the lowest dev EER is kept instead (of
    equal EERs, the one with the lowest loss on clean dev).

    With laundering, the EERs on clean and laundered dev are averaged with the shares that clean
    and laundered recordings have in training. The threshold always comes from clean dev. `line` is
    the screen line of the progress bar. An interrupted training resumes after its last complete
    epoch. The result is deterministic for one machine, seed and number of threads. Raises
    `InputError` if the data or the detector cannot be used for this training.
    """
    config = (config or TrainingConfig()).of(registry.get(name).name)
    facts, _ = planned(name, protocol, config)
    key = digest([facts, str(device), torch.__version__, torch.get_num_threads()])
    item = registry.get(name)()
    facts |= {
        "loss": config.loss,
        "precision": config.precision,
        "data": protocol.name,
        "data_version": protocol.version,
        "device": device.type,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    parts = [training_examples.used(protocol, split) for split in ("train", "dev")]
    examples, dev = (training_examples.read(part) for part in parts)
    ids = [uid for part in parts for uid in part.table["utterance_id"]]
    facts["audio_digest"], _ = identify(zip(ids, [*examples.waves, *dev.waves], strict=True))
    title = config.called(name)
    if isinstance(item, WaveDetector):
        arrays, own = _fit_waves(item, examples, dev, config, title, line)
        del facts["loss"]  # a wave detector has its own loss, which is unknown here
        facts |= own
    elif isinstance(item, TensorDetector):
        recipe = Recipe(**facts["recipe"])
        trainer_config = TrainerConfig(
            recipe, config.loss, config.precision, config.seed, device, out.with_suffix(STATE),
            key, title, line, config.patience,
        )  # fmt: skip
        fitted = _fit_network(item, examples, dev, config, trainer_config)
        arrays = fitted.arrays
        facts |= {key: fitted.kept[key] for key in ("epoch", "dev_loss", "dev_eer")}
        facts["dev_threshold"] = fitted.kept["dev_threshold"]
        if config.laundering:
            facts["judged_eer"] = fitted.kept["judged_eer"]
        if fitted.batch_size != recipe.batch_size:
            facts["batch_size_used"] = fitted.batch_size
        learning_curves.write(out, title, fitted.history)
    else:
        raise InputError(f"detector {name!r} cannot be trained")
    checkpoints.save(out, arrays, facts)
    return checkpoints.load(out, (name,))


def _fit_waves(
    item: WaveDetector,
    examples: TrainingExamples,
    dev: TrainingExamples,
    config: TrainingConfig,
    title: str,
    line: int,
) -> tuple[Arrays, dict[str, Any]]:
    """Fit a wave detector to all waves and all their variants; return its state and facts."""
    waves, bonafide = list(examples.waves), [examples.bonafide]
    for variant in augmentation.variants(examples, config, title, line):
        waves += variant
        bonafide.append(examples.bonafide)
    arrays = item.fit(waves, np.concatenate(bonafide), config.seed)
    scores = item.score(dev.waves, arrays)
    if not np.isfinite(scores).all():
        raise InputError(f"detector {item.name!r} gives non-finite scores on the dev split")
    rate, threshold = eer(scores.astype(np.float64), dev.bonafide)
    return arrays, {"dev_eer": rate, "dev_threshold": threshold}


def _fit_network(
    item: TensorDetector,
    examples: TrainingExamples,
    dev: TrainingExamples,
    config: TrainingConfig,
    trainer_config: TrainerConfig,
) -> FittedWeights:
    spec = trained_input(item.input)
    clean = augmentation.clean_share(config)
    # RawBoost makes training harder and is nothing that a detector meets: dev stays clean
    plain = replace(config, rawboost=None)
    train, judged = (
        TrainingTensors(
            _split_inputs(spec, part, chosen, trainer_config), part.bonafide, part.pairs, clean
        )
        for part, chosen in ((examples, config), (dev, plain))
    )
    torch.manual_seed(config.seed)
    network = item.initial()
    if config.loss == networks.ONE_CLASS:
        networks.one_class(network, item.name)
    if config.start:
        networks.load(network, config.start)
    if config.loss == networks.ONE_CLASS:
        networks.require_scores_from_head(item, network, dev.waves[0])
    return fit(item, network, train, judged, trainer_config)


def _split_inputs(
    spec: Input, part: TrainingExamples, config: TrainingConfig, trainer_config: TrainerConfig
) -> list[torch.Tensor]:
    """Compute the inputs of a split: clean first, then one tensor per variant."""
    title, line = trainer_config.title, trainer_config.line
    changed = augmentation.variants(part, config, title, line)
    return [_inputs(spec, part.waves), *(_inputs(spec, waves) for waves in changed)]


def trained_input(spec: Input) -> Input:
    """Return `spec` with waves of a fixed length, because training batches need one length.

    An input of any length becomes one of 4 s, or of its shortest length if that is longer.
    """
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
