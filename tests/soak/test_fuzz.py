"""Thousands of damaged files of every kind: `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import fuzz

COUNTS = {
    "audio": 5000,
    "checkpoints": 3000, "archives": 300, "protocols": 2000, "tables": 1000, "scores": 1000,
    "suites": 1000, "pools": 1000, "plans": 1000, "old plans": 1000, "cards": 1000,
}  # fmt: skip


@pytest.mark.parametrize("kind", COUNTS)
def test_no_damaged_file_gives_another_exception(kind: str, tmp_path: Path) -> None:
    assert set(COUNTS) == set(fuzz.KINDS)
    assert fuzz.failures(fuzz.KINDS[kind], tmp_path, COUNTS[kind], seed=1) == []
