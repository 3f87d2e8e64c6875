"""The README as a newcomer follows it: short; commands run as written; links lead on."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import embedded
from tests.conftest import forgetting_plugins
from tests.support import documents
from tests.support.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "results" / "README.md"])
MAKE = ("make setup", "make bench", "make test", ". .venv/bin/activate")  # .ci/run does these
FIRST = ("launderbench plan", "launderbench bench --suite smoke --limit", "launderbench verify")


def commands() -> list[str]:
    """Return the command lines of the README, but for those that the CI runs."""
    return [line for line in documents.commands(README) if not line.startswith(MAKE)]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory, toy: Path) -> Path:
    """A folder with the files that the README tells a newcomer to write, and a corpus."""
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(toy, folder / "my-corpus")
    files = documents.saved(README)
    assert {*files} == {"mine.py", "crush.py"}
    for name, code in files.items():
        (folder / name).write_text(code, encoding="utf-8")
    return folder


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 175
    assert len(README.split()) <= 1200


def test_the_ci_runs_its_first_commands() -> None:
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make bench" in text and "make test" in text


def test_every_command_runs_as_written(
    newcomer: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = commands()
    assert len(lines) >= 10 and all(line.startswith("launderbench ") for line in lines)
    try:
        embedded.read()
    except InputError:  # the first look needs the embedded data set
        lines = [line for line in lines if not line.startswith((*FIRST, "launderbench cite"))]
    monkeypatch.chdir(newcomer)
    for line in lines:
        program, *arguments = shlex.split(line)
        with forgetting_plugins():  # as every process begins
            assert program == "launderbench" and main(arguments) == 0, line
        assert "Traceback" not in capfd.readouterr().err, line


def test_the_shell_finds_the_command(newcomer: Path) -> None:
    (line,) = [line for line in commands() if line.startswith("launderbench list")]
    ways = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": ways, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, shell=True, cwd=newcomer, capture_output=True, env=environment)
    assert done.returncode == 0 and done.stdout and not done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target) and not target.startswith("#"):
            path = page.parent / unquote(target.partition("#")[0])
            assert path.exists(), f"{page.name} links to {target}"
