"""The wheel: what is installed, and what stays in the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from tests.support.places import ROOT

INSTALLED = ("attacks", "benchmark", "detectors", "noises", "launderbench.py")
LEFT_OUT = (".md", ".png")  # documents of the checkout, which no program reads


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The files of the checkout that git knows."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a checkout of git")
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def wheel(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of the tracked files, built in a copy of them without a network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--wheel-dir", str(out), str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (path,) = Path(out).glob("launderbench-*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_packages_with_their_data(
    tracked: list[str], wheel: zipfile.ZipFile
) -> None:
    wanted = {name for name in tracked if name.split("/")[0] in INSTALLED}
    wanted = {name for name in wanted if not name.endswith(LEFT_OUT)}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_the_wheel_holds_the_licence_and_says_which(wheel: zipfile.ZipFile) -> None:
    (path,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert wheel.read(path) == (ROOT / "LICENSE").read_bytes()
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    fields = message_from_string(wheel.read(path).decode())
    assert fields["License-Expression"] == "MIT" and fields["License-File"] == "LICENSE"
    assert fields["Author"] == "The LaunderBench authors"
    assert not [line for line in fields.get_all("Classifier", []) if line.startswith("License")]
