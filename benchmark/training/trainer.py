"""Fitting of a network: the epochs, the choice of weights, and resuming after interruption."""

from __future__ import annotations

import copy
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.progress import progress_bar
from benchmark.inference.precision import BF16, exact, repeatable_attention
from benchmark.metrics.discrimination import eer
from benchmark.training import resume
from benchmark.training.epoch_selection import best_epoch, settled_epoch
from benchmark.training.learning_curves import History
from benchmark.training.losses import LOSSES
from benchmark.training.training_examples import batches
from detectors.contract.base import Arrays, Recipe, TensorDetector

EMA_DECAY = 0.98  # per step: averages over about one epoch of the embedded set
LEAST_BATCH = 2  # batch statistics need more than one item
STATE = ".state"  # suffix of the state file next to the checkpoint; deleted after training


@dataclass(frozen=True)
class TrainingTensors:
    """One split as tensors: inputs (n, ...), clean first and then one per variant; labels (n,).

    Rows with the same number in `pairs` (n,) are copies of one recording. `clean` is the
    probability that a recording is used clean in an epoch; it is 1 if there are no variants.
    """

    inputs: list[torch.Tensor]
    bonafide: npt.NDArray[np.bool_]
    pairs: torch.Tensor
    clean: float = 1.0

    @property
    def targets(self) -> torch.Tensor:
        """Targets (n,), float32: 1 for bona fide, 0 for spoof."""
        return torch.from_numpy(self.bonafide.astype(np.float32))

    @property
    def weights(self) -> torch.Tensor:
        """Weights (n,), float32, that give both classes equal mass; their mean is 1."""
        targets = self.targets
        return torch.where(targets > 0, 0.5 / targets.mean(), 0.5 / (1 - targets.mean()))


