"""The scorer: independence of the batch, failing detectors, and refused checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark import frontends
from benchmark.core.errors import InputError
from benchmark.inference import checkpoints
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import BATCH, Scorer, resolve_device
from detectors.contract.base import TensorDetector, WaveDetector, Waveform, registry
from tests.support import builders

CPU = torch.device("cpu")
WAVES = [builders.voice(s, 0.5 + 0.3 * s) if s % 2 else builders.fake(s, 4.5) for s in range(6)]


# one of each kind; test_detectors_conformance.py checks every detector
KINDS = ("mel-cnn", "raw-cnn", "lfcc-gmm", "shortcut", "random")


def untrained(name: str, folder: Path) -> Checkpoint:
    """Write a checkpoint of `name`, untrained or fitted to `WAVES` only, and load it."""
    item = registry.get(name)()
    torch.manual_seed(1)
    if isinstance(item, TensorDetector):
        arrays = {k: v.numpy() for k, v in item.build().state_dict().items()}
    else:
        assert isinstance(item, WaveDetector)
        arrays = item.fit(WAVES, np.array([True, False] * 3), 0)
    path = folder / f"{name}.safetensors"
    checkpoints.save(path, arrays, {"detector": name})
    return checkpoints.load(path)


@pytest.mark.parametrize("name", KINDS)
def test_scores_are_finite_and_independent_of_the_batch(name: str, tmp_path: Path) -> None:
    scorer = Scorer([untrained(name, tmp_path)], CPU)
    together, causes = scorer(WAVES, [name])
    assert not causes
    assert together[name].shape == (len(WAVES),)
    assert together[name].dtype == np.float32
    assert np.isfinite(together[name]).all()
    alone = np.concatenate([scorer([wave], [name])[0][name] for wave in WAVES])
    np.testing.assert_allclose(together[name], alone, atol=1e-4)
    backwards = scorer(WAVES[::-1], [name])[0][name][::-1]
    np.testing.assert_allclose(together[name], backwards, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_scoring_twice_is_bit_identical(name: str, tmp_path: Path) -> None:
    ready = untrained(name, tmp_path)
    first = Scorer([ready], CPU)(WAVES, [name])[0][name]
    second = Scorer([ready], CPU)(WAVES, [name])[0][name]
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("name", KINDS)
def test_silence_and_very_short_utterances_get_scores(name: str, tmp_path: Path) -> None:
    hard = [np.zeros(16000, np.float32), np.full(1, 0.1, np.float32), builders.voice(1, 0.05)]
    scores, causes = Scorer([untrained(name, tmp_path)], CPU)(hard, [name])
    assert not causes
    assert np.isfinite(scores[name]).all()


def test_detectors_with_one_input_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer([untrained("mel-cnn", tmp_path), untrained("resnet18", tmp_path)], CPU)
    calls: list[object] = []
    for step in ("waveforms", "features"):
        original = getattr(frontends, step)
        counted = partial(_counted, calls, original)
        monkeypatch.setattr(frontends, step, counted)
    scorer([WAVES[0]] * (BATCH + 1), ["mel-cnn", "resnet18"])
    assert len(calls) == 2 * 2  # two steps in each of two batches, not per detector


def _counted(calls: list[object], original: Callable[..., object], *arguments: object) -> object:
    calls.append(arguments[0])
    return original(*arguments)


class Reversing(torch.nn.Module):
    """A network that returns the level of each wave as the score of another one in the batch."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.square().mean(dim=1).flip(0)


class MixingNetwork(TensorDetector):
    input = Waveform(8000)

    def build(self) -> torch.nn.Module:
        return Reversing()


class Copying(Reversing):
    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        scores = waves.abs().mean(1)
        if len(scores) > 3:
            scores[3] = scores[2]
        return scores


class CopyingNetwork(MixingNetwork):
    def build(self) -> torch.nn.Module:
        return Copying()


class MixingWaveDetector(WaveDetector):
    def fit(self, waves, bonafide, seed):  # type: ignore[no-untyped-def]
        return {"none": np.zeros(1, np.float32)}

    def score(self, waves, state):  # type: ignore[no-untyped-def]
        levels = np.array([np.abs(wave).mean() for wave in waves])
        return levels - levels.mean()


@pytest.mark.parametrize("cls", [MixingNetwork, CopyingNetwork, MixingWaveDetector])
def test_a_detector_that_mixes_up_its_batch_gets_no_scores(
    cls: type[TensorDetector | WaveDetector], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.names()
    monkeypatch.setattr(cls, "name", "mixing", raising=False)
    monkeypatch.setitem(registry._items, "mixing", cls)
    scorer = Scorer([untrained("mixing", tmp_path), untrained("shortcut", tmp_path)], CPU)
    assert "mixing" in scorer([WAVES[0]], ["mixing"])[0]  # a batch of one cannot be mixed up
    scores, causes = scorer(WAVES, ["mixing", "shortcut"])
    assert set(scores) == {"shortcut"}
    assert "score depends on the others of its batch" in causes["mixing"]
    assert "mixing" in scorer(WAVES, ["mixing"])[1]  # the same in every later batch


def test_an_absent_cuda_device_is_an_error_not_a_fallback() -> None:
    if torch.cuda.is_available():
        assert resolve_device("auto").type == "cuda"
        pytest.skip("this machine has CUDA: its absence cannot be tried")
    assert resolve_device("auto").type == "cpu"
    with pytest.raises(InputError, match="'cuda' is not available"):
        resolve_device("cuda")
    with pytest.raises(InputError, match="unknown device 'gpu'"):
        resolve_device("gpu")


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    right = untrained("mel-cnn", tmp_path)
    wrong = tmp_path / "wrong.safetensors"
    checkpoints.save(wrong, right.arrays(), {"detector": "raw-cnn"})
    with pytest.raises(InputError, match=r"wrong\.safetensors does not fit raw-cnn"):
        Scorer([checkpoints.load(wrong)], CPU)


def test_a_pickle_is_refused_and_never_executed(tmp_path: Path) -> None:
    path = tmp_path / "evil.safetensors"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR.")
    with pytest.raises(InputError, match="not a safetensors checkpoint"):
        checkpoints.load(path)
    assert not (tmp_path / "owned").exists()


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = untrained("raw-cnn", tmp_path).path
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a safetensors checkpoint"):
        checkpoints.load(path)
