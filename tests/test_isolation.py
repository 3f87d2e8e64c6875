"""Registrations of one test or module do not reach the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.places import ROOT

pytest_plugins = ("pytester",)

FIRST = """
import pytest
from benchmark.workers import plugins
from detectors.contract.base import registry

@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory):
    file = tmp_path_factory.mktemp("p") / "mine.py"
    source = "from launderbench import detector\\n\\n\\n@detector('of-the-module')\\n"
    file.write_text(source + "def score(wave):\\n    return 0.0\\n")
    plugins.load([file])

def test_it_is_there_in_every_test_of_the_module():
    assert "of-the-module" in registry.names()
    from launderbench import detector
    detector("of-the-test")(lambda wave: 0.0)

def test_but_not_what_another_test_registered():
    assert "of-the-module" in registry.names() and "of-the-test" not in registry.names()
"""
SECOND = """
from detectors.contract.base import registry

def test_nothing_is_left():
    assert not {"of-the-module", "of-the-test"} & set(registry.names())
"""


def test_plugins_are_forgotten(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    conftest = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    pytester.makeconftest(conftest)
    pytester.makepyfile(test_a=FIRST, test_b=SECOND)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)
