"""Who goes where: speaker-disjoint splits, and which segments of each speaker are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from benchmark.data.embedded.human_speech import COUNCIL, PRACTICE

TRAIN_SPEAKERS = 2  # of every group, those with the most segments; rarely heard ones serve in test
TRAIN_SPEAKERS_OF = {COUNCIL: 3}
DEV_SPEAKERS = 1
SEGMENTS = {"train": 30, "dev": 20, "test": 5}  # per speaker, at most

T = TypeVar("T")


def split_speakers(segments: Mapping[str, int], groups: Mapping[str, str]) -> dict[str, str]:
    """Speaker -> train, dev or test, from the number of segments and the group of each.

    In each group the speakers with the most segments go to train, the next to dev, all others to
    test. The practice speaker, whom another group may know, is trained on and never tested.
    """
    chosen: dict[str, str] = {}
    for group in sorted(set(groups.values())):
        own = [s for s in segments if groups[s] == group and s != PRACTICE]
        ranked = sorted(own, key=lambda speaker: (-segments[speaker], speaker))
        train = TRAIN_SPEAKERS_OF.get(group, TRAIN_SPEAKERS)
        for place, speaker in enumerate(ranked):
            late = "dev" if place < train + DEV_SPEAKERS else "test"
            chosen[speaker] = "train" if place < train else late
    if PRACTICE in segments:
        chosen[PRACTICE] = "train"
    return chosen


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of `items`, evenly spaced from first to last."""
    if len(items) <= count:
        return list(items)
    if count == 1:
        return [items[0]]
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]
