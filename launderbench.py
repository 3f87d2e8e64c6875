"""The public face of LaunderBench: what a plugin author or a notebook imports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attacks.contract.base import (
    Attack,
    AttackError,
    Check,
    Severity,
    attack,
    choice,
    flag,
    integer,
    number,
    text,
)
from attacks.contract.condition import Condition, parse
from benchmark.core.errors import InputError
from detectors.contract.base import LogMel, Recipe, TensorDetector, WaveDetector, Waveform, detector

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.scores.run_results import RunResults

__all__ = [
    "Attack",
    "AttackError",
    "Check",
    "Condition",
    "InputError",
    "LogMel",
    "Recipe",
    "Severity",
    "TensorDetector",
    "WaveDetector",
    "Waveform",
    "attack",
    "choice",
    "detector",
    "flag",
    "integer",
    "load_results",
    "load_scores",
    "number",
    "parse",
    "run",
    "text",
]


def run(*arguments: str) -> int:
    """Run the command line from Python: ``run("bench", "--suite", "smoke")``; the exit code."""
    from benchmark.cli.main import main

    return main(list(arguments))


def load_results(folder: str | Path) -> RunResults:
    """Everything that the run in `folder` holds: scores, measured effects, failures."""
    from benchmark.scores.load_run import collect

    return collect(Path(folder), {})


def load_scores(folder: str | Path) -> pd.DataFrame:
    """The scores of a run: detector, condition, split, utterance_id, score, label and more.

    Higher scores mean more bona fide. The protocol's columns (label, speaker, spoof_system,
    track, source) are joined on utterance_id.
    """
    import pandas as pd

    results = load_results(folder)
    trials = pd.concat([results.protocol.table, results.dev.table]).drop(columns="split")
    texts = dict.fromkeys(("detector", "condition", "split", "utterance_id"), str)
    return results.scores.astype(texts).merge(trials, on="utterance_id", validate="many_to_one")
