"""Scoring in bf16 and TF32: separate rows, compared with float32, on a toy corpus."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import launderbench
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data.data_config import DataConfig
from benchmark.inference import checkpoints, precision
from benchmark.inference.scorer import Scorer
from benchmark.metrics.discrimination import eer
from benchmark.runs import planning, precision_check, profile
from benchmark.runs.run_config import RunConfig
from benchmark.scores.store import Store
from detectors.contract.base import TensorDetector, Waveform, registry
from tests.detectors.test_external import onnx_model
from tests.support import builders

SUITE = "clean; lowpass(cutoff=4000)"
CPU = torch.device("cpu")
PLUGIN = """
import torch

from launderbench import TensorDetector, Waveform, detector


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = torch.nn.Linear(8000, 64)

    def forward(self, batch):
        return torch.from_numpy(self.mix(batch).numpy().mean(axis=1))  # NumPy has no bf16


@detector("by-numpy")
class ByNumpy(TensorDetector):
    input = Waveform(8000)

    def build(self):
        return Network()
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A network with random weights, and a mixture model fitted to four utterances."""
    folder = tmp_path_factory.mktemp("weights")
    network = profile.untrained("raw-cnn", folder)
    assert network is not None
    waves = [builders.voice(n) if n % 2 else builders.fake(n) for n in range(4)]
    state = registry.get("lfcc-gmm")().fit(waves, np.array([False, True, False, True]), 0)
    checkpoints.save(folder / "gmm.safetensors", state, {"detector": "lfcc-gmm"})
    return {"raw-cnn": network.path, "lfcc-gmm": folder / "gmm.safetensors"}


def command(
    name: str, toy: Path, folder: Path, weights: dict[str, Path], *more: object, workers: int = 0
) -> int:
    given = [part for path in weights.values() for part in ("--checkpoint", path)]
    options = ["--data", toy, *given, "--suite", SUITE, "--run", folder, "--device", "cpu"]
    samples = ["--samples", 0] if name == "run" else []
    return main([name, *map(str, [*options, *samples, "--workers", workers, *more])])


def run(toy: Path, folder: Path, weights: dict[str, Path], *more: object, workers: int = 0) -> int:
    return command("run", toy, folder, weights, *more, workers=workers)


def scores(folder: Path) -> pd.DataFrame:
    keys = ["detector", "condition", "split", "utterance_id"]
    return launderbench.load_scores(folder).sort_values(keys).reset_index(drop=True)


def parts(folder: Path) -> dict[str, str]:
    found = sorted((folder / "parts").rglob("*.parquet"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def in_bf16(values: pd.Series) -> bool:
    """Return whether all mantissa bits after the 7 of bf16 are 0 in every value as float32."""
    return not (values.to_numpy(np.float32).view(np.uint32) & 0xFFFF).any()


def head(folder: Path) -> dict[str, dict[str, object]]:
    found = Store(folder).read_head()
    assert found is not None
    return found["detectors"]


def test_bf16_has_separate_rows_and_does_not_change_float32(
    toy: Path, weights: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert run(toy, folder, weights) == 0
    exact, before = scores(folder), parts(folder)
    capsys.readouterr()
    assert run(toy, folder, weights, "--precision", "bf16") == 0
    output = capsys.readouterr().err
    after = parts(folder)
    assert before.items() < after.items() and len(after) == 2 * len(before)

    both = scores(folder)
    assert set(both["detector"]) == {"raw-cnn", "raw-cnn@bf16", "lfcc-gmm"}
    pd.testing.assert_frame_equal(
        both[both["detector"] != "raw-cnn@bf16"].reset_index(drop=True), exact
    )
    coarse = both[both["detector"] == "raw-cnn@bf16"]
    fine = both[both["detector"] == "raw-cnn"]
    assert in_bf16(coarse["score"]) and not in_bf16(fine["score"])
    board = pd.read_csv(folder / "leaderboard.csv")
    assert {"raw-cnn", "raw-cnn@bf16", "lfcc-gmm"} == set(board["detector"])

    # the sample is all of this small test split, so the figures follow from the stored scores
    clean = [part[(part["split"] == "test") & (part["condition"] == "clean")]
             for part in (fine, coarse)]  # fmt: skip
    apart = np.abs(clean[0]["score"].to_numpy() - clean[1]["score"].to_numpy())
    assert len(apart) == 24 and apart.max() > 0
    rates = [eer(c["score"], (c["label"] == "bonafide").to_numpy())[0] for c in clean]
    (noted,) = head(folder)["raw-cnn@bf16"]["precision"]["measured"]
    assert noted["trials"] == 24
    np.testing.assert_allclose(
        [noted["median"], noted["largest"], noted["spread"], noted["eer_float32"], noted["eer"]],
        [np.median(apart), apart.max(), clean[0]["score"].std(ddof=0), *rates],
        rtol=1e-9,
    )
    assert f"raw-cnn@bf16: 24 clean trials differ from float32 by {np.median(apart):.2g}" in output
    assert ("EER unchanged" in output) == (rates[0] == rates[1])
    assert "lfcc-gmm: scored in float32 (no network that the run itself" in output
    assert head(folder)["lfcc-gmm"]["precision"]["scored"] == "float32"
    plan = json.loads((folder / "run.json").read_text())["provenance"]["plan"]
    assert plan["detectors"]["raw-cnn@bf16"]["precision"]["measured"] == [noted]
    page = next(folder.glob("*.html")).read_text()
    assert "raw-cnn@bf16.precision.measured.1.largest" in page

    capsys.readouterr()
    assert run(toy, folder, weights) == 0  # float32 again: nothing to do, no part removed
    assert "0 of" in capsys.readouterr().err
    assert parts(folder) == after
    assert head(folder)["raw-cnn@bf16"]["precision"]["measured"] == [noted]
    assert set(scores(folder)["detector"]) == {"raw-cnn", "raw-cnn@bf16", "lfcc-gmm"}


def test_bf16_gives_the_same_bits_again_in_workers_and_after_a_kill(
    toy: Path,
    weights: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bf16 = ("--precision", "bf16")
    assert run(toy, tmp_path / "one", weights, *bf16) == 0
    assert run(toy, tmp_path / "two", weights, *bf16, workers=1) == 0
    kept = scores(tmp_path / "one")
    assert set(kept["detector"]) == {"raw-cnn@bf16", "lfcc-gmm"}
    pd.testing.assert_frame_equal(kept, scores(tmp_path / "two"))
    assert head(tmp_path / "one") == head(tmp_path / "two")
    lost = sorted((tmp_path / "one" / "parts").rglob("*.parquet"))[0]
    lost.unlink()
    capsys.readouterr()
    monkeypatch.setattr(precision_check, "compare", lambda *_: pytest.fail("measured again"))
    assert run(toy, tmp_path / "one", weights, *bf16) == 0
    output = capsys.readouterr().err
    assert "1 of" in output and "differ from float32 by" in output
    pd.testing.assert_frame_equal(kept, scores(tmp_path / "one"))


def test_the_reason_for_an_unmeasured_difference_is_printed(
    toy: Path, weights: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(precision_check, "compare", lambda *_: None)
    given = (toy, tmp_path / "run", {"raw-cnn": weights["raw-cnn"]}, "--precision", "bf16")
    for cause in ("it cannot be scored in float32 either", "nothing is left to score"):
        assert run(*given) == 0
        note = f"its difference from float32 was not measured ({cause})"
        assert f"raw-cnn@bf16: scored in bf16; {note}\n" in capsys.readouterr().err


def test_the_plan_and_the_profile_take_the_precision_too(
    toy: Path, weights: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("plan", toy, tmp_path / "run", weights, "--precision", "bf16") == 0
    assert "raw-cnn@bf16, lfcc-gmm" in capsys.readouterr().out
    options = ["--data", str(toy), "--suite", "clean", "--limit", "4", "--device", "cpu"]
    more = ["--checkpoint", str(weights["raw-cnn"]), "--precision", "bf16"]
    assert main(["profile", *options, *more]) == 0
    assert "raw-cnn@bf16" in capsys.readouterr().out


def test_detectors_outside_torch_score_in_float32(
    toy: Path, weights: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx_model(tmp_path / "m.onnx", ("n", 8000))
    program = torch.nn.Sequential(torch.nn.Linear(8000, 1))
    torch.jit.save(torch.jit.script(program), tmp_path / "m.pt")
    onnx = f'onnx(file="{model}", takes=waveform(samples=8000), bonafide=1)'
    script = f'torchscript(file="{tmp_path}/m.pt", takes=waveform(samples=8000), bonafide=high)'
    options = ("--detectors", f"{onnx}, {script}", "--precision", "bf16")
    folder = tmp_path / "run"
    assert run(toy, folder, {}, *options) == 0, capsys.readouterr().err
    assert f"{registry.get(onnx).name}: scored in float32" in capsys.readouterr().err
    found = dict(list(scores(folder).groupby("detector", observed=True)["score"]))
    assert set(found) == {registry.get(onnx).name, f"{registry.get(script).name}@bf16"}
    assert not in_bf16(found.pop(registry.get(onnx).name))
    assert in_bf16(*found.values())


@pytest.mark.parametrize(
    ("mode", "only", "message"),
    [
        ("tf32", "raw-cnn", "--precision tf32 is a mode of CUDA devices, and this run is on cpu"),
        ("bf61", "raw-cnn", "bf16"),
        ("bf16", "lfcc-gmm", "--precision bf16 changes nothing: no network is among lfcc-gmm"),
    ],
)
@pytest.mark.parametrize("name", ["run", "plan"])
def test_an_impossible_precision_is_refused_before_any_work(
    name: str, mode: str, only: str, message: str, toy: Path, weights: dict[str, Path],
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given = {only: weights[only]}
    assert command(name, toy, tmp_path / "run", given, "--precision", mode) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_network_that_bf16_cannot_compute_is_named_before_any_work(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "by_numpy.py"
    plugin.write_text(PLUGIN)
    path = tmp_path / "by-numpy.safetensors"
    arrays = {"mix.weight": np.ones((64, 8000), np.float32), "mix.bias": np.zeros(64, np.float32)}
    checkpoints.save(path, arrays, {"detector": "by-numpy"})
    given = {"by-numpy": path}
    assert run(toy, tmp_path / "exact", given, "--plugin", plugin) == 0
    capsys.readouterr()
    options = ("--plugin", plugin, "--precision", "bf16")
    assert run(toy, tmp_path / "coarse", given, *options) == 2
    error = capsys.readouterr().err
    assert "detector 'by-numpy' cannot be scored with --precision bf16 (TypeError(" in error
    assert not (tmp_path / "coarse").exists()


def test_a_folder_of_another_seed_is_refused_before_anything_is_measured(
    toy: Path, weights: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run(toy, tmp_path / "run", {"raw-cnn": weights["raw-cnn"]}) == 0
    monkeypatch.setattr(precision_check, "compare", lambda *_: pytest.fail("measured"))
    more = ("--seed", 1, "--precision", "bf16")
    assert run(toy, tmp_path / "run", {"raw-cnn": weights["raw-cnn"]}, *more) == 2
    assert "another seed" in capsys.readouterr().err


class Averaging(torch.nn.Module):
    """A score that depends on the whole batch."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Linear(8000, 1)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        scores = self.mix(batch).squeeze(1)
        return scores - scores.mean()


