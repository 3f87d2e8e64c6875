"""SECURITY.md promises only what a test keeps: every test that it names exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.places import ROOT

PAGE = ROOT / "SECURITY.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def promises(text: str) -> list[str]:
    """Return the rows of the table of promises."""
    section = text.partition("## What is promised")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][1:]


def absent(text: str) -> list[str]:
    """Return the promises without a test, and the tests that do not exist."""
    found = [row for row in promises(text) if not NAMED.search(row)]
    for file, name in NAMED.findall(text):
        path = ROOT / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
        if name not in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]:
            found.append(f"{file}::{name}")
    return found


def test_every_promise_names_tests_that_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(promises(text)) >= 10
    assert absent(text) == []


@pytest.mark.parametrize(
    "row",
    [
        "| no test |  |",
        "| x | `tests/nowhere.py::test_x` |",
        "| x | `tests/test_fuzz.py::test_x` |",
    ],
)
def test_a_promise_without_its_test_is_found(row: str) -> None:
    table = f"## What is promised\n\n| promise | tests |\n|---|---|\n{row}\n\n## Next\n"
    assert absent(table)
