"""Fit a network: the epochs, which weights are kept, and going on after a kill."""

from __future__ import annotations

import copy
import io
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.inference.precision import BF16
from benchmark.metrics.discrimination import eer
from benchmark.training import resume
from benchmark.training.epoch_selection import best_epoch, settled_epoch
from benchmark.training.learning_curves import History
from benchmark.training.losses import LOSSES
from benchmark.training.training_examples import batches
from detectors.contract.base import Arrays, Recipe, TensorDetector

EMA_DECAY = 0.98  # per step: an average over about one epoch of the embedded set
LEAST_BATCH = 2  # batch statistics need more than one item
STATE = ".state"  # suffix of the file beside the checkpoint, while the training lasts


@dataclass(frozen=True)
class TrainingTensors:
    """One split as tensors: inputs (n, ...) clean and in variants, targets, weights, pairs (n,).

    Targets are 1 for bona fide, else 0; weights bring both classes to equal mass; rows with one
    number in `pairs` are copies of one recording. Without variants `clean` is 1, else the
    probability with which a recording is heard clean in an epoch.
    """

    inputs: list[torch.Tensor]
    bonafide: npt.NDArray[np.bool_]
    pairs: torch.Tensor
    clean: float = 1.0

    @property
    def targets(self) -> torch.Tensor:
        return torch.from_numpy(self.bonafide.astype(np.float32))

    @property
    def weights(self) -> torch.Tensor:
        targets = self.targets
        return torch.where(targets > 0, 0.5 / targets.mean(), 0.5 / (1 - targets.mean()))


@dataclass(frozen=True)
class TrainerConfig:
    """How a network is fitted; `key` names the training in its state file, `title` on the screen.

    `state` is where it is written down after every epoch how to go on; `line` is the screen line
    of the progress bar. With `patience` the best epoch is kept, and training stops after that many
    in a row that were no better; without, the rule and the patience are the default ones.
    """

    recipe: Recipe
    loss: str
    precision: str
    seed: int
    device: torch.device
    state: Path
    key: str
    title: str
    line: int = 0
    patience: int | None = None


@dataclass(frozen=True)
class FittedWeights:
    """The weights that are kept, the row of their epoch, the rows of all, and the batch size."""

    arrays: Arrays
    kept: dict[str, float]
    history: History
    batch_size: int


def fit(
    item: TensorDetector,
    network: torch.nn.Module,
    train: TrainingTensors,
    dev: TrainingTensors,
    how: TrainerConfig,
) -> FittedWeights:
    """Fit `network`, or go on where a training with this `key` was killed.

    A training that was killed gives the weights that it would have given, bit for bit, on the
    same machine's CPU. Where the device's memory is too small for a batch, the training begins
    anew with half of it, and says so.
    """
    saved = resume.read(how.state, how.key, how.title)
    size = saved["batch_size"] if saved else how.recipe.batch_size
    blank = copy.deepcopy(network.state_dict())
    while True:
        run = _Run(item, network, train, dev, replace(how, recipe=_sized(how.recipe, size)))
        try:
            if saved:
                run.restore(saved)
            fitted = run.finish()
        except torch.OutOfMemoryError as error:
            if size // 2 < LEAST_BATCH:
                raise InputError(
                    f"{how.device} has too little memory to train {how.title} even with a batch"
                    f" of {size}"
                ) from error
        else:
            how.state.unlink(missing_ok=True)
            return fitted
        # outside the handler: the error's traceback held the batch that was too large
        del run
        if how.device.type == "cuda":
            torch.cuda.empty_cache()
        tqdm.write(
            f"{how.device} is out of memory with a batch of {size}: {how.title} is trained anew"
            f" with {size // 2}",
            file=sys.stderr,
        )
        size, saved = size // 2, None
        network.cpu().load_state_dict(blank)


def _sized(recipe: Recipe, size: int) -> Recipe:
    return replace(recipe, batch_size=size)


