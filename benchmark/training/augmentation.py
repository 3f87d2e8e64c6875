"""Laundering as augmentation: what a recording and its copies meet in training, drawn once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from attacks.contract.base import AttackError
from attacks.contract.condition import Condition
from attacks.contract.launder import launder
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError
from benchmark.training.training_config import LaunderingAugmentation
from benchmark.training.training_examples import TrainingExamples, Wave

ABOVE_EVALUATION = 1 << 127  # evaluation's seeds have 63 bits


def variants(
    examples: TrainingExamples, laundering: LaunderingAugmentation, seed: int, title: str, line: int
) -> Iterator[list[Wave]]:
    """All waves, laundered, as often as `laundering.variants` says.

    A recording and its copies meet the same condition with the same draws: they differ by nothing
    but the copying still. A recording's variants are different conditions while there are any.
    Noise excerpts, rooms and seeds are none that evaluation draws. Raises `InputError` where a
    condition cannot be applied to an utterance.
    """
    conditions = laundering.parsed()
    total = laundering.variants * len(examples.waves)
    with tqdm(total=total, desc=f"launder for {title}", unit="clip", position=line) as bar:
        for number in range(laundering.variants):
            made = []
            for wave, pair in zip(examples.waves, examples.pairs.tolist(), strict=True):
                recording = examples.recordings[pair]
                condition = drawn(conditions, recording, number, seed)
                try:
                    done = launder(
                        condition, wave, SAMPLE_RATE, recording, training_seed(seed, number)
                    )
                except AttackError as error:
                    raise InputError(f"cannot train: {recording}: {error}") from error
                made.append(done.wave)
                bar.update()
            yield made


def drawn(conditions: list[Condition], recording: str, number: int, seed: int) -> Condition:
    """Which condition variant `number` of a recording is: from an order of the recording's own."""
    order = np.random.default_rng([seed, _hash(recording)]).permutation(len(conditions))
    return conditions[order[number % len(conditions)]]


def training_seed(seed: int, number: int) -> int:
    """The seed of the attacks on variant `number`: above every seed that evaluation can have."""
    return ABOVE_EVALUATION + _hash(f"{seed}\0{number}")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=12).digest(), "big")