@dataclass(frozen=True)
class TrainerConfig:
    """The configuration of one fit.

    key      : identifies the training in its state file
    title    : names the training on the screen
    state    : the file in which everything needed to resume is saved after every epoch
    line     : the screen line of the progress bar
    patience : if given, the best epoch is kept, and training stops after this many consecutive
               epochs that were no better; if None, `settled_epoch` and the recipe's patience apply
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
    """The kept weights, the row of their epoch, the rows of all epochs, and the batch size."""

    arrays: Arrays
    kept: dict[str, float]
    history: History
    batch_size: int


def fit(
    item: TensorDetector,
    network: torch.nn.Module,
    train: TrainingTensors,
    dev: TrainingTensors,
    config: TrainerConfig,
) -> FittedWeights:
    """Fit `network`, or resume an interrupted training with the same `key`.

    On the same machine's CPU, a resumed training gives bit for bit the weights of an uninterrupted
    one. If a batch does not fit in the device's memory, the training starts over with half the
    batch size and prints that to standard error. Raises `InputError` if even the smallest batch
    does not fit, if the loss is not finite, or if the network returns scores of a wrong shape.
    """
    exact()
    saved = resume.read(config.state, config.key, config.title)
    size = saved["batch_size"] if saved else config.recipe.batch_size
    blank = copy.deepcopy(network.state_dict())
    while True:
        run = _Run(item, network, train, dev, replace(config, recipe=_sized(config.recipe, size)))
        try:
            if saved:
                run.restore(saved)
            with repeatable_attention():
                fitted = run.finish()
        except torch.OutOfMemoryError as error:
            if size // 2 < LEAST_BATCH:
                raise InputError(
                    f"{config.device} has too little memory to train {config.title} even with a"
                    f" batch of {size}"
                ) from error
        else:
            config.state.unlink(missing_ok=True)
            return fitted
        # outside the handler, because the error's traceback holds the batch that was too large
        del run
        if config.device.type == "cuda":
            torch.cuda.empty_cache()
        logger.warning(
            f"{config.device} is out of memory with a batch of {size}: training of {config.title}"
            f" starts over with {size // 2}"
        )
        size, saved = size // 2, None
        network.cpu().load_state_dict(blank)


def _sized(recipe: Recipe, size: int) -> Recipe:
    return replace(recipe, batch_size=size)


class _Run:
    """The state of one running training, which can be saved and restored."""

    def __init__(
        self,
        item: TensorDetector,
        network: torch.nn.Module,
        train: TrainingTensors,
        dev: TrainingTensors,
        config: TrainerConfig,
    ) -> None:
        self.item, self.train, self.dev, self.config = item, train, dev, config
        self.loss = LOSSES[config.loss]
        self.generator = torch.Generator().manual_seed(config.seed)
        self.network = network.to(config.device).to(memory_format=torch.channels_last)
        averaging = get_ema_multi_avg_fn(EMA_DECAY)
        self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True)
        recipe = config.recipe
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
        """Run the remaining epochs, until the last one or until the patience is exhausted."""
        recipe, kept = self.config.recipe, self._kept_epoch()
        patience = self.config.patience or recipe.patience
        bar = progress_bar(
            total=recipe.epochs, initial=len(self.history), desc=f"training {self.config.title}",
            unit="epoch", position=self.config.line,
        )  # fmt: skip
        with bar:
            while (done := len(self.history)) < recipe.epochs and done - kept < patience:
                row = self._epoch(done + 1)
                self.history.append(row)
                kept = self._kept_epoch()
                if kept == done + 1:
                    self.kept = copy.deepcopy(self.average.module.state_dict())
                atomic_files.write(self.config.state, self._state())
                reached = {"dev_loss": f"{row['dev_loss']:.3f}", "dev_eer": f"{row['dev_eer']:.1%}"}
                bar.set_postfix(reached, refresh=False)
                bar.update()
        arrays = {name: value.cpu().numpy() for name, value in self.kept.items()}
        return FittedWeights(arrays, self.history[kept - 1], self.history, recipe.batch_size)

    def _kept_epoch(self) -> int:
        eers = [row["judged_eer"] for row in self.history]
        if self.config.patience is None:
            return settled_epoch(eers, self.dev.bonafide)
        return best_epoch(eers, [row["dev_loss"] for row in self.history])

    def _epoch(self, epoch: int) -> dict[str, float]:
        device, train = self.config.device, self.train
        targets, weights = train.targets, train.weights
        variants = self._draw_variants()
        self.network.train()
        losses, hits = [], 0
        for rows in self.batches[epoch - 1]:
            inputs = self._inputs(rows, variants)
            batch = self.item.augment(inputs, train.pairs[rows], self.generator).to(device)
            target = targets[rows].to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=self.config.precision == BF16):
                scores = self.network(batch)
            scores = scores.float()
            if scores.shape != target.shape:
                raise InputError(
                    f"detector {self.config.title!r} gives {tuple(scores.shape)} for {len(rows)}"
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
                f"training {self.config.title} diverged in epoch {epoch}: the loss is not finite"
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
            "judged_eer": self._judged_eer(dev_eer),
        }

    def _judged_eer(self, clean: float) -> float:
        """Return the dev EER that selects the epoch: clean and laundered EER, weighted by share."""
        laundered = self.dev.inputs[1:]
        if not laundered:
            return clean
        device = self.config.device
        scores = [_evaluate(self.average.module, inputs, device) for inputs in laundered]
        bonafide = np.tile(self.dev.bonafide, len(laundered))
        rate, _ = eer(torch.cat(scores).double().numpy(), bonafide)
        return self.dev.clean * clean + (1 - self.dev.clean) * rate

    def _draw_variants(self) -> torch.Tensor | None:
        """Draw the variant of each recording for one epoch, 0 = clean; None if all are clean."""
        most = len(self.train.inputs) - 1
        if not most:
            return None
        recordings = int(self.train.pairs.max()) + 1
        clean = torch.rand(recordings, generator=self.generator) < self.train.clean
        which = torch.randint(1, most + 1, (recordings,), generator=self.generator)
        return torch.where(clean, 0, which)

    def _inputs(self, rows: torch.Tensor, variants: torch.Tensor | None) -> torch.Tensor:
        if variants is None:
            return self.train.inputs[0][rows]
        which = variants[self.train.pairs[rows]].tolist()
        return torch.stack(
            [self.train.inputs[n][row] for n, row in zip(which, rows.tolist(), strict=True)]
        )

    def _state(self) -> bytes:
        saved = {
            "key": self.config.key,
            "batch_size": self.config.recipe.batch_size,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": resume.plain(self.schedule.state_dict()),
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "history": self.history,
            "kept": self.kept,
        }
        if self.config.device.type == "cuda":
            saved["cuda"] = torch.cuda.get_rng_state(self.config.device)
        buffer = io.BytesIO()
        torch.save(saved, buffer)
        return buffer.getvalue()

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore the state in `saved`, as written by `_state`."""
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.schedule.load_state_dict(saved["schedule"])
        self.generator.set_state(saved["generator"])
        torch.set_rng_state(saved["torch"])
        if self.config.device.type == "cuda":
            torch.cuda.set_rng_state(saved["cuda"], self.config.device)
        self.history, self.kept = saved["history"], saved["kept"]


def _evaluate(network: torch.nn.Module, inputs: torch.Tensor, device: torch.device) -> torch.Tensor:
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(part.to(device)).float().cpu() for part in inputs.split(32)])
