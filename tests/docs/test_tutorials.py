"""The tutorials as a newcomer follows them: every file saved, every command run as written."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from benchmark.cli.main import main
from tests.support import documents
from tests.support.places import ROOT

TUTORIALS = {"attack": 3, "detector": 4, "corpus": 7}  # and how many commands each has
MAKE = ("make setup", ". .venv/bin/activate")


@pytest.mark.parametrize("name", TUTORIALS)
def test_every_command_runs_as_written(
    name: str,
    toy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "docs" / "tutorials" / f"{name}.md").read_text(encoding="utf-8")
    lines = documents.commands(text)
    assert len(lines) == TUTORIALS[name]
    shutil.copytree(toy, tmp_path / "my-corpus")
    for file, code in documents.saved(text).items():
        (tmp_path / file).write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "launderbench"
        capsys.readouterr()
        code = main(arguments)
        if code == 1 and arguments[0] == "verify":  # the corpus here is no speech
            faults = re.findall(r"^ *FAULT (.*)", capsys.readouterr().out, re.MULTILINE)
            assert faults and all(fault.startswith("refuted: ") for fault in faults), faults
        else:
            assert code == 0, line


def test_the_quick_start_has_the_commands_of_the_readme() -> None:
    quick = documents.commands((ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8"))
    readme = documents.commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(quick) == 5
    assert [line for line in quick if line not in readme] == []
