"""Every mutation of every attack, at its mildest, middle and severest level, on real speech."""

from __future__ import annotations

import pytest

from attacks.contract.base import Attack
from attacks.contract.condition import spell
from benchmark.data import embedded
from tests.support import mutations

UTTERANCES = 6


@pytest.mark.parametrize("attack", mutations.plain((0, 2, 4)), ids=spell)
def test_no_mutation_is_verified_on_the_embedded_speech(attack: Attack) -> None:
    if not embedded.complete():
        pytest.skip("the embedded data set is not built")
    found = list(mutations.outcomes([attack], mutations.embedded_speech(UTTERANCES)))
    known = mutations.unknowable(attack)
    assert [one.mutation for one in found if one.verified and one.mutation not in known] == []
