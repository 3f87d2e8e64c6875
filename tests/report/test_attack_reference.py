"""The page of all attacks is up to date, complete, and says what the attacks do."""

from __future__ import annotations

import pandas as pd
import pytest

from attacks.contract.base import registry
from attacks.contract.condition import Condition
from attacks.contract.launder import launder
from benchmark.report import attack_reference, markdown
from tests.support.attack_measurements import claims
from tests.support.attack_support import available, clip
from tests.support.places import ROOT

PAGE = ROOT / "docs" / "attacks.md"
MEASURED = pd.read_csv(PAGE.with_name(attack_reference.MEASUREMENTS))
UNMEASURED = {"ready"}  # made elsewhere


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == attack_reference.document(MEASURED), (
        "run: python -m benchmark.report.attack_reference docs/attacks.md"
    )


def test_every_attack_has_its_section_and_its_cost() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in registry.names() if f"\n### {name}\n" not in page] == []
    assert set(registry.names()) - set(MEASURED["attack"]) == UNMEASURED
    assert (MEASURED["attack_ms"] >= 0).all() and MEASURED["machine"].notna().all()


@pytest.mark.parametrize("name", MEASURED["attack"])
def test_the_claims_on_the_page_are_those_of_the_attack(name: str) -> None:
    if name not in available():
        pytest.skip(f"{name} is not available in this installation")
    (row,) = MEASURED[MEASURED["attack"] == name].to_dict("records")
    attack = registry.get(name)()
    done = launder(Condition((attack,)), clip(4.0), 16000, "u", 0)
    listed = row["checks"] if isinstance(row["checks"], str) else ""
    assert _quantities(claims(attack, done)) == _quantities(listed)


def _quantities(listed: str) -> list[str]:
    words = (" within ", " at least ", " at most ", " exact", " (stated)")
    found = []
    for one in listed.split("; "):
        cut = min((one.find(word) for word in words if word in one), default=len(one))
        found.append(one[:cut])
    return found


def test_prose_keeps_code_and_escapes_the_rest() -> None:
    assert markdown.prose("a_b `c_d | e` f*") == "a\\_b `c_d | e` f\\*"
    assert markdown.prose("`a | b`|", "\\|") == "`a \\| b`\\|"