class _Run:
    """One training while it runs: everything that changes, and how it is saved."""

    def __init__(
        self,
        item: TensorDetector,
        network: torch.nn.Module,
        train: TrainingTensors,
        dev: TrainingTensors,
        how: TrainerConfig,
    ) -> None:
        self.item, self.train, self.dev, self.how = item, train, dev, how
        self.loss = LOSSES[how.loss]
        self.generator = torch.Generator().manual_seed(how.seed)
        self.network = network.to(how.device).to(memory_format=torch.channels_last)
        averaging = get_ema_multi_avg_fn(EMA_DECAY)
        self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True)
        recipe = how.recipe
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.batches = [
            list(batches(train.pairs, recipe.batch_size, self.generator))
            for _ in range(recipe.epochs)
        ]
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, recipe.learning_rate, sum(map(len, self.batches))
        )
        self.history: History = []
        self.kept: dict[str, torch.Tensor] = {}

    def finish(self) -> FittedWeights:
        """The epochs that lack, up to the last or until as many as patience were in vain."""
        recipe, kept = self.how.recipe, self._kept_epoch()
        patience = self.how.patience or recipe.patience
        bar = tqdm(
            total=recipe.epochs, initial=len(self.history), desc=f"train {self.how.title}",
            unit="epoch", position=self.how.line,
        )  # fmt: skip
        with bar:
            while (done := len(self.history)) < recipe.epochs and done - kept < patience:
                row = self._epoch(done + 1)
                self.history.append(row)
                kept = self._kept_epoch()
                if kept == done + 1:
                    self.kept = copy.deepcopy(self.average.module.state_dict())
                atomic_files.write(self.how.state, self._state())
                bar.update()
                bar.set_postfix(dev_loss=f"{row['dev_loss']:.3f}", dev_eer=f"{row['dev_eer']:.1%}")
        arrays = {name: value.cpu().numpy() for name, value in self.kept.items()}
        return FittedWeights(arrays, self.history[kept - 1], self.history, recipe.batch_size)

    def _kept_epoch(self) -> int:
        eers = [row["judged_eer"] for row in self.history]
        if self.how.patience is None:
            return settled_epoch(eers, self.dev.bonafide)
        return best_epoch(eers, [row["dev_loss"] for row in self.history])

    def _epoch(self, epoch: int) -> dict[str, float]:
        device, train = self.how.device, self.train
        targets, weights = train.targets, train.weights
        heard = self._heard()
        self.network.train()
        losses, hits = [], 0
        for rows in self.batches[epoch - 1]:
            inputs = self._inputs(rows, heard)
            batch = self.item.augment(inputs, train.pairs[rows], self.generator).to(device)
            target = targets[rows].to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=self.how.precision == BF16):
                scores = self.network(batch)
            scores = scores.float()
            if scores.shape != target.shape:
                raise InputError(
                    f"detector {self.how.title!r} gives {tuple(scores.shape)} for {len(rows)}"
                    f" utterances, not ({len(rows)},)"
                )
            loss = self.loss(scores, target, weights[rows].to(device))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            self.average.update_parameters(self.network)
            losses.append(float(loss.detach()) * len(rows))
            hits += self.loss.hits(scores, target)
        dev = _evaluate(self.average.module, self.dev.inputs[0], device)
        dev_loss = float(self.loss(dev, self.dev.targets, self.dev.weights))
        if not np.isfinite([*losses, dev_loss]).all() or not torch.isfinite(dev).all():
            raise InputError(
                f"training {self.how.title} diverged in epoch {epoch}: the loss is not finite"
            )
        dev_eer, threshold = eer(dev.double().numpy(), self.dev.bonafide)
        return {
            "epoch": epoch,
            "train_loss": sum(losses) / len(train.pairs),
            "train_accuracy": hits / len(train.pairs),
            "dev_loss": dev_loss,
            "dev_accuracy": self.loss.hits(dev, self.dev.targets) / len(dev),
            "dev_eer": dev_eer,
            "dev_threshold": threshold,
            "judged_eer": self._judged(dev_eer),
        }

    def _judged(self, clean: float) -> float:
        """The dev EER that decides which epoch is kept: clean and laundered, as in training."""
        laundered = self.dev.inputs[1:]
        if not laundered:
            return clean
        device = self.how.device
        scores = [_evaluate(self.average.module, inputs, device) for inputs in laundered]
        bonafide = np.tile(self.dev.bonafide, len(laundered))
        rate, _ = eer(torch.cat(scores).double().numpy(), bonafide)
        return self.dev.clean * clean + (1 - self.dev.clean) * rate

    def _heard(self) -> torch.Tensor | None:
        """Which variant each recording is heard in during an epoch, 0 = clean; None: all clean."""
        most = len(self.train.inputs) - 1
        if not most:
            return None
        recordings = int(self.train.pairs.max()) + 1
        clean = torch.rand(recordings, generator=self.generator) < self.train.clean
        which = torch.randint(1, most + 1, (recordings,), generator=self.generator)
        return torch.where(clean, 0, which)

    def _inputs(self, rows: torch.Tensor, heard: torch.Tensor | None) -> torch.Tensor:
        if heard is None:
            return self.train.inputs[0][rows]
        which = heard[self.train.pairs[rows]].tolist()
        return torch.stack(
            [self.train.inputs[n][row] for n, row in zip(which, rows.tolist(), strict=True)]
        )

    def _state(self) -> bytes:
        saved = {
            "key": self.how.key,
            "batch_size": self.how.recipe.batch_size,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": resume.plain(self.schedule.state_dict()),
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "history": self.history,
            "kept": self.kept,
        }
        if self.how.device.type == "cuda":
            saved["cuda"] = torch.cuda.get_rng_state(self.how.device)
        buffer = io.BytesIO()
        torch.save(saved, buffer)
        return buffer.getvalue()

    def restore(self, saved: dict[str, Any]) -> None:
        """Become the training that `saved` was."""
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.schedule.load_state_dict(saved["schedule"])
        self.generator.set_state(saved["generator"])
        torch.set_rng_state(saved["torch"])
        if self.how.device.type == "cuda":
            torch.cuda.set_rng_state(saved["cuda"], self.how.device)
        self.history, self.kept = saved["history"], saved["kept"]


def _evaluate(network: torch.nn.Module, inputs: torch.Tensor, device: torch.device) -> torch.Tensor:
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(part.to(device)).float().cpu() for part in inputs.split(32)])
