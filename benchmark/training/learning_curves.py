"""Learning curves: a table and a plot next to the checkpoint."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from benchmark.core import atomic_files

History = list[dict[str, float]]


def table_of(out: Path) -> Path:
    """Return the path of the table of checkpoint `out`."""
    return out.with_suffix(".csv")


def epochs(out: Path) -> int:
    """Return the number of epochs that checkpoint `out` was trained for, from its CSV table."""
    return len(pd.read_csv(table_of(out)))


def write(out: Path, name: str, history: History) -> None:
    """Write `history` as CSV, and plot loss and accuracy per epoch as PNG, next to `out`."""
    from matplotlib.figure import Figure

    atomic_files.write(table_of(out), pd.DataFrame(history).to_csv(index=False))
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
    atomic_files.write(out.with_suffix(".png"), picture.getvalue())
