"""A one-second measurement of this machine, and rough durations of the stages of a run.

Durations scale from figures of one core of the reference machine, a Xeon at 2.5 GHz with AVX-512.
They are estimates to plan a day by, not measurements: `bench` prints what each stage really took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import signal
from torch.nn import functional as F

from benchmark import frontends
from benchmark.core.parallel import cores, one_thread
from benchmark.synthesis.systems import BY_NAME
from benchmark.training.train_detector import trained_input
from detectors.contract.base import TensorDetector, registry

SECONDS = 0.5  # of each of the two measurements
CONVOLUTIONS = 54.0  # per CPU second on the reference machine
TRANSFORMS = 730.0
TRIAL_S = 0.068  # CPU seconds there to launder, verify and score a trial with the default detectors
REPORT_S = 10.0
BACKWARD = 2.0  # training steps on whole batches against a forward pass of eight utterances
SAMPLE = 8  # utterances of a timed forward pass


@dataclass(frozen=True)
class MachineSpeed:
    """Speed of one core relative to the reference machine, in two kinds of work.

    convolution : neural networks and vocoders
    transform   : filters and Fourier transforms
    """

    convolution: float
    transform: float
    cores: int
    instructions: str

    def __str__(self) -> str:
        return (
            f"{self.cores} cores, {self.instructions}; a core has {self.convolution:.2f} of the"
            f" reference speed in convolutions and {self.transform:.2f} in transforms"
        )


def measure() -> MachineSpeed:
    """Measure one core of this machine for a second."""
    rng = np.random.default_rng(0)
    wave = rng.standard_normal(64000).astype(np.float32)
    kernel, inner = torch.randn(128, 128, 7), torch.randn(1, 128, 8192)
    taps = np.hanning(501)
    with one_thread(), torch.inference_mode():
        convolutions = _rate(lambda: F.conv1d(inner, kernel, padding=3))
        transforms = _rate(lambda: signal.oaconvolve(wave, taps, mode="same"))
    return MachineSpeed(
        convolutions / CONVOLUTIONS,
        transforms / TRANSFORMS,
        cores(),
        torch.backends.cpu.get_cpu_capability(),
    )


def synthesis_s(systems: Sequence[str], speed: MachineSpeed) -> float:
    """Estimate the seconds to make one utterance of each system ('-': human) on all cores."""
    cost = sum(BY_NAME[name].cpu_s if name in BY_NAME else 0.02 for name in systems)
    return cost / speed.convolution / speed.cores


def matrix_s(trials: int, speed: MachineSpeed) -> float:
    """Estimate the seconds to launder and score so many trials on all cores."""
    share = 0.8 / speed.convolution + 0.2 / speed.transform
    return trials * TRIAL_S * share / speed.cores


def training_s(names: Sequence[str], utterances: int) -> float:
    """Estimate the seconds to train these detectors side by side, from a timed forward pass."""
    costs = [_training_cpu_s(name, utterances) for name in names]
    return max([sum(costs) / cores(), *costs], default=0.0)


def _training_cpu_s(name: str, utterances: int) -> float:
    item = registry.get(name)()
    if not isinstance(item, TensorDetector):
        return 0.05 * utterances
    waves = [np.zeros(64000, np.float32) for _ in range(SAMPLE)]
    with one_thread(), torch.inference_mode():
        network = item.build().eval()
        batch = frontends.batch(trained_input(item.input), waves, torch.device("cpu"))
        network(batch)
        started = time.process_time()
        network(batch)
        each = (time.process_time() - started) / SAMPLE
    return item.recipe.epochs * utterances * each * BACKWARD


def _rate(work: Callable[[], object]) -> float:
    """Return how often `work` runs per CPU second."""
    work()
    started, count = time.process_time(), 0
    while (spent := time.process_time() - started) < SECONDS:
        work()
        count += 1
    return count / spent
