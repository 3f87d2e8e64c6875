"""Speaker-disjoint splits of the embedded data set, and the segments used of each speaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from benchmark.data.embedded.human_speech import COUNCIL, PRACTICE

TRAIN_SPEAKERS = 2  # per group, those with the most segments; test needs few segments
TRAIN_SPEAKERS_OF = {COUNCIL: 3}
DEV_SPEAKERS = 1
SEGMENTS = {"train": 30, "dev": 20, "test": 5}  # at most, per speaker

T = TypeVar("T")


def split_speakers(segments: Mapping[str, int], groups: Mapping[str, str]) -> dict[str, str]:
    """Assign each speaker to train, dev or test by number of segments and group.

    In each group the speakers with the most segments go to train, the next one to dev, all others
    to test. The practice speaker may also occur in another group, so it goes to train.
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
    """Return at most `count` of `items`, evenly spaced from first to last."""
    if len(items) <= count:
        return list(items)
    if count == 1:
        return [items[0]]
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]
