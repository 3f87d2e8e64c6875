"""Parameters and multiply-adds of every network, measured once and kept in a table.

`python -m benchmark.report.detector_sizes docs/detector_sizes.csv` writes the table, from which the
page of all detectors is made; `--only NAME,...` measures some and keeps the other rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark import frontends
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.report.rows import records
from detectors.contract.base import TensorDetector, registry

SECONDS, RATE = 4, 16000  # of the utterance whose multiply-adds are counted


@dataclass(frozen=True)
class Size:
    """The size of one network.

    parameters    : number of its trainable and frozen numbers
    multiply_adds : of one forward pass of an utterance of 4 s, in convolutions, matrix products and
                    attention, as torch's FlopCounterMode counts them
    """

    detector: str
    parameters: int
    multiply_adds: int


def measurable() -> list[str]:
    """Return the names of the networks of this project; plugins have pages of their own."""
    return [
        name
        for name in registry.names()
        if issubclass(cls := registry.get(name), TensorDetector)
        and cls.__module__.partition(".")[0] == "detectors"
    ]


def measure(name: str) -> Size:
    """Count parameters and multiply-adds of a network, without computing its scores.

    Raises `InputError` if it cannot be built here.
    """
    cls = registry.get(name)
    assert issubclass(cls, TensorDetector)
    item = cls()
    wave = np.random.default_rng(0).normal(size=SECONDS * RATE).astype(np.float32)
    batch = frontends.batch(item.input, [wave], torch.device("cpu"))
    network = item.blueprint().to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(batch.to("meta"))
    count = sum(parameter.numel() for parameter in network.parameters())
    return Size(name, count, counter.get_total_flops() // 2)


def table(names: Sequence[str], before: pd.DataFrame) -> pd.DataFrame:
    """Return the sizes of `names`, and of the others those of `before`, sorted by name.

    A network that cannot be built here keeps its row.
    """
    rows = {row["detector"]: row for row in records(before)}
    for name in names:
        try:
            rows[name] = asdict(measure(name))
        except InputError as error:
            print(f"{name}: not measured ({error})")
    known = measurable()
    return pd.DataFrame([rows[name] for name in sorted(rows) if name in known])


def main(path: Path, names: Sequence[str]) -> None:
    """Measure and write the table."""
    empty = pd.DataFrame({"detector": [], "parameters": [], "multiply_adds": []})
    found = table(names, pd.read_csv(path) if path.is_file() else empty)
    atomic_files.write(path, found.to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--only", default="", help="comma-separated names")
    given = parser.parse_args()
    main(given.path, [n for n in given.only.split(",") if n] or measurable())
