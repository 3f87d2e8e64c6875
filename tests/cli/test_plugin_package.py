"""The ten lines of the README, all three ways: in the tree, as a file, as an installed package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli.main import main
from tests.support.places import PLUGINS, ROOT

PACKAGE = PLUGINS / "crush_package"
ATTACKS = re.compile(r"(\d+) attacks in (\d+) families")


def launderbench(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with `path` first on its import path."""
    parts = [str(path)] * (path is not None) + [os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, parts))}
    command = [sys.executable, "-m", "benchmark", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built and installed by pip into a folder of its own, without a network."""
    folder = tmp_path_factory.mktemp("site")
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "crush")
    command = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--target", str(folder), str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_an_installed_package_is_found_and_checked(installed: Path) -> None:
    listed = launderbench("list", "attacks", path=installed)
    assert "    crush(bits=8)" in listed.stdout.splitlines(), listed.stderr
    assert "not loaded" not in listed.stdout + listed.stderr
    checked = launderbench("check", "crush", "crush(bits=10)", path=installed)
    assert checked.returncode == 0 and "2 passed, 0 failed" in checked.stdout, checked.stdout


def test_as_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "crush"]) == 2
    assert "unknown attack or detector 'crush'" in capsys.readouterr().err
    assert main(["check", "crush", "--plugin", str(PACKAGE / "crush.py")]) == 0
    assert "1 passed, 0 failed" in capsys.readouterr().out


def test_in_the_tree(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "attacks", tmp_path / "attacks")
    shutil.copy(PACKAGE / "crush.py", tmp_path / "attacks")
    for other in ("benchmark", "detectors", "noises"):
        (tmp_path / other).symlink_to(ROOT / other)
    (tmp_path / "launderbench.py").symlink_to(ROOT / "launderbench.py")
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "check", "crush"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0 and "1 passed, 0 failed" in done.stdout, done.stderr


def test_a_package_that_takes_a_name_costs_itself_only(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(installed, tmp_path / "site")
    module = tmp_path / "site" / "crush.py"
    module.write_text(module.read_text().replace('@attack("crush")', '@attack("mp3")'))
    done = launderbench("list", "attacks", path=tmp_path / "site")
    assert done.returncode == 0 and ATTACKS.search(done.stdout)
    assert "not loaded: crush: InputError" in done.stdout
    assert (
        "attack 'mp3' is registered twice: in attacks.codecs.media_codecs and in crush"
        in done.stdout
    )


def test_the_readme_shows_what_is_tested_here() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    for text in (readme, page):
        assert f"```python\n{(PACKAGE / 'crush.py').read_text()}```" in text
    project = (PACKAGE / "pyproject.toml").read_text()
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert shown in project and "launderbench.attacks" in shown


def test_there_are_as_many_attacks_as_promised(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "attacks"]) == 0
    printed = capsys.readouterr().out
    found = ATTACKS.search(printed)
    assert found is not None and int(found.group(1)) >= 40 and int(found.group(2)) >= 8
    assert "not loaded" not in printed
    for column in ("ATTACK", "FAMILY", "SEVERITY", "UNIT", "MEASURED"):
        assert column in printed.splitlines()[0]
    assert main(["list", "attacks", "--family", "noise"]) == 0
    printed = capsys.readouterr().out
    assert "SNR; share of 50 ms frames with noise" in printed and "codec" not in printed
    assert main(["list", "attacks", "--family", "nois"]) == 2
    assert "unknown family 'nois'; did you mean 'noise'" in capsys.readouterr().err
