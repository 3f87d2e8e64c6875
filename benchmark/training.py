"""Train a detector on a protocol's train split, validated on its dev split."""

from __future__ import annotations

import copy
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from benchmark import audio, checkpoints, files, frontends, paths
from benchmark.checkpoints import Checkpoint
from benchmark.digests import rows_digest
from benchmark.errors import InputError
from benchmark.metrics import eer
from benchmark.plan import rows_of, with_digests
from benchmark.protocol import LABELS, Protocol, require_both_classes
from detectors.base import Arrays, Recipe, TensorDetector, WaveDetector, registry

Wave = npt.NDArray[np.float32]
History = list[dict[str, float]]

PROCEDURE = 2  # raised when the same recipe and data would give other weights
EMA_DECAY = 0.98  # per step: an average over about one epoch of the embedded set


@dataclass(frozen=True)
class Examples:
    """One split in memory: waves, labels (n,), and a number per recording that copies share."""

    waves: list[Wave]
    bonafide: npt.NDArray[np.bool_]
    pairs: torch.Tensor


def planned(
    name: str, protocol: Protocol, seed: int, changes: dict[str, Any] | None = None
) -> tuple[dict[str, Any], Path]:
    """What the training of `name` rests on, and where its checkpoint belongs in the cache.

    The file's name follows from the facts: another recipe, input, version, seed or training file
    gives another checkpoint. Raises `InputError` where a split lacks a class or a file.
    """
    item = registry.get(name)()
    facts: dict[str, Any] = {
        "detector": name,
        "version": item.version,
        "procedure": PROCEDURE,
        "seed": seed,
    }
    for split in ("train", "dev"):
        part = used(protocol, split)
        facts[f"{split}_digest"] = part.digest()
        rows = rows_of(with_digests(part).table, "utterance_id", "label", "file_sha256")
        facts[f"{split}_files"] = rows_digest(rows)
    if isinstance(item, TensorDetector):
        facts["input"] = repr(item.input)
        facts["recipe"] = asdict(replace(item.recipe, **(changes or {})))
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return facts, paths.checkpoints() / f"{name}-seed{seed}-{digest[:12]}.safetensors"


def used(protocol: Protocol, split: str) -> Protocol:
    """What of a split serves in training; `InputError` where a class is missing.

    Where the data set says which utterances are copies of one recording (`pair`), those without a
    counterpart of the other class are left out: such a fake differs from every human utterance
    in voice, words and recording, and a detector would learn that instead.
    """
    part = protocol.split(split)
    if "pair" in part.table.columns:
        both = part.table.groupby("pair")["label"].transform("nunique") == len(LABELS)
        part = replace(part, table=part.table[both].reset_index(drop=True))
    require_both_classes(part, f"the {split} split")
    return part


