"""Training examples: the usable utterances of a split, in memory, and their batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from benchmark.audio import reader
from benchmark.core.errors import InputError
from benchmark.core.progress import each
from benchmark.data.protocol import LABELS, Protocol, require_both_classes
from benchmark.data.subsets import UNKNOWN, draw
from benchmark.data.trial_table import limited

Wave = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TrainingExamples:
    """One split in memory: n waves at 16 kHz, labels (n,), and the recording of each wave.

    `pairs` (n,) are indices into `recordings`, the ids of the recordings. Copies of one recording
    have the same index.
    """

    waves: list[Wave]
    bonafide: npt.NDArray[np.bool_]
    pairs: torch.Tensor
    recordings: list[str]


def used(protocol: Protocol, split: str) -> Protocol:
    """Return the utterances of a split that training uses; `InputError` if a class is missing.

    If the data set says which utterances are copies of one recording (column `pair`), utterances
    without a counterpart of the other class are left out. Such a fake differs from every human
    utterance in voice, words and recording, and a detector would learn those differences instead.
    """
    part = protocol.split(split)
    require_both_classes(part, f"the {split} split")
    if not _paired(part.table):
        return part
    both = part.table.groupby("pair")["label"].transform("nunique") == len(LABELS)
    kept = part.table[both & (part.table["pair"] != UNKNOWN)].reset_index(drop=True)
    if kept.empty:
        counts = part.table["label"].value_counts()
        raise InputError(
            f"the {split} split of {protocol.root} has"
            f" {' and '.join(f'{counts[label]} {label}' for label in LABELS)} utterances, but none"
            " has a counterpart of the other class with its value in the column 'pair', and"
            " training leaves out such utterances: give the copies of one recording one value, or"
            " leave that column out of the protocol"
        )
    return replace(part, table=kept)


def used_ids(protocol: Protocol) -> list[str]:
    """Return the ids of the train and dev utterances that training uses; errors as in `used`."""
    return [
        str(uid)
        for split in ("train", "dev")
        for uid in used(protocol, split).table["utterance_id"]
    ]


def left_out(protocol: Protocol) -> Iterator[str]:
    """Yield a line each for train and dev if `used` leaves out utterances of that split."""
    for split in ("train", "dev"):
        whole, kept = len(protocol.split(split).table), len(used(protocol, split).table)
        if kept < whole:
            yield (
                f"left out of {split}: {whole - kept} of {whole} utterances, which have no"
                " counterpart of the other class (column pair)"
            )


def _paired(table: pd.DataFrame) -> bool:
    """Return whether the table names, for any utterance, the recording that it is a copy of."""
    return "pair" in table.columns and bool((table["pair"] != UNKNOWN).any())


def subset(protocol: Protocol, most: int) -> Protocol:
    """Return the protocol with at most `most` training utterances; other splits are unchanged.

    Recordings stay together with their copies. Without copies, the proportions of classes and
    spoof systems are kept. A larger subset contains every smaller one. Raises `InputError` if not
    even one recording fits.
    """
    part = used(protocol, "train")
    if _paired(part.table):
        sizes = part.table["pair"].value_counts()
        order = sorted(sizes.index, key=lambda pair: draw(0, str(pair)))
        fitting = sizes.loc[order].cumsum() <= most
        kept = part.table[part.table["pair"].isin(sizes.loc[order].index[fitting])]
        if kept.empty:
            raise InputError(
                f"--subset {most} is less than one recording with its copies"
                f" ({sizes.loc[order[0]]} utterances)"
            )
    else:
        kept = limited(part, most).table
    rest = protocol.table[protocol.table["split"] != "train"]
    table = pd.concat([rest, kept]).sort_values("utterance_id", kind="stable")
    return replace(protocol, table=table.reset_index(drop=True))


def read(split: Protocol) -> TrainingExamples:
    """Decode all utterances of a split; `InputError` names the first that cannot be read."""
    table = split.table
    paths = each([split.root / path for path in table["path"]], "reading recordings", "file")
    waves = reader.read_all(paths, "cannot train")
    pairs = table["pair"] if _paired(table) else table["utterance_id"]
    numbers, recordings = pd.factorize(pairs)
    bonafide = (table["label"] == "bonafide").to_numpy()
    return TrainingExamples(
        waves, bonafide, torch.from_numpy(numbers.astype(np.int64)), [*recordings]
    )


def batches(
    pairs: torch.Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Yield row numbers of one epoch's batches: each row once, copies of a recording together.

    Recordings come in random order and are collected until a batch has `batch_size` rows or more.
    A last batch of one row is left out. Batching a recording with its copies leaves the copying
    (such as vocoding) as their only difference.
    """
    rows_of: list[list[int]] = [[] for _ in range(int(pairs.max()) + 1)]
    for row, pair in enumerate(pairs.tolist()):
        rows_of[pair].append(row)
    batch: list[int] = []
    for pair in torch.randperm(len(rows_of), generator=generator).tolist():
        batch += rows_of[pair]
        if len(batch) >= batch_size:
            yield torch.tensor(batch)
            batch = []
    if len(batch) > 1:  # batch statistics need more than one item
        yield torch.tensor(batch)
