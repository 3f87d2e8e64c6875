"""Every mutation of every attack, at its mildest, middle and severest level, on real speech."""

from __future__ import annotations

import pytest

from attacks.contract.base import Attack
from attacks.contract.condition import Condition, spell
from attacks.contract.conformance import levels
from benchmark.data import embedded
from tests.support import mutations

UTTERANCES = 6


def subjects() -> list[Attack]:
    found = []
    for attack in mutations.plain():
        ladder = [condition.steps[0] for condition in levels(Condition((attack,)))]
        found += [ladder[place] for place in (0, 2, 4)] if len(ladder) == 5 else [attack]
    return found


@pytest.mark.parametrize("attack", subjects(), ids=spell)
def test_no_mutation_is_verified_on_the_embedded_speech(attack: Attack) -> None:
    if not embedded.complete():
        pytest.skip("the embedded data set is not built")
    found = list(mutations.outcomes([attack], mutations.embedded_speech(UTTERANCES)))
    known = mutations.UNKNOWABLE.get(attack.name, ())
    assert [one.mutation for one in found if one.verified and one.mutation not in known] == []
