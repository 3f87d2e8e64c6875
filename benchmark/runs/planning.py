"""From the configuration of a run to its plan, and to the audio that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attacks.contract.precomputed import made
from attacks.contract.suites import Suite
from benchmark.audio import remote
from benchmark.core.errors import InputError, unknown
from benchmark.data import embedded
from benchmark.data.data_config import evaluated, with_audio
from benchmark.data.protocol import NO_RECIPE, Protocol, require_both_classes
from benchmark.data.trial_table import with_stamps
from benchmark.laundering import suite_choice
from benchmark.runs import detector_choice, stored_dev_scores
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import RunConfig
from benchmark.training import training_examples


def plan(config: RunConfig, scored: bool = True) -> RunPlan:
    """Return the plan of a run; `InputError` if something that it needs is missing.

    Without `scored` the plan has no detectors, for scores that another tool computes.
    """
    suite = suite_choice.chosen(config.suite, config.data)
    whole = config.data.open()
    for condition in suite.conditions:
        if (name := made(condition)) and name not in whole.made():
            raise unknown("ready-made condition of the data set", name, whole.made())
    test, dev = evaluated(whole, config.limit)
    require_both_classes(test, "the test split")
    detectors = detector_choice.ready(config.detectors) if scored else ()
    if whole.recipe != NO_RECIPE:
        test = embedded.identified(with_audio(test))
        if not stored_dev_scores.enough(detectors, dev):
            embedded.require(dev)
    # dev audio of the embedded set is not needed where all detectors bring their scores
    absent = config.allow_missing or whole.recipe != NO_RECIPE
    return RunPlan(
        with_stamps(test, config.allow_missing),
        with_stamps(dev, absent),
        suite.name,
        suite.conditions,
        detectors,
        config.seed,
        _options(config),
    )


def _options(config: RunConfig) -> dict[str, Any]:
    """Return how the data set was opened and limited; `repeat` reads it."""
    data = config.data
    return {
        "data": None if data.path is None else str(_place(data.path)),
        "layout": data.layout,
        "pattern": data.pattern,
        "labels": dict(data.labels),
        "audio_root": None if data.audio_root is None else str(_place(data.audio_root)),
        "limit": config.limit,
        "train_data": str(config.detectors.train_data or "") or None,
        "train_seed": config.detectors.seed,
    }


def _place(path: Path) -> Path:
    return path if remote.is_url(path) else path.resolve()


def needs_embedded(config: RunConfig, suite: Suite) -> bool:
    """Return True if a run needs audio of the embedded set or its noises."""
    if config.data.embedded or needs_bank(config, suite):
        return True
    choice = config.detectors
    if choice.train_data is not None or not detector_choice.learning(choice):
        return False
    return bool(detector_choice.untrained(choice, detector_choice.known_training_data(choice)))


def needs_bank(config: RunConfig, suite: Suite) -> bool:
    """Return True if the suite draws from a noise bank that is not built yet."""
    try:
        for condition in suite.conditions:
            condition.identity()
    except InputError:
        return config.context.noises is None  # the user repairs a folder of theirs
    return False


def needed(config: RunConfig, whole: Protocol) -> set[str]:
    """Return the ids of the embedded set `whole` whose audio a run needs.

    These are the test utterances, the dev utterances unless all detectors have stored scores of
    them, and train and dev if a detector must be trained.
    """
    ids: set[str] = set()
    choice = config.detectors
    training = bool(detector_choice.untrained(choice, detector_choice.known_training_data(choice)))
    if config.data.embedded:
        test, dev = evaluated(whole, config.limit)
        ids.update(test.table["utterance_id"])
        if training or not stored_dev_scores.enough(detector_choice.ready(choice), dev):
            ids.update(dev.table["utterance_id"])
    if training and choice.train_data is None:
        ids.update(training_examples.used_ids(whole))
    return ids
