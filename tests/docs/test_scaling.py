"""The scaling page states what its model computes, and the model does what it says."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.perf import scaling_model
from tests.perf.scaling_model import WORKS, hours, most_nodes, operations, span


def test_the_page_has_the_tables_of_the_model() -> None:
    page = scaling_model.PAGE.read_text()
    stated = page.partition(scaling_model.BEGIN)[2].partition(scaling_model.END)[0]
    assert stated.strip() == scaling_model.text()
    assert scaling_model.PICTURE.name in page


def test_a_matrix_takes_as_long_as_the_slower_of_laundering_and_scoring() -> None:
    work = WORKS[0]
    launder, score = hours(work, 1, 1000.0)
    assert score == pytest.approx(work.pairs / 1000 / 3600)
    assert hours(work, 10, 1000.0) == pytest.approx((launder / 10, score / 10))
    assert hours(work, 1, None)[1] > 10 * launder  # twenty networks on CPUs


def test_a_store_without_limit_costs_nothing_and_a_slow_one_sets_the_pace() -> None:
    free = span(16, 1.0, math.inf, 28, 2000)
    assert free == pytest.approx(2000 / 16, rel=0.1)
    each = operations() + scaling_model.UNIT * scaling_model.PER_FILE / 28
    slow = span(16, 0.01, 100.0, 28, 2000)
    assert slow == pytest.approx(2000 * each / 100, rel=0.1)
    assert most_nodes(1.0, 1e3, 28) <= most_nodes(1.0, 1e4, 28)


def test_the_picture_is_the_same_each_time(tmp_path: Path) -> None:
    scaling_model.draw(tmp_path / "a.svg")
    scaling_model.draw(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
