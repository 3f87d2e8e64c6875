"""Two, three and eight processes in one run folder at the same moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs.test_several_processes import different, shares, weights


@pytest.mark.parametrize("count", [2, 3, 8])
def test_shares_at_once(count: int, toy: Path, tmp_path: Path) -> None:
    weights(tmp_path)
    shares(count, toy, tmp_path)


def test_three_detectors_at_once(toy: Path, tmp_path: Path) -> None:
    weights(tmp_path)
    different(3, toy, tmp_path)
