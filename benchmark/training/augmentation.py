"""Laundering as augmentation: draw the conditions of each training recording, and apply them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from attacks.contract.condition import Condition
from benchmark.core.errors import InputError
from benchmark.core.progress import progress_bar
from benchmark.laundering.engine import Utterance, launder_each
from benchmark.laundering.failure import Failure
from benchmark.training.training_config import LaunderingAugmentation
from benchmark.training.training_examples import TrainingExamples, Wave

ABOVE_EVALUATION = 1 << 127  # evaluation's seeds have 63 bits


def variants(
    examples: TrainingExamples, laundering: LaunderingAugmentation, seed: int, title: str, line: int
) -> Iterator[list[Wave]]:
    """Yield `laundering.variants` lists, each with all waves of `examples` in order, laundered.

    A recording and its copies (such as vocoded ones) get the same condition with the same draws,
    so the copying remains their only difference. The variants of one recording have different
    conditions, unless there are fewer conditions than variants. Evaluation never draws the same
    noise excerpts, rooms or seeds. `title` and `line` are the label and the screen line of the
    progress bar. Raises `InputError` if a condition cannot be applied to an utterance.
    """
    conditions = laundering.parsed()
    total = laundering.variants * len(examples.waves)
    with progress_bar(
        total=total, desc=f"laundering for {title}", unit="clip", position=line
    ) as bar:
        for number in range(laundering.variants):
            laundered = []
            for wave, pair in zip(examples.waves, examples.pairs.tolist(), strict=True):
                recording = examples.recordings[pair]
                condition = drawn(conditions, recording, number, seed)
                utterance = Utterance(recording, wave)
                (one,) = launder_each(utterance, [condition], training_seed(seed, number))
                if isinstance(one.result, Failure):
                    raise InputError(f"cannot train: {recording}: {one.result.cause}")
                laundered.append(one.result.wave)
                bar.update()
            yield laundered


def drawn(conditions: list[Condition], recording: str, number: int, seed: int) -> Condition:
    """Return the condition of variant `number` of a recording, from its own random order."""
    order = np.random.default_rng([seed, _hash(recording)]).permutation(len(conditions))
    return conditions[order[number % len(conditions)]]


def training_seed(seed: int, number: int) -> int:
    """Return the seed of the attacks on variant `number`, above every seed of evaluation."""
    return ABOVE_EVALUATION + _hash(f"{seed}\0{number}")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=12).digest(), "big")
