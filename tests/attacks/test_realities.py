"""Named realities: every step has a source, guesses are called guesses, the page shows both."""

from __future__ import annotations

import pytest

from attacks.chains.realities import Reality
from attacks.contract import suites
from attacks.contract.base import registry
from attacks.contract.condition import parse
from benchmark.report import citations
from tests.support.attack_support import available, clip, run
from tests.support.places import ROOT

NAMES = [name for name in registry.names() if issubclass(registry.get(name), Reality)]
PAGE = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")


def reality(name: str) -> Reality:
    made = registry.get(name)()
    assert isinstance(made, Reality)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_every_step_names_its_source_on_the_page(name: str) -> None:
    section = PAGE.split(f"\n### {name}\n")[1].split("\n### ")[0]
    for passage in reality(name).passages:
        assert len(passage.source) >= len("a guess")
        row = next(line for line in section.splitlines() if f"`{passage.spelling}`" in line)
        assert ("a guess" in row) is passage.guessed


@pytest.mark.parametrize("name", NAMES)
def test_a_reality_is_the_chain_of_its_steps(name: str) -> None:
    if name not in available():
        pytest.skip(f"{name} is not available in this installation")
    spelled = " | ".join(passage.spelling for passage in reality(name).passages)
    made, chain = run(name), run(spelled)
    assert [step.attack for step in made.steps] == [step.attack for step in chain.steps]
    assert made.wave.tobytes() == chain.wave.tobytes()
    assert made.passed is True and made.wave.size == clip().size


def test_they_have_no_parameters_and_a_suite() -> None:
    assert [str(parse(name)) for name in NAMES] == NAMES
    listed = [str(c) for c in suites.load("realities").conditions if c.steps]
    assert sorted(listed) == sorted(NAMES)
    assert all(citations.resolve(reality(name).citation, name) == () for name in NAMES)
