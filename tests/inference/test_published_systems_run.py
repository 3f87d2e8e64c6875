"""A published system from the command line: its file, its marks in every table, and refusals."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmark.cli.main import main
from tests.support import published_systems as support

pytest.importorskip("transformers")

NAME = "tiny-xlsr-aasist"
PLUGIN = """
from detectors.contract.base import detector
from detectors.self_supervised.speech_encoders import EncoderShape
from detectors.self_supervised.xlsr_aasist import XlsrAasist


@detector("tiny-xlsr-aasist")
class Tiny(XlsrAasist):
    shape = EncoderShape(layers=2, width=64, inner=96, heads=4, channels=32)
    trained_on = {"toy": "all"}
    licence = "CC BY-NC-SA 4.0"
    terms = "not to be evaluated on its training corpora"
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "tiny_systems.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of the tiny system, as its authors' training would save it."""
    path = tmp_path / "tiny.pth"
    arrays = support.weights(support.tiny("xlsr-aasist"))
    torch.save({f"module.{name}": value for name, value in arrays.items()}, path)
    return path


def options(toy: Path, plugin: Path, tmp_path: Path, file: Path, name: str = NAME) -> list[str]:
    return [
        "--data", str(toy), "--suite", "clean", "--device", "cpu", "--limit", "4", "--workers", "0",
        "--plugin", str(plugin), "--weights", f"{name}={file}", "--detectors", f"{name},random",
        "--run", str(tmp_path / "run"),
    ]  # fmt: skip


def test_a_file_is_scored_and_marked_in_every_table(
    toy: Path, plugin: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = options(toy, plugin, tmp_path, file)
    terms = f"{NAME}: licence CC BY-NC-SA 4.0: not to be evaluated on its training corpora"
    mark = "its authors trained it on the corpus of these trials: toy:all"
    assert main(["plan", *chosen]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert terms in shown and f"{NAME}: {mark}" in shown
    assert main(["run", *chosen]) == 0
    said = capsys.readouterr()
    before = " ".join(said.err.split())
    assert terms in before and f"{NAME}: {mark}" in before
    assert mark in " ".join(said.out.split())
    folder = tmp_path / "run"
    board = pd.read_csv(folder / "leaderboard.csv").set_index("detector")
    assert board.loc[NAME, "trained_on"] == "toy:all" and mark in board.loc[NAME, "warnings"]
    assert pd.isna(board.loc["random", "trained_on"])
    cells = pd.read_csv(folder / "conditions.csv").set_index("detector")
    assert set(cells.loc[NAME, "trained_on"]) == {"toy:all"}
    for name in ("leaderboard.tex", "leaderboard.md", "leaderboard.html"):
        (found,) = folder.glob(f"**/{name}")
        assert mark in " ".join(found.read_text().split()), name


class Pickled:
    """A class of a module that is not here when the file is read."""


def test_a_pickle_of_fairseq_is_refused_in_one_line(
    toy: Path, plugin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = types.ModuleType("fairseq.data.dictionary")
    Pickled.__module__, Pickled.__qualname__ = module.__name__, "Dictionary"
    module.Dictionary = Pickled  # type: ignore[attr-defined]
    path = tmp_path / "xlsr2_300m.pt"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fairseq", "fairseq.data"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        patch.setitem(sys.modules, module.__name__, module)
        torch.save({"cfg": Pickled(), "model": {"mask_emb": torch.zeros(2)}}, path)
    with pytest.raises((ImportError, AttributeError, pickle.UnpicklingError)):
        torch.load(path, weights_only=False)
    assert main(["run", *options(toy, plugin, tmp_path, path)]) == 2
    message = capsys.readouterr().err.split("\r")[-1].strip().splitlines()[-1]
    assert "xlsr2_300m.pt is refused and was not executed" in message
    assert "pickles a class of fairseq's training (fairseq.data.dictionary.Dictionary)" in message
    assert "save the detector's model.state_dict() alone" in message


def test_a_file_of_another_system_names_it(
    toy: Path, plugin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sls.pth"
    torch.save(support.weights(support.tiny("xlsr-sls")), path)
    assert main(["run", *options(toy, plugin, tmp_path, path)]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"sls.pth does not fit {NAME} (it is a file of xlsr-sls" in message


def test_systems_without_a_file_say_which_option_gives_it(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("--data", str(toy), "--suite", "clean", "--device", "cpu", "--run", str(tmp_path / "r"))
    assert main(["run", *data, "--detectors", "xlsr-sls"]) == 2
    message = capsys.readouterr().err
    assert "give its weights with --weights xlsr-sls=FILE" in message
    assert "launderbench train xlsr-sls" not in message
    assert main(["train", "xlsr-sls", "--data", str(toy)]) == 2
    assert "xlsr-sls is not trained here" in capsys.readouterr().err


def test_weights_lists_them_with_training_licence_and_terms(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["weights", "list"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "run them with --weights xlsr-aasist=FILE trained on: asvspoof2019-la:train" in shown
    assert "licence: CC BY-NC-SA 4.0: for non-commercial use; not to be evaluated on" in shown
    assert "aasist-2019la" in shown
