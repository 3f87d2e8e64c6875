"""Train several detectors side by side."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch

from benchmark.core.errors import InputError
from benchmark.core.parallel import cores, one_thread
from benchmark.data.protocol import Protocol
from benchmark.inference.checkpoints import Checkpoint
from benchmark.training import learning_curves
from benchmark.training.train_detector import train
from benchmark.training.training_config import TrainingConfig
from benchmark.workers.start import start_process
from detectors.contract.base import TensorDetector, registry


def train_all(
    wanted: dict[str, Path],
    protocol: Protocol,
    device: torch.device,
    course: TrainingConfig,
    plugin_files: tuple[Path, ...] = (),
) -> None:
    """Train every detector in `wanted` (name -> checkpoint file) and say how it went.

    On a CPU each detector trains in a process of its own with one thread, so that the weights
    do not depend on how many cores there are; on an accelerator they train one after another.
    """
    if device.type == "cuda":
        for name, path in wanted.items():
            print(_train_one(name, protocol, device, path, course, 0))
        return
    # the costliest first, so that the others fill the gaps
    order = sorted(wanted, key=lambda name: -_cost(name))
    with (
        one_thread(),
        ProcessPoolExecutor(
            min(cores(), len(order)),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=start_process,
            initargs=(plugin_files,),
        ) as pool,
    ):
        futures = [
            pool.submit(_train_one, name, protocol, device, wanted[name], course, line)
            for line, name in enumerate(order)
        ]
        try:
            for future in futures:
                print(future.result())
        except BrokenProcessPool as error:
            raise InputError(
                "a training process died (killed, or out of memory); run again: detectors that"
                " were finished are kept"
            ) from error


def _cost(name: str) -> int:
    item = registry.get(name)()
    if not isinstance(item, TensorDetector):
        return 0
    return item.recipe.epochs * sum(p.numel() for p in item.build().parameters())


def _train_one(
    name: str,
    protocol: Protocol,
    device: torch.device,
    out: Path,
    course: TrainingConfig,
    line: int,
) -> str:
    started = time.monotonic()
    made = train(name, protocol, device, out, course, line)
    spent = time.monotonic() - started
    said = f"trained {made.name} in {spent:.0f} s: dev EER {made.facts['dev_eer']:.2%}"
    return f"{said}{_kept(made)}, in {out}"


def _kept(made: Checkpoint) -> str:
    """Which epoch of a network was kept, and whether the training stopped early."""
    if "epoch" not in made.facts:
        return ""
    done, most = learning_curves.epochs(made.path), made.facts["recipe"]["epochs"]
    end = f"stopped early after epoch {done}" if done < most else "not stopped early"
    return f", kept epoch {made.facts['epoch']} of {most} ({end})"
