"""No mutation of an attack earns the mark: a short version of `tests/soak/test_mutations.py`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pytest

from attacks.contract.base import Attack, Wave
from attacks.contract.conformance import speech_like
from tests.support import mutations
from tests.support.attack_support import available

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")
PASSED_OVER = {*mutations.SKIPPED, "audiomentations"}  # its worker process is slow to start


@lru_cache
def speech() -> Sequence[Wave]:
    ends = 3e-4 * np.random.default_rng(0).standard_normal(4800).astype(np.float32)
    found = [np.concatenate([ends, speech_like(2.5, seed), ends]) for seed in (1, 2, 3)]
    for wave in found:
        wave.flags.writeable = False
    return found


@lru_cache
def subjects() -> dict[str, Attack]:
    return {attack.name: attack for attack in mutations.plain()}


@pytest.mark.parametrize("name", sorted({*available()} - PASSED_OVER))
def test_no_mutation_of_an_attack_is_verified(name: str) -> None:
    if name not in subjects():
        pytest.skip("a chain, verified step by step")
    found = list(mutations.outcomes([subjects()[name]], speech()))
    known = mutations.unknowable(subjects()[name])
    assert [one.mutation for one in found if one.verified and one.mutation not in known] == []
    assert len(found) >= len(mutations.BROKEN)


def test_the_honest_attack_is_verified() -> None:
    """The harness must be able to verify something, or it proves nothing."""
    for name in ("lowpass", "noise", "mp3", "packet_loss", "denoise", "speed"):
        attack = subjects()[name]
        assert mutations.honest(attack, speech()).verified, name
