"""Speaker-disjoint splits of the embedded data set, and the segments used of each speaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from benchmark.data.embedded.human_speech import COUNCIL, PHRASES, PRACTICE
from benchmark.data.protocol import OTHER

BABBLE = OTHER  # speakers of the babble noise are in no split
TRAIN_SPEAKERS = 2  # per group, those with the most segments; test needs few segments
DEV_SPEAKERS = 1
DEV_SPEAKERS_OF = {COUNCIL: 2}
BABBLE_SPEAKERS = 1  # per group, those with the fewest segments
# The practice speaker may also occur in another group. Test keeps a woman and a man of the phrases.
NAMED = {PRACTICE: BABBLE, f"{PHRASES}-f3": BABBLE, f"{PHRASES}-m4": "dev"}
SEGMENTS = {"train": 36, "dev": 14, "test": 6, BABBLE: 12}  # at most, per speaker

T = TypeVar("T")


def split_speakers(segments: Mapping[str, int], groups: Mapping[str, str]) -> dict[str, str]:
    """Assign each speaker to train, dev, test or the babble noise by segments and group.

    In each group the speakers with the most segments go to train, the next ones to dev, the last
    one to the babble noise, all others to test. Those of the phrases, which only dev and test use,
    are named.
    """
    chosen: dict[str, str] = {}
    for group in sorted(set(groups.values())):
        own = [s for s in segments if groups[s] == group and s not in NAMED]
        ranked = sorted(own, key=lambda speaker: (-segments[speaker], speaker))
        if group == PHRASES:
            chosen |= dict.fromkeys(ranked, "test")
            continue
        dev = TRAIN_SPEAKERS + DEV_SPEAKERS_OF.get(group, DEV_SPEAKERS)
        late = max(dev, len(ranked) - BABBLE_SPEAKERS)
        for part, split in (
            (ranked[:TRAIN_SPEAKERS], "train"),
            (ranked[TRAIN_SPEAKERS:dev], "dev"),
            (ranked[dev:late], "test"),
            (ranked[late:], BABBLE),
        ):
            chosen |= dict.fromkeys(part, split)
    return chosen | {speaker: split for speaker, split in NAMED.items() if speaker in segments}


def spread(items: Sequence[T], count: int) -> list[T]:
    """Return at most `count` of `items`, evenly spaced from first to last."""
    if len(items) <= count:
        return list(items)
    if count == 1:
        return [items[0]]
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]
