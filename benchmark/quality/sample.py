"""The declared sample: the fakes whose quality is measured, and the recordings of dev voices."""

from __future__ import annotations

import hashlib

import pandas as pd

UTTERANCES = 24  # measured under every condition, unless asked otherwise
PER_SPEAKER = 4  # recordings of one dev speaker, whose pairs are compared
SPEAKERS = 25  # of dev at most


def fakes(table: pd.DataFrame, headline: str, seed: int, count: int) -> list[str]:
    """Return the ids of at most `count` spoofs of the headline track, spread over speakers.

    table    : test utterances; `headline` '-' or '' is the whole set
    seed     : of the attacks; another one draws another sample

    The hash of seed and id orders them; each speaker gives one before any gives two. The sample of
    a smaller count is the beginning of a larger one. It depends on no order of rows.
    """
    spoof = table[table["label"] == "spoof"]
    if "track" in spoof and headline in set(spoof["track"]):
        spoof = spoof[spoof["track"] == headline]
    return _spread(spoof, seed, len(spoof))[:count]


def voices(table: pd.DataFrame, seed: int) -> list[str]:
    """Return ids of bona fide dev recordings: up to `PER_SPEAKER` of each of `SPEAKERS` speakers.

    Speakers with one recording, and recordings of unknown speakers, give no pair and are left out.
    """
    real = table[(table["label"] == "bonafide") & (table["speaker"] != "-")]
    counts = real["speaker"].value_counts()
    real = real[real["speaker"].isin(counts.index[counts > 1])]
    chosen = sorted(set(real["speaker"]), key=lambda name: _hash(seed, str(name)))[:SPEAKERS]
    return _spread(real[real["speaker"].isin(chosen)], seed, PER_SPEAKER)


def _spread(table: pd.DataFrame, seed: int, most: int) -> list[str]:
    """Return the ids, at most so many of a speaker: all first ones, then all second ones, ..."""
    ids, speakers = table["utterance_id"].tolist(), table["speaker"].tolist()
    pairs = sorted(zip(ids, speakers, strict=True), key=lambda pair: _hash(seed, str(pair[0])))
    seen: dict[str, int] = {}
    turns: list[tuple[int, str]] = []
    for name, speaker in pairs:
        group = name if speaker == "-" else speaker
        turns.append((seen.get(group, 0), name))
        seen[group] = seen.get(group, 0) + 1
    return [name for turn, name in sorted(turns, key=lambda turn: turn[0]) if turn < most]


def _hash(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()
