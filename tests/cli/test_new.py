"""`launderbench new`: skeletons that pass their own tests, as files and in the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli.main import main
from tests.support.places import ROOT


def pytest_of(test: Path, root: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    return subprocess.run(command, capture_output=True, text=True, cwd=test.parent, env=environment)


@pytest.mark.parametrize(("kind", "name"), [("attack", "mains-hum"), ("detector", "Tiny_net2")])
def test_a_skeleton_passes_its_test_and_works_in_the_tree(
    kind: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", kind, name, "--out", str(tmp_path)]) == 0
    module = name.replace("-", "_").lower()
    plugin, test = tmp_path / f"{module}.py", tmp_path / f"test_{module}.py"
    assert {*tmp_path.iterdir()} == {plugin, test}
    assert f"--plugin {plugin}" in capsys.readouterr().out
    done = pytest_of(test, ROOT)
    assert done.returncode == 0, done.stdout + done.stderr

    tree = tmp_path / "tree"
    for package in ("attacks", "benchmark", "detectors", "noises"):
        shutil.copytree(ROOT / package, tree / package)
    shutil.copy(ROOT / "launderbench.py", tree)
    (tree / f"{kind}s" / "mine").mkdir()
    plugin.rename(tree / f"{kind}s" / "mine" / plugin.name)  # a sub-folder of its own
    (tree / "other").mkdir()
    test.rename(tree / "other" / test.name)
    done = pytest_of(tree / "other" / test.name, tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["attack", "detector"])
def test_a_skeleton_that_is_broken_fails_its_test(kind: str, tmp_path: Path) -> None:
    assert main(["new", kind, "broken", "--out", str(tmp_path)]) == 0
    plugin = tmp_path / "broken.py"
    text = plugin.read_text()
    wrong = text.replace("-self.snr / 20", "-self.snr / 10").replace("dim=(2, 3)", "dim=(0, 2, 3)")
    assert wrong != text
    plugin.write_text(wrong)
    assert pytest_of(tmp_path / "test_broken.py", ROOT).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["attack", "mp3"], "an attack 'mp3' exists already"),
        (["detector", "mp3"], "an attack 'mp3' exists already"),
        (["detector", "mel-cnn"], "a detector 'mel-cnn' exists already"),
        (["detector", "onnx"], "a detector 'onnx' exists already"),
        (["attack", "clean"], "a condition 'clean' exists already"),
        (["attack", "smoke"], "a suite 'smoke' exists already"),
        (["attack", "a b"], "'a b' is not a valid name: use letters"),
        (["attack", "../x"], "is not a valid name"),
        (["attack", "9x"], "is not a valid name"),
        (["attack", "taken"], "test_taken.py exists already"),
        (["attack", "Reverb"], "attacks/ holds a module 'reverb' already"),
        (["detector", "layers"], "detectors/ holds a module 'layers' already"),
        (["attack", "numpy"], "numpy.py would hide the module 'numpy'"),
        (["detector", "Torch"], "torch.py would hide the module 'torch'"),
        (["attack", "benchmark"], "benchmark.py would hide the module 'benchmark'"),
        (["attack", "launderbench"], "would hide the module 'launderbench'"),
        (["attack", "wave"], "would hide the module 'wave'"),
        (["attack", "test-tone"], "test_tone.py would be taken for a test"),
        (["attack", "none"], "Python reserves the word 'none'"),
    ],
)
def test_what_cannot_be_made_is_refused(
    arguments: list[str],
    cause: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("test_taken.py").write_text("# mine")
    assert main(["new", *arguments]) == 2
    assert cause in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["test_taken.py"]
