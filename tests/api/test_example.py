"""The example notebook runs from its first cell to its last, on a small corpus."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.places import ROOT

NOTEBOOK = ROOT / "examples" / "python_api.ipynb"


def test_the_notebook_runs(
    toy: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_EXAMPLE_DATA", str(toy))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = {cell["id"]: cell.get("outputs", []) for cell in notebook.cells}
    last = {key: outputs[-1]["data"] for key, outputs in cells.items() if outputs}
    (board,) = [data["text/plain"] for data in last.values() if "laundered_eer" in str(data)]
    assert all(name in board for name in ("high_band", "mel-cnn", "lfcc-gmm"))
    assert any("image/png" in data for data in last.values())
    assert any("distinguishable" in data.get("text/plain", "") for data in last.values())


def test_the_committed_outputs_are_those_of_a_whole_run() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    counts = [cell["execution_count"] for cell in code]
    assert counts == [*range(1, len(code) + 1)]
    assert "/" not in "".join(
        output.get("text", "") for cell in code for output in cell["outputs"]
        if output.get("name") == "stderr"
    )  # fmt: skip
