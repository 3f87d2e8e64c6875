"""Who may import whom: attacks, detectors and noises know nothing of runners and reports."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {"assets", "audio", "core", "frontends", "synthesis"}
HEAVY = ("av", "pyroomacoustics", "torch", "librosa", "matplotlib", "sklearn")


def imported(path: Path) -> set[str]:
    """Modules of the package `benchmark` that a file imports, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = node.module == "benchmark"
            found |= {f"benchmark.{a.name}" for a in node.names} if inside else {node.module}
    return {name.split(".")[1] for name in found if name.startswith("benchmark.")}


@pytest.mark.parametrize("package", ["attacks", "detectors", "noises"])
def test_packages_import_only_the_ground_floor(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        assert imported(path) <= ALLOWED, path.name


def test_attacks_import_without_the_heavy_libraries() -> None:
    code = (
        "import sys, attacks.contract.base; attacks.contract.base.registry.names();"
        f"print([m for m in {HEAVY!r} if m in sys.modules], attacks.contract.base.registry.broken)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[] {}", done.stdout + done.stderr


@pytest.mark.parametrize("package", ["attacks", "noises"])
def test_files_stay_short(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 300, path.name


@pytest.mark.parametrize(
    "name",
    [
        "attacks.contract.condition",
        "benchmark.audio.speech_level",
        "benchmark.core.errors",
        "noises.published_names",
    ],
)
def test_examples_in_docstrings_are_true(name: str) -> None:
    tried = doctest.testmod(importlib.import_module(name))
    assert tried.attempted > 0 and tried.failed == 0
