"""Damaged files of every kind give a clean result or one error of LaunderBench."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import fuzz

COUNT = 100


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_damaged_files_give_a_result_or_one_error(kind: str, tmp_path: Path) -> None:
    assert fuzz.failures(fuzz.KINDS[kind], tmp_path, COUNT) == []


def test_another_exception_is_found(tmp_path: Path) -> None:
    careless = fuzz.Kind("x.json", lambda _: [b'{"a": 1}'], lambda path: path.read_bytes()[5])
    (said, *_) = fuzz.failures(careless, tmp_path, 50)
    assert "IndexError" in said and "fuzz" in said
