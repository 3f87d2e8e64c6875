"""What each condition weighs in a mean over launderings: condition -> attack -> family.

A mean over conditions stands for launderings that nobody listed. Each listed one says something of
its attack, each attack of its family. Three rules were open:

- every condition alike: then a family counts by how many spellings of it someone wrote down;
- every family alike: then a family of one condition counts as much as one of fifteen, though a
  single condition says little of its family;
- every mean by how precisely it is known, as in a meta-analysis with random effects (DerSimonian
  and Laird 1986). This is the rule here.

The error of a condition is seen as a sum of three effects, of its family, its attack and its
level. Their variances are taken to be equal, in advance: a weight then depends on the list of
conditions alone, and never on scores. The mean of an attack with k levels has the precision
1 / (1 + 1/k) beside its family's effect; with the sum s of those of its attacks, a family has the
precision 1 / (1 + 1/s). A family of one condition thus has 1/3, one of five attacks at three levels
0.79, and no family more than 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics import reweighting
from benchmark.metrics.discrimination import Floats


@dataclass(frozen=True)
class Place:
    """Where a condition stands: its attack (all but the severity) and its family."""

    attack: str
    family: str


@dataclass(frozen=True)
class _Tree:
    """The nested weights of n conditions.

    families, attacks : numbers of the family and of the attack of each condition, (n,)
    family, attack    : weight of each family of all, and of each attack in its family; sums 1
    level             : (n,), weight of each condition in its attack
    parent            : number of the family of each attack
    """

    families: np.ndarray
    attacks: np.ndarray
    family: Floats
    attack: Floats
    level: Floats
    parent: np.ndarray

    def joined(self, family: Floats, attack: Floats, level: Floats) -> Floats:
        """Return the product of the weights of each condition, its attack and its family."""
        found = family[..., self.families] * attack[..., self.attacks] * level
        return np.asarray(found)


def shares(places: Sequence[Place]) -> Floats:
    """Return the weight of each condition in the mean, (n,); their sum is 1.

    >>> noise = [Place("noise(kind=babble, snr=*)", "noise")] * 3
    >>> shares([*noise, Place("mp3(kbps=*)", "codec")]).round(3).tolist()
    [0.188, 0.188, 0.188, 0.438]
    """
    if not places:
        return np.empty(0)
    tree = _tree(places)
    return tree.joined(tree.family, tree.attack, tree.level)


def resampled(places: Sequence[Place], size: int, digest: str) -> Floats:
    """Return the weights of `size` random draws of launderings, (size, n); each row sums to 1.

    Families are drawn, then attacks of each, then levels of each (`reweighting.unbiased`), around
    their `shares`. Draws are seeded by the trial digest (hex) alone, so all detectors of a track
    meet the same launderings.
    """
    if not places:
        return np.empty((size, 0))
    rng = np.random.default_rng([int(digest[:16], 16), 1])
    tree = _tree(places)
    return tree.joined(
        _within(rng, tree.family, np.zeros(tree.family.size, dtype=np.intp), size),
        _within(rng, tree.attack, tree.parent, size),
        _within(rng, tree.level, tree.attacks, size),
    )


def _tree(places: Sequence[Place]) -> _Tree:
    names = list(dict.fromkeys(place.family for place in places))
    families = np.array([names.index(place.family) for place in places])
    keys = [(place.family, place.attack) for place in places]
    distinct = list(dict.fromkeys(keys))
    attacks = np.array([distinct.index(key) for key in keys])
    parent = np.array([names.index(family) for family, _ in distinct])
    levels = np.bincount(attacks).astype(np.float64)
    of_attack = 1 / (1 + 1 / levels)
    sums = np.bincount(parent, of_attack)
    of_family = 1 / (1 + 1 / sums)
    return _Tree(
        families,
        attacks,
        of_family / of_family.sum(),
        of_attack / sums[parent],
        1 / levels[attacks],
        parent,
    )


def _within(rng: np.random.Generator, weights: Floats, group: np.ndarray, size: int) -> Floats:
    """Draw the weights of every group's items anew, (size, n)."""
    found = np.ones((size, weights.size))
    for number in range(int(group.max()) + 1):
        mine = np.flatnonzero(group == number)
        found[:, mine] = reweighting.unbiased(rng, weights[mine], size)
    return found
