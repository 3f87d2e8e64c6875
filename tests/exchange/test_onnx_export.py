"""Export of detectors as ONNX: content, comparison and calibration of the files.

Scores are compared with those of the network. The layers in 8 bits are read from the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from benchmark import frontends
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import loading
from benchmark.exchange import onnx_export
from benchmark.exchange.onnx_export import ComparisonBasis, OnnxComparison
from benchmark.exchange.onnx_samples import Signals, gathered
from benchmark.inference import checkpoints
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import loaded_network
from benchmark.training import train_detector
from benchmark.training.training_config import TrainingConfig
from detectors.contract.base import LogMel, registry
from tests.support import builders
from tests.support.builders import RATE, fake, voice

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    out = tmp_path_factory.mktemp("export") / "mel.safetensors"
    config = TrainingConfig(0, {"epochs": 1, "batch_size": 8})
    return train_detector.train("mel-cnn", loading.open_data(toy), CPU, out, config)


@pytest.fixture(scope="module")
def files(
    trained: Checkpoint, toy: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, list[str]]:
    """The float file, the int8 file, and the lines to print about them."""
    file = tmp_path_factory.mktemp("files") / "mel.onnx"
    lines = [*onnx_export.export(trained, file, True, toy)]
    return file, file.with_name("mel.int8.onnx"), lines


def waves() -> tuple[list[np.ndarray], torch.Tensor, LogMel]:
    """Return some waves, the same as a batch, and the input of the mel-cnn."""
    rng = np.random.default_rng(1)
    examples = [voice(1, 4.0), fake(2, 4.0), rng.standard_normal(64000).astype(np.float32)]
    item = registry.get("mel-cnn")()
    return examples, frontends.waveforms(item.input.waveform, examples, CPU), item.input


def own_scores(trained: Checkpoint) -> np.ndarray:
    examples, _, spec = waves()
    item = registry.get("mel-cnn")()
    with torch.inference_mode():
        return loaded_network(trained, item)(frontends.batch(spec, examples, CPU)).numpy()


def facts(path: Path) -> dict[str, str]:
    entries = onnx.load(path).metadata_props
    return {entry.key.removeprefix("launderbench."): entry.value for entry in entries}


def test_an_exported_file_scores_as_the_detector(
    trained: Checkpoint, files: tuple[Path, Path, list[str]]
) -> None:
    own = own_scores(trained)
    _, batch, _ = waves()
    session = runtime.InferenceSession(str(files[0]))
    (scores,) = session.run(None, {"waves": batch.numpy()})
    np.testing.assert_allclose(scores, own, atol=1e-3)
    (alone,) = session.run(None, {"waves": batch[:1].numpy()})
    np.testing.assert_allclose(alone, own[:1], atol=1e-3)


def test_the_metadata_describe_the_file(
    trained: Checkpoint,
    files: tuple[Path, Path, list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, small, _ = files
    onnx.checker.check_model(onnx.load(file), full_check=True)
    entries = facts(file)
    assert entries["detector"] == entries["name"] == "mel-cnn"
    assert entries["weights_sha256"] == trained.identity.rpartition("sha256:")[2]
    assert "higher = more bona fide" in entries["score"]
    assert float(entries["threshold"]) == trained.facts["dev_threshold"]
    assert facts(small) == {
        **entries, "calibrated": "24 train utterances of 'toy', clean and in noise"
    }  # fmt: skip
    for path in (file, small):  # no path of this machine
        assert str(tmp_path.parts[1]).encode() + b"/" not in path.read_bytes()
    # the benchmark's own reader of such files needs only their metadata
    audio = tmp_path / "a.wav"
    soundfile.write(audio, voice(1, 4.0), RATE, "FLOAT")
    assert main(["score", f"onnx(file={file})", str(audio)]) == 0
    read = capsys.readouterr().out.split("\t")
    assert float(read[1]) == pytest.approx(float(own_scores(trained)[0]), abs=1e-3)


def test_the_printed_lines_about_the_files(files: tuple[Path, Path, list[str]]) -> None:
    file, small, lines = files
    sizes = [path.stat().st_size for path in (file, small)]
    assert lines[0].startswith(f"{file}: {sizes[0]:,} bytes, ")
    assert "differ from the detector's on 12 dev utterances of 'toy' by " in lines[0]
    assert "and on 8 noises by at most" in lines[0]
    assert lines[2].startswith(f"{small}: {sizes[1]:,} bytes, ")
    assert lines[3].startswith(f"int8 relative to float: {sizes[1] / sizes[0]:.2f} of the size, ")
    assert lines[3].endswith("; calibrated on 24 train utterances of 'toy', clean and in noise")
    assert all(line.startswith("warning: ") for line in lines[4:])


def test_8_bits_hold_the_inner_layers_and_neither_frontend_nor_head(
    trained: Checkpoint, files: tuple[Path, Path, list[str]]
) -> None:
    graph = onnx.load(files[1]).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    producer = {output: node for node in graph.node for output in node.output}

    def in_8_bits(node: Any) -> bool:
        sources = [producer.get(name) for name in node.input[:2]]
        return all(s is not None and s.op_type == "DequantizeLinear" for s in sources)

    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 3 and all(map(in_8_bits, convolutions))
    for node in convolutions:
        assert types[producer[node.input[1]].input[0]] == onnx.TensorProto.INT8
    others = [node for node in graph.node if node.op_type in ("Gemm", "MatMul", "STFT")]
    assert len(others) == 3 and not any(map(in_8_bits, others))
    assert not any("Relu" in node.op_type for node in graph.node)  # the ranges clip below 0
    _, batch, _ = waves()
    (scores,) = runtime.InferenceSession(str(files[1])).run(None, {"waves": batch.numpy()})
    own = own_scores(trained)
    assert np.abs(scores - own).max() < 0.1 * own.std()


def test_8_bits_score_an_unseen_noise_correctly(
    trained: Checkpoint, files: tuple[Path, Path, list[str]]
) -> None:
    """Its seed differs from those of comparison and calibration; its levels lie between theirs."""
    rng = np.random.default_rng(7)
    noises = [(level * rng.standard_normal(64000)).astype(np.float32) for level in (0.2, 0.02)]
    item = registry.get("mel-cnn")()
    batch = frontends.waveforms(item.input.waveform, noises, CPU)
    with torch.inference_mode():
        own = loaded_network(trained, item)(frontends.features(item.input, batch)).numpy()
    (scores,) = runtime.InferenceSession(str(files[1])).run(None, {"waves": batch.numpy()})
    assert np.abs(scores - own).max() < 0.1 * own_scores(trained).std()


def test_float_needs_no_data_set_and_int8_does(
    trained: Checkpoint, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mel.onnx"
    assert main(["export", str(trained.path), "--onnx", str(file)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert "on 8 noises by at most" in first
    assert "(no utterances: the embedded data set is not built in" in first
    file.unlink()
    assert main(["export", str(trained.path), "--onnx", str(file), "--int8"]) == 2
    error = capsys.readouterr().err
    assert "--int8 needs speech for calibration: the embedded data set is not built" in error
    assert "--train-data" in error and not file.exists()


class Energy(torch.nn.Module):
    """Mean log energy (B,) of an LFCC batch (B, 1, 60, frames)."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch[:, 0, 0].mean(dim=1)