def train(
    name: str,
    protocol: Protocol,
    seed: int,
    device: torch.device,
    out: Path,
    changes: dict[str, Any] | None = None,
    line: int = 0,
) -> Checkpoint:
    """Train `name` and write `out` (safetensors) with learning curves beside it (CSV, PNG).

    `changes` overrides fields of the detector's `Recipe`. The loss is binary cross-entropy
    weighted to equal class mass. Judged and kept is an exponential moving average of the weights:
    the raw ones jump from epoch to epoch. Kept is the last epoch whose dev EER lies within one
    standard error of the lowest until then (after the rule of Breiman et al. 1984, section 3.4.3:
    dev sets are small, and the falling learning rate settles the weights); training stops after
    `patience` epochs in a row that did not. `line` is the screen line of the progress bar.
    Deterministic for one machine, seed and number of threads.
    """
    facts, _ = planned(name, protocol, seed, changes)
    item = registry.get(name)()
    facts |= {
        "data": protocol.name,
        "data_version": protocol.version,
        "audio_digest": protocol.audio_digest,
        "device": device.type,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    examples, dev = _read(used(protocol, "train")), _read(used(protocol, "dev"))
    if isinstance(item, WaveDetector):
        arrays = item.fit(examples.waves, examples.bonafide, seed)
        scores = item.score(dev.waves, arrays)
        if not np.isfinite(scores).all():
            raise InputError(f"detector {name!r} gives non-finite scores on the dev split")
        rate, threshold = eer(scores.astype(np.float64), dev.bonafide)
        facts |= {"dev_eer": rate, "dev_threshold": threshold}
    elif isinstance(item, TensorDetector):
        recipe = Recipe(**facts["recipe"])
        arrays, kept, history = _fit(item, recipe, (examples, dev), seed, device, (name, line))
        facts |= {fact: kept[fact] for fact in ("epoch", "dev_loss", "dev_eer", "dev_threshold")}
        _write_curves(out, name, history)
    else:
        raise InputError(f"detector {name!r} cannot be trained")
    checkpoints.save(out, arrays, facts)
    return checkpoints.load(out)


def _read(split: Protocol) -> Examples:
    waves = []
    for path in split.table["path"]:
        try:
            waves.append(audio.read(split.root / path))
        except audio.AudioError as error:
            raise InputError(f"cannot train: {error}") from error
    table = split.table
    pairs = table["pair"] if "pair" in table.columns else table["utterance_id"]
    numbers = torch.from_numpy(pd.factorize(pairs)[0].astype(np.int64))
    return Examples(waves, (table["label"] == "bonafide").to_numpy(), numbers)


def batches(
    pairs: torch.Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Row numbers of one epoch's batches: all rows once, the copies of a recording together.

    Recordings come in random order and are joined until a batch has `batch_size` rows or more.
    Told side by side, a recording and its copies differ by nothing but the copying.
    """
    rows_of: list[list[int]] = [[] for _ in range(int(pairs.max()) + 1)]
    for row, pair in enumerate(pairs.tolist()):
        rows_of[pair].append(row)
    batch: list[int] = []
    for pair in torch.randperm(len(rows_of), generator=generator).tolist():
        batch += rows_of[pair]
        if len(batch) >= batch_size:
            yield torch.tensor(batch)
            batch = []
    if len(batch) > 1:  # batch statistics need more than one item
        yield torch.tensor(batch)


def _fit(
    item: TensorDetector,
    recipe: Recipe,
    examples: tuple[Examples, Examples],
    seed: int,
    device: torch.device,
    title: tuple[str, int],
) -> tuple[Arrays, dict[str, float], History]:
    """The weights that are kept, the row of their epoch, and the rows of all epochs."""
    name, line = title
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    inputs = [_inputs(item, part.waves) for part in examples]
    pairs = examples[0].pairs
    targets = [torch.from_numpy(part.bonafide.astype(np.float32)) for part in examples]
    weights = [torch.where(t > 0, 0.5 / t.mean(), 0.5 / (1 - t.mean())) for t in targets]
    network = item.build().to(device).to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY), use_buffers=True)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    epoch_batches = [
        list(batches(pairs, recipe.batch_size, generator)) for _ in range(recipe.epochs)
    ]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, sum(map(len, epoch_batches))
    )
    history: History = []
    bar = tqdm(total=recipe.epochs, desc=f"train {name}", unit="epoch", position=line)
    for epoch in range(1, recipe.epochs + 1):
        network.train()
        losses, hits = [], 0
        for rows in epoch_batches[epoch - 1]:
            batch = item.augment(inputs[0][rows], pairs[rows], generator).to(device)
            target = targets[0][rows].to(device)
            scores = network(batch)
            loss = binary_cross_entropy_with_logits(scores, target, weights[0][rows].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            losses.append(float(loss.detach()) * len(rows))
            hits += int(((scores > 0) == (target > 0)).sum())
        dev = _evaluate(average.module, inputs[1], device)
        dev_loss = float(binary_cross_entropy_with_logits(dev, targets[1], weights[1]))
        dev_eer, threshold = eer(dev.double().numpy(), examples[1].bonafide)
        row = {
            "epoch": epoch,
            "train_loss": sum(losses) / len(pairs),
            "train_accuracy": hits / len(pairs),
            "dev_loss": dev_loss,
            "dev_accuracy": float(((dev > 0) == (targets[1] > 0)).float().mean()),
            "dev_eer": dev_eer,
            "dev_threshold": threshold,
        }
        if not np.isfinite(row["train_loss"]) or not np.isfinite(dev_loss):
            raise InputError(f"training {name} diverged in epoch {epoch}: the loss is not finite")
        history.append(row)
        bar.update()
        bar.set_postfix(dev_loss=f"{dev_loss:.3f}", dev_eer=f"{dev_eer:.1%}")
        kept = kept_epoch([past["dev_eer"] for past in history], examples[1].bonafide)
        if kept == epoch:
            state = copy.deepcopy(average.module.state_dict())
        if epoch - kept >= recipe.patience:
            break
    bar.close()
    return {k: v.cpu().numpy() for k, v in state.items()}, history[kept - 1], history


def kept_epoch(dev_eers: Sequence[float], bonafide: npt.NDArray[np.bool_]) -> int:
    """The last epoch (from 1) that came within one standard error of the lowest EER until then."""
    lowest, kept = np.inf, 0
    for epoch, rate in enumerate(dev_eers, 1):
        lowest = min(lowest, rate)
        if rate <= lowest + standard_error(lowest, bonafide):
            kept = epoch
    return kept


def standard_error(rate: float, bonafide: npt.NDArray[np.bool_]) -> float:
    """Standard error of an equal error rate over these trials, were they independent.

    The mean of two binomial error rates; one error is added to each class, so that an error-free
    set has one too.

    >>> round(standard_error(0.0, np.array([True] * 50 + [False] * 50)), 3)
    0.014
    """
    counts = np.array([bonafide.sum(), (~bonafide).sum()])
    smoothed = (rate * counts + 1) / (counts + 1)
    return float(np.sqrt(np.sum(smoothed * (1 - smoothed) / counts)) / 2)


def _inputs(item: TensorDetector, waves: list[Wave]) -> torch.Tensor:
    cpu = torch.device("cpu")
    chunks = [
        frontends.batch(item.input, waves[start : start + 64], cpu)
        for start in range(0, len(waves), 64)
    ]
    return torch.cat(chunks)


def _evaluate(network: torch.nn.Module, inputs: torch.Tensor, device: torch.device) -> torch.Tensor:
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(part.to(device)).float().cpu() for part in inputs.split(32)])


def _write_curves(out: Path, name: str, history: History) -> None:
    from matplotlib.figure import Figure

    files.write(out.with_suffix(".csv"), pd.DataFrame(history).to_csv(index=False))
    figure = Figure(figsize=(8, 3), layout="constrained")
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split in ("train", "dev"):
            axes.plot(
                [row["epoch"] for row in history],
                [row[f"{split}_{quantity}"] for row in history],
                marker="o",
                label=split,
            )
        axes.set(xlabel="epoch", ylabel=quantity, title=f"{name}: {quantity}")
        axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120, format="png")
    files.write(out.with_suffix(".png"), picture.getvalue())
