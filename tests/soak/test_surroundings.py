"""Every odd surrounding alone, and files that are cut off at every size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs.test_surroundings import run, surroundings, whole
from tests.support.killing import parts

__all__ = ["whole"]  # a fixture
pytestmark = pytest.mark.usefixtures("cache")

SIZES = (1, 1_000, 4_000, 10_000, 20_000, 40_000)  # the page needs more


@pytest.mark.parametrize("name", ["no HOME", "no TMPDIR", "locale C", "clock set back", "odd zone"])
def test_one_at_a_time(name: str, toy: Path, tmp_path: Path, whole: set[str]) -> None:
    done = run(toy, tmp_path / "odd", surroundings(tmp_path)[name])
    assert done.returncode == 0, done.stderr
    assert parts(tmp_path / "odd") == whole


def test_a_disk_that_is_full_at_any_size(toy: Path, tmp_path: Path, whole: set[str]) -> None:
    folder = tmp_path / "full"
    for size in SIZES:
        done = run(toy, folder, {}, most=size)
        assert done.returncode == 2, (size, done.stderr)
        assert "Traceback" not in done.stderr and "File too large" in done.stderr, size
    assert run(toy, folder, {}).returncode == 0
    assert parts(folder) == whole
