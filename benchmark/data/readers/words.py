"""Words for classes and splits, in cells of tables and in names of folders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

CLASS_WORDS: Mapping[str, frozenset[str]] = {
    "bonafide": frozenset(
        (
            "bonafide",
            "bona-fide",
            "bona_fide",
            "bona fide",
            "genuine",
            "real",
            "human",
            "authentic",
            "original",
            "benign",
        )
    ),
    "spoof": frozenset(
        (
            "spoof",
            "spoofed",
            "spoofing",
            "fake",
            "faked",
            "deepfake",
            "synthetic",
            "synthesized",
            "synthesised",
            "generated",
            "cloned",
            "ai",
        )
    ),
}
SPLIT_WORDS: Mapping[str, frozenset[str]] = {
    "train": frozenset(("train", "training", "trn")),
    "dev": frozenset(("dev", "development", "val", "valid", "validation")),
    "test": frozenset(("test", "testing", "eval", "evaluation")),
}
# Words that folder names add to a class or a split without changing it.
_FILLERS = frozenset(
    (
        "audio", "sound", "speech", "voice", "wav", "wave", "flac", "mp3", "file", "clip", "sample",
        "recording", "data", "dataset", "set", "utterance", "deep", "k", "hz", "khz",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    """Words of the two classes: the usual ones, and those of a user (`labels`: word -> class).

    The words that a user gives for a class take the place of the usual words for that class.
    """

    labels: Mapping[str, str] = field(default_factory=dict)

    def class_of(self, text: str) -> str | None:
        """Return the class that a cell names, or None."""
        word = text.strip().casefold()
        if word in self._own():
            return self._own()[word]
        found = meaning_of(text).classes & self._usual()
        return next(iter(found)) if len(found) == 1 else None

    def meaning(self, name: str) -> Meaning:
        """Return what a folder name says."""
        word = name.strip().casefold()
        if word in self._own():
            return Meaning(frozenset((self._own()[word],)))
        usual = meaning_of(name)
        return Meaning(usual.classes & self._usual(), usual.splits)

    def _own(self) -> dict[str, str]:
        return {word.strip().casefold(): label for word, label in self.labels.items()}

    def _usual(self) -> frozenset[str]:
        return frozenset(CLASS_WORDS) - frozenset(self.labels.values())


@dataclass(frozen=True)
class Meaning:
    """The classes and splits that a name says."""

    classes: frozenset[str] = frozenset()
    splits: frozenset[str] = frozenset()


@lru_cache(maxsize=4096)
def meaning_of(name: str) -> Meaning:
    """Return what a name says if every one of its words is a class, a split or a filler.

    >>> found = meaning_of("Train_FakeVoices")
    >>> sorted(found.classes), sorted(found.splits)
    (['spoof'], ['train'])
    >>> meaning_of("real_time_voice_cloning").classes
    frozenset()
    """
    words = [word for word in _words(name) if not word.isdigit() and _single(word) not in _FILLERS]
    classes: set[str] = set()
    splits: set[str] = set()
    place = 0
    while place < len(words):
        joined = "".join(words[place : place + 2])
        step = 2 if place + 1 < len(words) and _known(joined) else 1
        found = _known(joined if step == 2 else words[place])
        if found is None:
            return Meaning()
        kind, value = found
        (classes if kind == "class" else splits).add(value)
        place += step
    return Meaning(frozenset(classes), frozenset(splits))


def split_in(name: str) -> str | None:
    """Return the one split that is a word of a name such as `closed_set_eval`, or None."""
    found = {
        value
        for word in _words(name)
        for kind, value in [_known(word) or ("", "")]
        if kind == "split"
    }
    return next(iter(found)) if len(found) == 1 else None


def _words(name: str) -> Iterator[str]:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    for word in re.findall(r"[^\W\d_]+|\d+", parted):
        yield from _unjoined(word.casefold())


def _unjoined(word: str) -> Iterator[str]:
    """Part a word such as `fakevoices` into a known word and a filler."""
    if _known(word) is None:
        for length in range(len(word) - 1, 2, -1):
            if _known(word[:length]) and _single(word[length:]) in _FILLERS:
                yield from (word[:length], word[length:])
                return
    yield word


def _known(word: str) -> tuple[str, str] | None:
    return _TABLE.get(word) or _TABLE.get(_single(word))


def _single(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


_TABLE = {
    **{re.sub(r"\W|_", "", w): ("class", c) for c, own in CLASS_WORDS.items() for w in own},
    **{w: ("split", s) for s, own in SPLIT_WORDS.items() for w in own},
}
