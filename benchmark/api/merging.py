"""Merging of runs that were made apart, by folder or by name below results/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.runs import merging, run_folders
from benchmark.runs.merging import Merged


def merge(runs: Sequence[str | Path], out: str | Path) -> Merged:
    """Join shares, detectors or training seeds of one plan in a new run folder.

    Raises `InputError` that names what disagrees, or the damaged files (`merging.DamagedRuns`).
    """
    sources = [run_folders.find(str(run)) for run in runs]
    return merging.merge(sources, run_folders.find(str(out), new=True))