def test_a_window_that_onnx_defines_differently_is_exported() -> None:
    """LFCC use a Hamming window with 0.54; that of ONNX has 25/46."""
    spec = registry.get("lfcc-lcnn")().input  # type: ignore[attr-defined]
    batch = frontends.waveforms(frontends.waveform_of(spec), waves()[0], CPU)
    module = onnx_export.FrontendAndNetwork(spec, Energy()).eval()
    model = onnx_export._convert(module, batch, spec, "energy")
    scores = onnx_export._session(model.SerializeToString())(batch)
    np.testing.assert_allclose(scores, module(batch).numpy(), atol=1e-4)


def with_facts(trained: Checkpoint, tmp_path: Path, changes: dict[str, Any]) -> Checkpoint:
    path = tmp_path / "other.safetensors"
    known = {key: value for key, value in (trained.facts | changes).items() if value is not None}
    checkpoints.save(path, trained.arrays(), known)
    return checkpoints.load(path)


def embedded_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmark.data import embedded

    monkeypatch.setattr(embedded, "read", lambda: loading.open_data(folder), raising=False)


def test_weights_trained_on_other_data_need_that_data_named(
    trained: Checkpoint, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded_is(toy, monkeypatch)
    assert not gathered(trained, None, True).notes
    elsewhere = with_facts(
        trained, tmp_path, {"train_digest": "0" * 64, "audio_digest": "1" * 64, "data": "mine"}
    )
    with pytest.raises(InputError, match=r"the data set 'mine' and not the embedded one.*--train"):
        gathered(elsewhere, None, True)
    assert len(gathered(elsewhere, None, False).utterances) == 12  # sufficient for comparison
    (note,) = gathered(elsewhere, toy, True).notes
    assert note == "'mel-cnn' was not trained on the calibration data"
    of_unknown = with_facts(trained, tmp_path, {"train_digest": None})
    (note,) = gathered(of_unknown, None, True).notes
    assert note == "it is unknown whether 'mel-cnn' was trained on the calibration data"


def compared(signals: Signals) -> list[bytes]:
    return [wave.tobytes() for wave in (*signals.utterances, *signals.noises)]


def test_comparison_and_calibration_share_no_signal(trained: Checkpoint, toy: Path) -> None:
    found = gathered(trained, toy, True)
    assert not {*compared(found)} & {wave.tobytes() for wave in found.calibration}
    clean, mixed = found.calibration[:24], found.calibration[24:36]
    for wave, noisy, snr in zip(clean[::2], mixed, 3 * (0, 10, 20, 30), strict=True):
        noise = noisy.astype(np.float64) - wave
        actual = 10 * np.log10(np.square(wave, dtype=np.float64).sum() / np.square(noise).sum())
        assert actual == pytest.approx(snr, abs=0.25)  # 16,000 draws
    again = gathered(trained, toy, True)
    assert compared(again) == compared(found)


def test_a_data_set_without_the_splits_is_refused(trained: Checkpoint, tmp_path: Path) -> None:
    without_train = builders.corpus(tmp_path / "a", train=0)
    assert len(gathered(trained, without_train, False).utterances) == 12
    with pytest.raises(InputError, match=r"the train split of .* has no bonafide utterance"):
        gathered(trained, without_train, True)
    without_dev = builders.corpus(tmp_path / "b", train=4, dev=0)
    found = gathered(trained, without_dev, False)
    assert not found.utterances
    assert found.source == "no utterances: 'toy' has no dev split"
    with pytest.raises(InputError, match=r"--int8 needs a dev split for comparison, .*b lacks"):
        gathered(trained, without_dev, True)


@pytest.mark.parametrize(
    ("deviations", "times", "warned"),
    [
        ([0.05, 0.02, 0.09], (1.0, 2.0), []),
        ([0.05, 0.02, 0.09], (2.1, 2.0), ["not faster on this machine (1.05 of the float time)"]),
        ([0.05, 0.02, 0.09], (2.09, 2.0), []),
        ([0.05, 0.02, 0.3], (1.0, 2.0), ["differ by up to 0.3 from"]),
        ([0.05, 0.3, 0.02], (3.0, 2.0), ["(1.50 of the float time)", "differ by up to 0.3 from"]),
    ],
)
def test_an_8_bit_file_that_is_slow_or_inaccurate_gives_a_warning(
    deviations: Sequence[float], times: tuple[float, float], warned: list[str]
) -> None:
    own = np.array([-1.0, 1.0, 5.0], np.float32)  # a spread of 1 on the utterances
    basis = ComparisonBasis(torch.zeros(3, 4), own, 2, "dev utterances of 'x'")
    comparison = OnnxComparison(Path("f"), basis, np.array(deviations, np.float32), 10, *times)
    lines = [*comparison.warnings()]
    assert len(lines) == len(warned)
    for line, part in zip(lines, warned, strict=True):
        assert line.startswith("warning: ") and part in line


def test_a_detector_that_is_not_a_network_is_not_exported(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "s.safetensors"
    train_detector.train("shortcut", loading.open_data(toy), CPU, out, TrainingConfig())
    given = ["export", str(out), "--onnx", str(tmp_path / "s.onnx"), "--train-data", str(toy)]
    assert main(given) == 2
    assert "'shortcut' is not a network: only networks can be exported" in capsys.readouterr().err
