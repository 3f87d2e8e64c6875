"""Several trainings, in parallel on a CPU."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmark.core import plugin_source
from benchmark.core.errors import InputError
from benchmark.core.foreign import ForeignError, fence
from benchmark.core.log import logger
from benchmark.core.parallel import cores, one_thread
from benchmark.core.supervisor import Lost, Supervisor
from benchmark.data.protocol import Protocol
from benchmark.inference import detector_size
from benchmark.inference.checkpoints import Checkpoint
from benchmark.training import learning_curves
from benchmark.training.train_detector import train
from benchmark.training.training_config import TrainingConfig
from benchmark.workers.context import ALONE, ProcessContext
from benchmark.workers.start import start_process
from detectors.contract.base import TensorDetector, registry


@dataclass(frozen=True)
class Training:
    """The training of detector `name` into the checkpoint file `out`."""

    name: str
    out: Path
    config: TrainingConfig


@dataclass(frozen=True)
class _Job:
    """A training, its data and device; `line` is the place of its bar."""

    training: Training
    protocol: Protocol
    device: torch.device
    line: int


def train_all(
    wanted: Sequence[Training],
    protocol: Protocol,
    device: torch.device,
    context: ProcessContext = ALONE,
) -> None:
    """Run every training in `wanted` and log a summary of each.

    On a CPU each training has its own process with one thread, so that the weights do not
    depend on the number of cores; on an accelerator the trainings run one after another.
    Each process enters `context`. A training that fails stops no other; the first failure is raised
    at the end, as `InputError` if its process died. An interrupt ends all trainings at once.
    """
    if device.type == "cuda":
        for training in wanted:
            logger.info(_train_one(_Job(training, protocol, device, 0)))
        return
    # the most expensive first, so that the others fill the gaps
    order = sorted(wanted, key=lambda training: -_cost(training.name))
    jobs = [_Job(training, protocol, device, line) for line, training in enumerate(order)]
    failed: Exception | None = None
    with (
        one_thread(),
        Supervisor(_train_one, min(cores(), len(jobs)), start_process, (context,)) as pool,
    ):
        for job in jobs:
            pool.submit(job)
        for _ in jobs:
            try:
                logger.info(_finished(pool.next()))
            except Exception as error:  # noqa: BLE001 - raised when the others have ended
                failed = failed or error
    if failed is not None:
        raise failed


def _finished(found: str | Lost[_Job]) -> str:
    if isinstance(found, Lost):
        raise InputError(
            f"the process that trained {found.job.training.name} died ({found.cause}); run again:"
            " finished detectors are kept"
        )
    return found


def _cost(name: str) -> int:
    item = registry.get(name)()
    if not isinstance(item, TensorDetector):
        return 0
    return item.recipe.epochs * detector_size.parameters(item)


def _train_one(job: _Job) -> str:
    started = time.monotonic()
    checkpoint = _trained(job)
    facts, seconds = checkpoint.facts, time.monotonic() - started
    summary = f"trained {checkpoint.name} in {seconds:.0f} s: dev EER {facts['dev_eer']:.2%}"
    return f"{summary}{_epoch_summary(checkpoint)}, in {job.training.out}"


def _trained(job: _Job) -> Checkpoint:
    """Train; whatever a plugin raises, an exit included, is an `InputError` that names it."""
    name, out, config = job.training.name, job.training.out, job.training.config
    if not plugin_source.of(registry.get(name)).suffix:
        return train(name, job.protocol, job.device, out, config, job.line)
    try:
        with fence(InputError):
            return train(name, job.protocol, job.device, out, config, job.line)
    except ForeignError as error:
        raise InputError(f"detector {name!r} failed in training: {error}") from error


def _epoch_summary(checkpoint: Checkpoint) -> str:
    """Name the kept epoch, and say whether training stopped early; empty if not a network."""
    facts = checkpoint.facts
    if "epoch" not in facts:
        return ""
    done, most = learning_curves.epochs(checkpoint.path), facts["recipe"]["epochs"]
    end = f"stopped early after epoch {done}" if done < most else "not stopped early"
    return f", kept epoch {facts['epoch']} of {most} ({end})"
