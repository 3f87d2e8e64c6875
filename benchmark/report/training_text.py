"""The sentence of all reports about detectors that know the corpus of a run's trials."""

from __future__ import annotations

from benchmark.scores.run_results import RunResults


def trained_here(results: RunResults) -> str:
    """Name the detectors whose authors trained them on the corpus of the trials; '' if none."""
    named = [f"{n} ({results.trained_on[n]})" for n in results.detectors if n in results.trained_on]
    if not named:
        return ""
    return f"Trained by their authors on the corpus of these trials: {', '.join(named)}."
