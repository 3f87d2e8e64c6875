"""What a submission declares of the training of its detectors."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark.exchange import submission_card


@pytest.mark.parametrize(
    ("training", "corpora"),
    [
        ({"trained_on": {"asvspoof2019-la": "train"}}, ("asvspoof2019-la",)),
        ({"trained_on": ["LibriFake"], "data": "embedded"}, ("LibriFake",)),
        ({"trained_on": {}, "data": "embedded"}, ("embedded",)),
        ({}, None),
    ],
)
def test_the_corpora_are_those_of_the_authors_or_of_the_training_here(
    training: dict[str, Any], corpora: tuple[str, ...] | None
) -> None:
    assert submission_card.declared(training) == corpora


def test_short_and_other_names_are_not_taken_for_the_corpus() -> None:
    assert submission_card.overlap(["LA", "asvspoof5", "in-the-wild"], "asvspoof2019-la") == []
