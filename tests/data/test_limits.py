"""`--limit`: classes and systems in proportion, the same trials whatever the order of the rows."""

from __future__ import annotations

import doctest
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.errors import InputError
from benchmark.data import apportionment
from benchmark.data.protocol import Protocol, validated
from benchmark.data.trial_table import limited

Counts = Mapping[str, int]


def protocol(bonafide: int, systems: Iterable[int]) -> Protocol:
    """Return a protocol of so many bona fide trials, and so many spoofs of each system."""
    sizes = {"-": bonafide, **{f"A{n:02}": size for n, size in enumerate(systems)}}
    rows = [
        {
            "utterance_id": f"{system}_{number}",
            "path": f"{system}_{number}.wav",
            "label": "bonafide" if system == "-" else "spoof",
            "spoof_system": system,
        }
        for system, size in sizes.items()
        for number in range(size)
    ]
    return Protocol("x", Path("x"), validated(pd.DataFrame(rows), Path("p.csv")))


def count(chosen: Protocol, column: str) -> dict[str, int]:
    return dict(Counter(chosen.table[column]))


def is_largest_remainder(taken: Counts, sizes: Counts, total: int) -> bool:
    """Return whether `taken` follows the method, stated without computing it.

    Every count is its exact share rounded down or up, the counts add up, and no share that was
    rounded down has a larger remainder than one that was rounded up.
    """
    share = {name: Fraction(total * size, sum(sizes.values())) for name, size in sizes.items()}
    over = {name: taken.get(name, 0) - share[name] for name in sizes}
    up = [1 - over[name] for name in sizes if over[name] > 0]
    down = [-over[name] for name in sizes if over[name] <= 0]
    return (
        sum(taken.values()) == total
        and all(-1 < one < 1 for one in over.values())
        and (not up or not down or min(up) >= max(down))
    )


CORPORA = st.tuples(st.integers(1, 40), st.lists(st.integers(1, 15), min_size=1, max_size=12))


@settings(deadline=None)
@given(CORPORA, st.data())
def test_the_counts_are_those_of_the_largest_remainder(
    corpus: tuple[int, list[int]], data: st.DataObject
) -> None:
    whole = protocol(*corpus)
    limit = data.draw(st.integers(2, len(whole.table)))
    chosen = limited(whole, limit)
    classes, wanted = count(whole, "label"), count(chosen, "label")
    if min(wanted.values()) > 1 or min(limit * n for n in classes.values()) >= len(whole.table):
        assert is_largest_remainder(wanted, classes, limit)
    assert sum(wanted.values()) == limit and set(wanted) == {"bonafide", "spoof"}
    every, taken = count(whole, "spoof_system"), count(chosen, "spoof_system")
    assert taken.pop("-") == wanted["bonafide"] and every.pop("-")
    assert is_largest_remainder(taken, every, wanted["spoof"])


@settings(deadline=None)
@given(CORPORA, st.data())
def test_the_choice_depends_on_the_ids_alone(
    corpus: tuple[int, list[int]], data: st.DataObject
) -> None:
    whole = protocol(*corpus)
    limit = data.draw(st.integers(2, len(whole.table)))
    shuffled = whole.table.sample(frac=1, random_state=data.draw(st.integers(0, 99)))
    other = limited(Protocol("x", Path("x"), shuffled.reset_index(drop=True)), limit)
    ids = set(limited(whole, limit).table["utterance_id"])
    assert ids == set(other.table["utterance_id"])
    assert limited(whole, limit).table["utterance_id"].is_monotonic_increasing


@settings(deadline=None)
@given(CORPORA, st.data())
def test_limits_nest_in_every_system_that_does_not_shrink(
    corpus: tuple[int, list[int]], data: st.DataObject
) -> None:
    whole = protocol(*corpus)
    small, large = sorted(data.draw(st.integers(2, len(whole.table))) for _ in range(2))
    rows = [limited(whole, limit).table for limit in (small, large)]
    for system in set(whole.table["spoof_system"]):
        few, many = (set(r.loc[r["spoof_system"] == system, "utterance_id"]) for r in rows)
        assert few <= many or many < few


def test_40_and_40_give_20_and_20() -> None:
    chosen = limited(protocol(40, [10] * 4), 40)
    assert count(chosen, "spoof_system") == {"-": 20, "A00": 5, "A01": 5, "A02": 5, "A03": 5}


def test_one_system_per_spoof_is_still_half_spoof() -> None:
    whole = protocol(40, [1] * 40)
    for limit in range(2, 80, 2):
        assert count(limited(whole, limit), "label") == {
            "bonafide": limit // 2,
            "spoof": limit // 2,
        }
    ids = [set(limited(whole, limit).table["utterance_id"]) for limit in range(2, 80, 2)]
    assert all(small < large for small, large in pairwise(ids))


@pytest.mark.parametrize(("bonafide", "spoof"), [(1, 999), (999, 1)])
def test_a_rare_class_keeps_one_trial(bonafide: int, spoof: int) -> None:
    chosen = limited(protocol(bonafide, [spoof]), 10)
    assert sorted(count(chosen, "label").values()) == [1, 9]


def test_a_missing_class_is_an_error() -> None:
    only = protocol(0, [20])
    with pytest.raises(InputError, match="the first 10 trials of x has no bonafide"):
        limited(only, 10)


def test_the_example_is_true() -> None:
    result = doctest.testmod(apportionment)
    assert result.attempted and not result.failed