class Mixing(TensorDetector):
    input = Waveform(8000)

    def build(self) -> torch.nn.Module:
        return Averaging()


def test_a_detector_that_mixes_up_its_batch_is_found_in_bf16_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.names()
    monkeypatch.setattr(Mixing, "name", "mixing", raising=False)
    monkeypatch.setitem(registry._items, "mixing", Mixing)
    checkpoint = profile.untrained("mixing", tmp_path)
    assert checkpoint is not None
    coarse = precision.in_precision(checkpoint, "bf16")
    assert coarse.identity == f"{checkpoint.identity}|bf16"
    _, causes = Scorer([coarse], CPU)([builders.voice(n) for n in range(5)], [coarse.name])
    assert "score depends on the others of its batch" in causes["mixing@bf16"]


def test_the_sample_has_both_classes_and_does_not_depend_on_the_order(toy: Path) -> None:
    plan = planning.plan(RunConfig(DataConfig(toy), "clean"), scored=False)
    whole = plan.test.table
    few = whole[(whole["label"] == "spoof") | (whole.index < 3)]
    sample = precision_check.sample_of(replace(plan, test=replace(plan.test, table=few)))
    assert sample.bonafide.sum() == 2 and (~sample.bonafide).sum() == 12
    back = whole.iloc[::-1].reset_index(drop=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precision_check, "SAMPLE", 8)
        one = precision_check.sample_of(plan)
        two = precision_check.sample_of(replace(plan, test=replace(plan.test, table=back)))
    assert one.bonafide.sum() == 4 and len(one.waves) == 8
    assert {wave.tobytes() for wave in one.waves} == {wave.tobytes() for wave in two.waves}


def test_tf32_is_on_inside_and_off_again_even_after_an_error() -> None:
    flags = torch.backends.cuda.matmul, torch.backends.cudnn
    for flag in flags:
        flag.allow_tf32 = False
    with pytest.raises(ZeroDivisionError), precision.arithmetic("tf32", CPU):
        assert all(flag.allow_tf32 for flag in flags)
        _ = 1 / 0
    assert not any(flag.allow_tf32 for flag in flags)
    with precision.arithmetic("float32", CPU):
        assert not any(flag.allow_tf32 for flag in flags)


def test_a_device_too_old_for_tf32_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    with pytest.raises(InputError, match=re.escape("Tesla T4 is too old for it")):
        precision.require("tf32", device)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    precision.require("tf32", device)
