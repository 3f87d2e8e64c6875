"""Helpers of the performance tests: clips, corpora, plans, processor time."""

from __future__ import annotations

import hashlib
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from attacks.contract.condition import Condition
from attacks.contract.suites import load
from benchmark.data import loading
from benchmark.data.trial_table import with_stamps
from benchmark.runs import profile
from benchmark.runs.plan import RunPlan
from benchmark.runs.work_unit import WorkUnit, prepare
from benchmark.workers.context import ALONE
from benchmark.workers.start import start_process
from tests.support import builders

CLIPS = 4  # of 4 s
LAUNDERING = load("laundering").conditions[1:]


def clips() -> list[np.ndarray]:
    """Return read-only recordings of 4 s, as the reader passes them to every condition."""
    waves = [builders.voice(seed, 4.0, 100 + 20 * seed) for seed in range(CLIPS)]
    for wave in waves:
        wave.flags.writeable = False
    return waves


def cpu() -> float:
    """Return the processor seconds of this process and of its children that have ended."""
    own, children = (
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return sum(used.ru_utime + used.ru_stime for used in (own, children))


def cost(call: Callable[[], object]) -> float:
    """Return the processor seconds of one call."""
    begun = cpu()
    call()
    return cpu() - begun


def busy(pids: list[int]) -> float:
    """Return the processor seconds of running processes (Linux)."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def corpus(root: Path, files: int, seconds: float, utterances: int | None = None) -> Path:
    """Write `files` recordings and a protocol of `utterances` test rows that repeats them."""
    (root / "flac").mkdir(parents=True)
    for number in range(files):
        make = builders.fake if number % 2 else builders.voice
        soundfile.write(root / "flac" / f"{number}.flac", make(number, seconds), 16000)
    counts = {"test": utterances or files, "dev": 2}
    rows = [
        {
            "utterance_id": f"{split}_{number:07d}", "path": f"flac/{number % files}.flac",
            "label": "spoof" if number % 2 else "bonafide", "speaker": f"s{number % 50}",
            "spoof_system": "S1" if number % 2 else "-", "split": split, "source": "-",
            "track": "-",
        }
        for split, count in counts.items() for number in range(count)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(root / "protocol.csv", index=False)
    return root


def plan(root: Path, conditions: tuple[Condition, ...], names: list[str], weights: Path) -> RunPlan:
    """Return the plan of a corpus for networks with random weights."""
    protocol = loading.open_data(root)
    test, dev = (with_stamps(protocol.split(split)) for split in ("test", "dev"))
    loaded = [profile.untrained(name, weights) for name in names]
    networks = tuple(checkpoint for checkpoint in loaded if checkpoint is not None)
    return RunPlan(test, dev, "perf", conditions, networks, 0)


def start() -> None:
    """Start a worker process of the attack stage."""
    start_process(ALONE)


def digest(job: WorkUnit) -> tuple[str, str, float]:
    """Launder a unit; return its key, the SHA-256 of its samples, and the elapsed seconds."""
    begun = time.perf_counter()
    digest_ = hashlib.sha256()
    for wave in prepare(job).waves:
        digest_.update(wave.tobytes())
    return job.key, digest_.hexdigest(), time.perf_counter() - begun
