"""Imports go one way: the order of the packages is stated here once, and held."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT

ORDER = (  # a package imports only itself and what stands before it, lazy imports included
    "benchmark.core",
    "benchmark.audio",
    "benchmark.assets",
    "benchmark.frontends",
    "benchmark.synthesis",
    "noises",
    "attacks",
    "detectors",
    "benchmark.workers",
    "benchmark.metrics",
    "benchmark.data",
    "benchmark.laundering",
    "benchmark.quality",
    "benchmark.inference",
    "benchmark.training",
    "benchmark.scores",
    "benchmark.runs",
    "benchmark.leaderboard",
    "benchmark.exchange",
    "benchmark.report",
    "benchmark.api",
    "benchmark.web",
    "benchmark.cli",
)
PLUGINS = ("noises", "attacks", "detectors")
FOUNDATIONS = ORDER[: ORDER.index("noises")]
TOPS = ("benchmark", *PLUGINS, "launderbench")
PAGE = ROOT / "docs" / "architecture.md"
HEAVY = ("av", "pyroomacoustics", "torch", "librosa", "matplotlib", "sklearn", "pandas")


def package(module: str) -> str:
    """The package of ORDER that a dotted module name lies in."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "benchmark" else parts[0]


def imported(source: str) -> Iterator[str]:
    """The modules and names that a source imports, at any depth of functions and conditions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(source: str) -> list[str]:
    """The project's modules that a source imports."""
    return [name for name in imported(source) if name.split(".")[0] in TOPS]


def imports_pyav(source: str) -> bool:
    return any(name.split(".")[0] == "av" for name in imported(source))


def upward(module: str, source: str) -> list[str]:
    """The imports of a module that its place in ORDER forbids."""
    mine = package(module)
    allowed = {mine, *ORDER[: ORDER.index(mine)]}
    if mine in PLUGINS:
        allowed = {mine, *FOUNDATIONS, *PLUGINS[: PLUGINS.index(mine)]}
    return [name for name in imports(source) if package(name) not in allowed]


def sources() -> Iterator[tuple[str, Path]]:
    """Every module of the four packages, but the ways into the command."""
    for top in ("benchmark", *PLUGINS):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if name not in ("benchmark", "benchmark.__main__"):
                yield name, path


def test_imports_go_one_way() -> None:
    found = {name: upward(name, path.read_text(encoding="utf-8")) for name, path in sources()}
    assert {name: names for name, names in found.items() if names} == {}
    assert {package(name) for name in found} == set(ORDER)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("benchmark.core.registry", "def late():\n    from benchmark.data import protocol"),
        ("benchmark.metrics.curves", "import benchmark.report.html"),
        ("attacks.noise.additive_noise", "from benchmark.runs.plan import RunPlan"),
        ("attacks.noise.additive_noise", "from detectors.contract.base import registry"),
        ("noises.bank", "if True:\n    import attacks.contract.base"),
        ("detectors.external.hub", "import launderbench"),
    ],
)
def test_an_upward_import_is_seen(module: str, source: str) -> None:
    assert upward(module, source)


def test_every_package_says_what_it_holds() -> None:
    for top in ("benchmark", *PLUGINS):
        for folder in {path.parent for path in (ROOT / top).rglob("*.py")}:
            initial = folder / "__init__.py"
            assert initial.is_file(), f"{folder} has no __init__.py, so that it is not installed"
            if folder.name != top:
                assert ast.get_docstring(ast.parse(initial.read_text())), initial


def test_the_page_lists_the_packages_in_order() -> None:
    page = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^(\d+)\. `([\w.]+)`: ", page, re.MULTILINE)
    assert listed == [(str(place), name) for place, name in enumerate(ORDER, start=1)]


def test_the_picture_shows_every_package() -> None:
    picture = PAGE.with_suffix(".svg").read_text(encoding="utf-8")
    shown = " ".join(re.findall(r'class="package"[^>]*>([^<]+)<', picture)).split()
    assert sorted(shown) == sorted(name.removeprefix("benchmark.") for name in ORDER)


def test_every_path_on_the_page_exists() -> None:
    paths = re.findall(r"`([^`\s]*/[^`\s]*)`", PAGE.read_text(encoding="utf-8"))
    assert len(paths) > 18
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("source", ["import av", "def f():\n    from av.codec import Codec"])
def test_a_direct_import_of_pyav_is_seen(source: str) -> None:
    assert imports_pyav(source)


def test_pyav_comes_through_one_module() -> None:
    # what is imported before it would encode MP3 with PyAV's own LAME, unoptimised
    found = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    found += [ROOT / "launderbench.py", *(path for _, path in sources())]
    direct = [path for path in found if imports_pyav(path.read_text(encoding="utf-8"))]
    assert direct == [ROOT / "benchmark" / "audio" / "libav.py"]


def test_listing_attacks_needs_no_heavy_library() -> None:
    code = (
        "import sys; from attacks.contract.base import registry; registry.names();"
        f"print([m for m in {HEAVY!r} if m in sys.modules], registry.broken)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[] {}", done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("benchmark.api.reporting", ("torchvision", "librosa", "matplotlib")),
        ("benchmark.runs.unit_worker", ("torchvision", "matplotlib", "sklearn")),  # of scoring
    ],
)
def test_what_is_slow_and_not_needed_is_not_imported(module: str, absent: tuple[str, ...]) -> None:
    code = (
        f"import sys, {module};"
        "from detectors.contract.base import registry; registry.names();"
        f"print([m for m in {absent} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "attacks.contract.condition",
        "benchmark.audio.speech_level",
        "benchmark.core.errors",
        "benchmark.data.readers.words",
        "noises.published_names",
    ],
)
def test_examples_in_docstrings_are_true(name: str) -> None:
    tried = doctest.testmod(importlib.import_module(name))
    assert tried.attempted > 0 and tried.failed == 0
