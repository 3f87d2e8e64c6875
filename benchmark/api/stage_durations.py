"""About how long each stage of a run takes on this machine, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.data.data_config import evaluated
from benchmark.data.protocol import Protocol
from benchmark.runs import detector_choice, machine_speed
from benchmark.runs.run_config import RunConfig
from benchmark.training import training_examples


def announced(
    config: RunConfig, conditions: int, whole: Protocol, absent: set[str]
) -> Iterator[str]:
    """Yield this machine's speed, and about how long each stage of a run will take on it."""
    speed = machine_speed.measure()
    yield f"this machine: {speed}"
    table = whole.table
    systems = table[table["utterance_id"].isin(absent)]["spoof_system"].tolist()
    seconds = machine_speed.synthesis_s(systems, speed)
    yield f"about {_minutes(seconds)} to make {len(absent)} utterances"
    choice = config.detectors
    if choice.train_data is None and (names := detector_choice.untrained(choice, whole)):
        count = len(training_examples.used(whole, "train").table)
        seconds = machine_speed.training_s(names, count)
        yield f"about {_minutes(seconds)} to train {', '.join(names)}"
    if config.data.embedded:
        trials = len(evaluated(whole, config.limit)[0].table) * conditions
        seconds = machine_speed.matrix_s(trials, speed)
        yield f"about {_minutes(seconds)} to launder and score {trials} trials"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
