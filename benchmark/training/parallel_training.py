"""Training of several detectors, in parallel on a CPU."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch

from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.parallel import cores, one_thread
from benchmark.data.protocol import Protocol
from benchmark.inference import detector_size
from benchmark.inference.checkpoints import Checkpoint
from benchmark.training import learning_curves
from benchmark.training.train_detector import train
from benchmark.training.training_config import TrainingConfig
from benchmark.workers.context import ALONE, ProcessContext
from benchmark.workers.start import start_process
from detectors.contract.base import TensorDetector, registry


def train_all(
    wanted: dict[str, Path],
    protocol: Protocol,
    device: torch.device,
    config: TrainingConfig,
    context: ProcessContext = ALONE,
) -> None:
    """Train every detector in `wanted` (name -> checkpoint file) and log a summary of each.

    On a CPU each detector trains in its own process with one thread, so that the weights do not
    depend on the number of cores; on an accelerator the detectors train one after another.
    Each process enters `context`. Raises `InputError` if a process dies.
    """
    if device.type == "cuda":
        for name, path in wanted.items():
            logger.info(_train_one(name, protocol, device, path, config, 0))
        return
    # the most expensive first, so that the others fill the gaps
    order = sorted(wanted, key=lambda name: -_cost(name))
    with (
        one_thread(),
        ProcessPoolExecutor(
            min(cores(), len(order)),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=start_process,
            initargs=(context,),
        ) as pool,
    ):
        futures = [
            pool.submit(_train_one, name, protocol, device, wanted[name], config, line)
            for line, name in enumerate(order)
        ]
        try:
            for future in futures:
                logger.info(future.result())
        except BrokenProcessPool as error:
            raise InputError(
                "a training process died (killed, or out of memory); run again: finished"
                " detectors are kept"
            ) from error


def _cost(name: str) -> int:
    item = registry.get(name)()
    if not isinstance(item, TensorDetector):
        return 0
    return item.recipe.epochs * detector_size.parameters(item)


def _train_one(
    name: str,
    protocol: Protocol,
    device: torch.device,
    out: Path,
    config: TrainingConfig,
    line: int,
) -> str:
    started = time.monotonic()
    checkpoint = train(name, protocol, device, out, config, line)
    facts, seconds = checkpoint.facts, time.monotonic() - started
    summary = f"trained {checkpoint.name} in {seconds:.0f} s: dev EER {facts['dev_eer']:.2%}"
    return f"{summary}{_epoch_summary(checkpoint)}, in {out}"


def _epoch_summary(checkpoint: Checkpoint) -> str:
    """Name the kept epoch, and say whether training stopped early; empty if not a network."""
    facts = checkpoint.facts
    if "epoch" not in facts:
        return ""
    done, most = learning_curves.epochs(checkpoint.path), facts["recipe"]["epochs"]
    end = f"stopped early after epoch {done}" if done < most else "not stopped early"
    return f", kept epoch {facts['epoch']} of {most} ({end})"
