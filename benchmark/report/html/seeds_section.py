"""Section of realisations: what training and draw of the attacks contribute to an error."""

from __future__ import annotations

from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import of_track
from benchmark.report.rows import Row, records
from detectors.contract.base import registry

OVER, METRIC = "laundered", "eer"


def realised(tables: Tables, track: str) -> list[Row]:
    """Return the mean laundered EER over realisations of each detector of a track, best first.

    Empty for a run of one training and one draw. `trainings` says in words that a detector was
    trained once, so that its bounds do not hold the chance of training, or that it learns nothing.
    """
    if tables.seeds.empty:
        return []
    mine = [
        row | {"trainings": trainings(row["detector"], row["n_trainings"])}
        for row in records(of_track(tables.seeds, track))
        if row["over"] == OVER and row["metric"] == METRIC
    ]
    return sorted(mine, key=lambda row: row["rank"])


def counted(tables: Tables) -> tuple[str, bool]:
    """Return trainings and draws of the attacks in words, and whether some detector has but one.

    Detectors that were trained less often than others are counted: `1 to 3 trainings`. Those that
    learn nothing are not.
    """
    rows = records(tables.seeds) or [{"detector": "", "n_trainings": 1, "n_attack_draws": 1}]
    trained = sorted({row["n_trainings"] for row in rows if learns(row["detector"])}) or [1]
    draws = sorted({row["n_attack_draws"] for row in rows})
    text = f"{_many(trained, 'training')}, {_many(draws, 'draw')} of the attacks"
    return text, trained[0] == 1 or draws[0] == 1


def learns(detector: str) -> bool:
    """Return whether a detector is trained; so are those that this process does not know."""
    known = registry.class_of(detector)
    return known is None or known.learns


def trainings(detector: str, number: int) -> str:
    """Return in words how often a detector was trained."""
    if number > 1:
        return str(number)
    return "one training" if learns(detector) else "learns nothing"


def _many(numbers: list[int], noun: str) -> str:
    span = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    return f"{span} {noun}{'' if numbers == [1] else 's'}"
