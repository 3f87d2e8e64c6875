"""The study of examples/filtering.md: what keeping part of the spectrum saves, and what it costs.

Trains `filtered-cnn` in several settings on the embedded data set, runs them over a few
conditions, and prints (and writes, as `filtering.md` in the folder) a table of error against
compute. What is trained or run already is not done again.

The example is part of the source tree: to time the stages of a detector it imports two inner
modules, `benchmark.frontends` and `benchmark.core.parallel`. Code outside the tree imports
`launderbench` only.

    python examples/filtering_study.py results/filtering
    python examples/filtering_study.py results/filtering --epochs 10 --settings 3
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

import launderbench
from benchmark import frontends
from benchmark.core.parallel import one_thread

SETTINGS = (  # a threshold of 200 dB lets every bin pass
    "filtered-cnn(threshold=200, mels=32)",
    "filtered-cnn(threshold=30, mels=32)",
    "filtered-cnn(high=4000, threshold=200, mels=16)",
    "filtered-cnn(low=4000, threshold=200, mels=16)",
    "filtered-cnn(threshold=60, mels=32)",
    "filtered-cnn(threshold=200)",
    "filtered-cnn(threshold=60)",
    "filtered-cnn(low=300, high=3400, threshold=200, mels=64)",
)
SUITE = "noise(kind=babble, snr=10); mp3(kbps=64); resample(rate=8000); lowpass(cutoff=4000)"
REPEATS = 20
CPU = torch.device("cpu")


def cost(spelling: str) -> tuple[float, float]:
    """Return millions of multiply-adds of the network for one utterance, and CPU milliseconds.

    The milliseconds are the median of frontend and network together, on one thread.
    """
    item = launderbench.get_detector(spelling)()
    assert isinstance(item, launderbench.TensorDetector)
    network = item.build().eval()
    noise = np.random.default_rng(0).standard_normal(64000).astype(np.float32)
    times = []
    with one_thread(), torch.inference_mode():
        batch = frontends.batch(item.input, [noise], CPU)
        with FlopCounterMode(display=False) as counted:
            network(batch)
        for _ in range(REPEATS):
            started = time.process_time()
            network(frontends.batch(item.input, [noise], CPU))
            times.append(time.process_time() - started)
    return counted.get_total_flops() / 2e6, 1000 * float(np.median(times))


def trained(spelling: str, folder: Path, epochs: int) -> Path:
    """Return the checkpoint of one setting in `folder`; train it if it is not there."""
    plain = "".join(c if c.isalnum() else "-" for c in spelling).strip("-")
    path = folder / f"{plain}-{epochs}.safetensors"
    command = ["train", spelling, "--epochs", f"{epochs}", "--device", "cpu", "--out", f"{path}"]
    if launderbench.run(*command):
        raise SystemExit(f"{spelling} could not be trained")
    return path


def table(run: Path) -> Iterator[str]:
    """Yield the table of error against compute of the detectors of a run, in Markdown."""
    board = pd.read_csv(run / "leaderboard.csv").set_index("detector")
    cells = pd.read_csv(run / "conditions.csv")
    cells = cells[cells["track"] == board["track"].iloc[0]]
    wide = cells.pivot(index="detector", columns="condition", values="eer")
    conditions = [c for c in cells["condition"].unique() if c != "clean"]
    head = ["setting", "million multiply-adds", "CPU ms", "clean", "laundered (mean)", *conditions]
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for name in [name for name in SETTINGS if name in wide.index]:
        million, milliseconds = cost(name)
        errors = [wide.loc[name, "clean"], wide.loc[name, conditions].mean()]
        errors += [wide.loc[name, condition] for condition in conditions]
        shown = [f"{100 * error:.1f}" for error in errors]
        yield f"| {' | '.join([f'`{name}`', f'{million:.0f}', f'{milliseconds:.0f}', *shown])} |"


def study() -> None:
    """Train, run, and print the table."""
    parser = argparse.ArgumentParser(description="EER against compute of filtered spectrograms.")
    parser.add_argument("folder", type=Path, help="where checkpoints, run and table go")
    parser.add_argument("--epochs", type=int, default=30, help="of each training (default: 30)")
    parser.add_argument(
        "--settings", type=int, default=len(SETTINGS), help="how many, from the top"
    )
    options = parser.parse_args()
    chosen = SETTINGS[: options.settings]
    run = options.folder / f"run-{options.epochs}-{len(chosen)}"
    checkpoints = [trained(spelling, options.folder, options.epochs) for spelling in chosen]
    given = [word for path in checkpoints for word in ("--checkpoint", f"{path}")]
    if launderbench.run("run", "--suite", SUITE, "--device", "cpu", "--run", f"{run}", *given):
        raise SystemExit("the run failed")
    lines = [*table(run)]
    (options.folder / "filtering.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    study()
