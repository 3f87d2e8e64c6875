"""Tables of 17 equal detectors show a false difference in at most 6 of 100; unequal ones are told.

`make soak ARGS="-s -k test_familywise"` prints the shares, which `docs/statistics.md` has.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import familywise_model
from tests.support.familywise_model import Shares

TABLES = 400
RESAMPLES = 1000
MOST = 0.06 + 2 * np.sqrt(0.06 * 0.94 / TABLES)  # 2 standard errors of the simulation


def judged(eers: list[float], speakers: int, seed: int) -> Shares:
    rng = np.random.default_rng([seed, speakers])
    boards = [familywise_model.board(rng, eers, speakers, 0.5, RESAMPLES) for _ in range(TABLES)]
    found = familywise_model.shares(boards, eers)
    print(speakers, eers[0], eers[-1], found)
    return found


@pytest.mark.parametrize("speakers", [20, 50])
def test_equal_detectors(speakers: int) -> None:
    found = judged([0.2] * 17, speakers, 1)
    assert found.false <= MOST and found.ranks_missed <= MOST
    assert found.unadjusted > 0.5  # what it is adjusted for


@pytest.mark.parametrize("speakers", [20, 50])
def test_unequal_detectors(speakers: int) -> None:
    found = judged([float(eer) for eer in np.linspace(0.1, 0.42, 17)], speakers, 2)
    assert found.false <= MOST and found.ranks_missed <= MOST
    assert found.found >= 0.35 * found.by_itself
