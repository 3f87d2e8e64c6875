"""Augmentation: variants of each training recording, laundered or with RawBoost's noises."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from attacks.contract.condition import Condition
from benchmark.core.errors import InputError
from benchmark.core.progress import progress_bar
from benchmark.laundering.engine import Utterance, launder_each
from benchmark.laundering.failure import Failure
from benchmark.training import rawboost
from benchmark.training.training_config import LaunderingAugmentation, TrainingConfig
from benchmark.training.training_examples import TrainingExamples, Wave
from detectors.contract.recipe_files import RawBoostSection

Change = Callable[[Wave, str, int], Wave]  # a wave, its recording, the number of the variant

ABOVE_EVALUATION = 1 << 127  # evaluation's seeds have 63 bits


def variants(
    examples: TrainingExamples, config: TrainingConfig, title: str, line: int
) -> Iterator[list[Wave]]:
    """Yield the variants of the configuration, each a list of all waves of `examples` in order.

    A recording and its copies (such as vocoded ones) get the same condition with the same draws,
    so the copying remains their only difference. The variants of one recording have different
    conditions, unless there are fewer conditions than variants; by RawBoost, they have different
    draws. Evaluation never draws the same noise excerpts, rooms or seeds. Without augmentation
    there are none. `title` and `line` are the label and the screen line of the progress bar. Raises
    `InputError` if a condition cannot be applied to an utterance.
    """
    if config.laundering:
        change, count = _laundering(config.laundering, config.seed), config.laundering.variants
        done = "laundering"
    elif config.rawboost:
        change, count = _boosting(config.rawboost, config.seed), config.rawboost.variants
        done = "boosting"
    else:
        return
    total = count * len(examples.waves)
    with progress_bar(total=total, desc=f"{done} for {title}", unit="clip", position=line) as bar:
        for number in range(count):
            changed = []
            for wave, pair in zip(examples.waves, examples.pairs.tolist(), strict=True):
                changed.append(change(wave, examples.recordings[pair], number))
                bar.update()
            yield changed


def clean_share(config: TrainingConfig) -> float:
    """Return the probability that a recording is heard clean in an epoch; 1 without variants."""
    if config.laundering:
        return config.laundering.clean
    return config.rawboost.clean_share if config.rawboost else 1.0


def _laundering(laundering: LaunderingAugmentation, seed: int) -> Change:
    conditions = laundering.parsed()

    def change(wave: Wave, recording: str, number: int) -> Wave:
        condition = drawn(conditions, recording, number, seed)
        utterance = Utterance(recording, wave)
        (one,) = launder_each(utterance, [condition], training_seed(seed, number))
        if isinstance(one.result, Failure):
            raise InputError(f"cannot train: {recording}: {one.result.cause}")
        return one.result.wave

    return change


def _boosting(section: RawBoostSection, seed: int) -> Change:
    def change(wave: Wave, recording: str, number: int) -> Wave:
        rng = np.random.default_rng([seed, number, _hash(f"rawboost\0{recording}")])
        return rawboost.boosted(wave, section.noises, rng)

    return change


def drawn(conditions: list[Condition], recording: str, number: int, seed: int) -> Condition:
    """Return the condition of variant `number` of a recording, from its own random order."""
    order = np.random.default_rng([seed, _hash(recording)]).permutation(len(conditions))
    return conditions[order[number % len(conditions)]]


def training_seed(seed: int, number: int) -> int:
    """Return the seed of the attacks on variant `number`, above every seed of evaluation."""
    return ABOVE_EVALUATION + _hash(f"{seed}\0{number}")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=12).digest(), "big")
