"""Speaker-disjoint splits in given ratios, stratified by class and spoof system."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import LABELS, Protocol, require_both_classes
from benchmark.data.subsets import UNKNOWN, draw, renamed

SPLIT_NAMES = {2: ("train", "test"), 3: ("train", "dev", "test")}
ROUNDED = 1e-9  # relative rounding error allowed in the sum of the shares
PASSES = 4  # passes over the groups, each moving every group to its best split
TOGETHER = ("speaker", "pair")  # utterances that share one of these stay in one split

Counts = npt.NDArray[np.float64]


def ratios_of(text: str) -> dict[str, float]:
    """Parse shares of train, dev and test (`80/10/10`), or of train and test (`80/20`).

    They are per cent or fractions of 1 (`0.8/0.1/0.1`); the result sums to 1. Raises `InputError`
    for anything else and for shares that do not sum to 100 or 1.
    """
    parts = text.split("/")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in SPLIT_NAMES or not all(0 < n < float("inf") for n in numbers):
        raise InputError(
            f"invalid shares {text!r}: expected two or three numbers above 0, such as 80/10/10"
            " (train/dev/test) or 80/20 (train/test)"
        )
    whole = sum(numbers)
    if not any(math.isclose(whole, total, rel_tol=ROUNDED) for total in (1, 100)):
        raise InputError(f"the shares {text!r} sum to {whole:.12g}, not 100 as in 80/10/10")
    names = SPLIT_NAMES[len(numbers)]
    return {name: n / whole for name, n in zip(names, numbers, strict=True)}


def split(protocol: Protocol, ratios: Mapping[str, float], seed: int) -> Protocol:
    """Return the data set with new splits that share no speaker and no recording.

    Utterances of one speaker, and copies of one recording (`pair`), stay together. An utterance
    without a known speaker or recording is a group of its own. Every split gets both classes. The
    share of each class and spoof system is as close to its target as whole groups allow. The old
    splits are ignored. The result depends on the utterance ids and the seed, not on the order of
    rows. Raises `InputError` with the reason if no such splits exist.
    """
    require_both_classes(protocol, "the data set")
    names = [*ratios]
    table = protocol.table
    members = groups(table)
    strata, codes = np.unique(
        (table["label"] + "/" + table["spoof_system"]).to_numpy(str), return_inverse=True
    )
    keys, own = np.unique(members, return_inverse=True)
    counts = np.zeros((len(keys), len(strata)))
    np.add.at(counts, (own, codes), 1)
    spoof = np.array([name.startswith("spoof/") for name in strata])
    both = np.stack([counts[:, ~spoof].sum(axis=1), counts[:, spoof].sum(axis=1)], axis=1)
    # by size, then at random
    size, lots = counts.sum(axis=1).tolist(), [draw(seed, key) for key in keys.tolist()]
    order = sorted(range(len(keys)), key=lambda g: (-size[g], lots[g]))
    kept = _cover(both, order, [ratios[name] for name in names])
    filling = _Filling(counts, np.array([ratios[name] for name in names]), kept)
    filling.place(order)
    return renamed(protocol, pd.Series(np.array(names)[filling.where[own]]))


def groups(table: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Return for each row, (n,), the id of its group: the smallest utterance id in that group.

    Rows that share a speaker or a recording, directly or through other rows, form one group.
    """
    ids = table["utterance_id"].tolist()
    parent = {name: name for name in ids}

    def find(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for column in TOGETHER:
        if column not in table:
            continue
        first: dict[str, str] = {}
        for name, value in zip(ids, table[column].tolist(), strict=True):
            if value == UNKNOWN:
                continue
            one, other = sorted((find(name), find(first.setdefault(value, name))))
            parent[other] = one  # the smaller id, so that the order of rows does not matter
    return np.array([find(name) for name in ids])


def _cover(both: Counts, order: Sequence[int], shares: Sequence[float]) -> dict[int, int]:
    """Assign to each split a small group, or a pair of groups, that has both classes.

    `both` (groups, 2) counts bona fide and spoof utterances; `order` lists groups by falling size.
    Returns group -> split. Raises `InputError` if there are too few groups.
    """
    has = (both > 0).tolist()
    mixed = [g for g in reversed(order) if all(has[g])]
    single = [[g for g in reversed(order) if has[g][c] and not has[g][1 - c]] for c in (0, 1)]
    wanted = len(shares)
    for label, own in zip(LABELS, single, strict=True):
        if len(mixed) + len(own) < wanted:
            raise InputError(
                f"cannot split: all {label} utterances belong to {len(mixed) + len(own)}"
                f" speakers or recordings that must stay together, but {wanted} splits need"
                f" {wanted}"
            )
    if len(mixed) + min(map(len, single)) < wanted:
        raise InputError(
            f"cannot split: the speakers or recordings that must stay together are too few to"
            f" give {wanted} splits both classes"
        )
    pairs = zip(single[0][:wanted], single[1][:wanted], strict=False)
    covers = [[g] for g in mixed[:wanted]] + [list(pair) for pair in pairs]
    place = {g: i for i, g in enumerate(order)}
    covers.sort(key=lambda cover: (both[cover].sum(), max(place[g] for g in cover)))
    smallest = covers[:wanted]
    ascending = sorted(range(wanted), key=lambda s: (shares[s], -s))
    return {g: s for s, cover in zip(ascending, smallest, strict=True) for g in cover}


@dataclass
class _Filling:
    """Greedy assignment of groups to splits, with filled and target counts per stratum.

    counts : (groups, strata), utterances
    shares : (splits,), target shares
    kept   : group -> split of groups that are not moved
    """

    counts: Counts
    shares: Counts
    kept: Mapping[int, int]
    where: npt.NDArray[np.int64] = field(init=False)
    target: Counts = field(init=False)
    filled: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.where = np.full(len(self.counts), -1)
        self.target = np.outer(self.shares, self.counts.sum(axis=0))
        self.filled = np.zeros_like(self.target)

    def place(self, order: Sequence[int]) -> None:
        """Assign every group, the largest first, to the split that it brings closest to its target.

        Then move groups while that improves the fit. Groups of one utterance fill the rest.
        """
        for group, split in self.kept.items():
            self._put(group, split)
        single = (self.counts.sum(axis=1) == 1).tolist()
        large = [g for g in order if not single[g] and g not in self.kept]
        for group in large:
            self._put(group, self._best(group))
        for _ in range(PASSES):
            moved = 0
            for group in large:
                before = int(self.where[group])
                self._take(group)
                self._put(group, best := self._best(group))
                moved += best != before
            if not moved:
                break
        self._fill([g for g in order if single[g] and g not in self.kept])

    def _best(self, group: int) -> int:
        own = self.counts[group]
        has = own > 0  # the other strata do not change
        miss = self.filled[:, has] - self.target[:, has]
        cost = (own[has] * (2 * miss + own[has]) / self.target[:, has]).sum(axis=1)
        return int(np.argmin(cost))

    def _put(self, group: int, split: int) -> None:
        self.where[group] = split
        self.filled[split] += self.counts[group]

    def _take(self, group: int) -> None:
        self.filled[self.where[group]] -= self.counts[group]

    def _fill(self, singles: Sequence[int]) -> None:
        """Distribute groups of one utterance over the splits, stratum by stratum."""
        of: dict[int, list[int]] = defaultdict(list)
        strata = self.counts.argmax(axis=1).tolist()
        for group in singles:
            of[strata[group]].append(group)
        for stratum, own in of.items():
            quotas = _shares(self.target[:, stratum] - self.filled[:, stratum], len(own))
            bounds = np.cumsum(quotas)[:-1]
            for split, part in enumerate(np.split(np.array(own), bounds)):
                self.where[part] = split
                self.filled[split, stratum] += len(part)


def _shares(wanted: Counts, total: int) -> npt.NDArray[np.int64]:
    """Divide `total` into integers, close in proportion to `wanted`; negative entries count as 0.

    Largest-remainder rounding; the result sums to `total`.
    """
    open_ = np.maximum(wanted, 0.0)
    exact = open_ * total / open_.sum() if open_.sum() > 0 else np.full(len(wanted), 0.0)
    whole = np.floor(exact).astype(np.int64)
    rest = total - int(whole.sum())
    ranked = np.argsort(-(exact - whole), kind="stable")
    for place in range(rest):
        whole[ranked[place % len(ranked)]] += 1
    return whole


def achieved(protocol: Protocol, ratios: Mapping[str, float]) -> Iterator[str]:
    """Yield one line per split: its share overall, of each class, and of the worst stratum."""
    table = protocol.table
    strata = table["label"] + "/" + table["spoof_system"]
    for name, ratio in ratios.items():
        inside = table["split"] == name
        shares = [inside.mean(), *(inside[table["label"] == label].mean() for label in LABELS)]
        of_strata = inside.groupby(strata).mean()
        worst = str((of_strata - ratio).abs().idxmax())
        speakers = len(set(table.loc[inside, "speaker"]) - {UNKNOWN})
        yield (
            f"{name}: {shares[0]:.1%} of all (target {ratio:.1%}), {shares[1]:.1%} of bona fide,"
            f" {shares[2]:.1%} of spoof; {speakers} speakers;"
            f" largest deviation: {of_strata[worst]:.1%} of {worst}"
        )
