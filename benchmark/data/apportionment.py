"""Apportionment: whole numbers in proportion to the sizes of groups, by largest remainder."""

from __future__ import annotations

from collections.abc import Mapping


def largest_remainder(sizes: Mapping[str, int], total: int, least: int = 0) -> dict[str, int]:
    """Return how many members of each group are taken, `total` in all.

    Each group gets the whole part of its exact share, then those with the largest remainders one
    more; of equal remainders, the earlier in `sizes`. `least` : what every group gets in any case,
    at the cost of the largest. No group gets more than its size if `total` is at most their sum.

    >>> largest_remainder({"a": 40, "b": 25, "c": 15}, 10)
    {'a': 5, 'b': 3, 'c': 2}
    """
    whole = sum(sizes.values())
    taken = {name: total * size // whole for name, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda name: -(total * sizes[name] % whole))
    for name in by_remainder[: total - sum(taken.values())]:
        taken[name] += 1
    for name in sizes:
        while taken[name] < least:
            taken[max(taken, key=lambda other: taken[other])] -= 1
            taken[name] += 1
    return taken
