"""Detectors trained here: network sizes, scores, determinism and missing dependencies."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import nn
from torchvision.models import resnet18

from benchmark import frontends
from benchmark.assets import wheels
from benchmark.assets.wheel_catalog import WAKEFORGE
from benchmark.core import paths
from benchmark.core.errors import InputError
from benchmark.inference import detector_selection
from benchmark.metrics.discrimination import eer
from detectors.classical import gmm
from detectors.contract.base import Keep, LogMel, TensorDetector, WaveDetector, Waveform, registry
from detectors.contract.conformance import check
from detectors.layers.common import AttentivePooling, roll_and_flip
from tests.support import builders

BONAFIDE = [builders.voice(seed, 1.0, 100 + 10 * seed) for seed in range(8)]
SPOOF = [builders.fake(seed, 1.0, 100 + 10 * seed) for seed in range(8)]
LABELS = np.arange(16) < 8


def network(name: str) -> TensorDetector:
    item = registry.get(name)()
    assert isinstance(item, TensorDetector)
    return item


def wave_detector(name: str) -> WaveDetector:
    item = registry.get(name)()
    assert isinstance(item, WaveDetector)
    return item


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("raw-cnn", 16 * 66 + 32 * (16 * 16 + 2) + 64 * (32 * 8 + 2) + 129),
        ("mel-cnn", 93_153),
        ("image-cnn", 32 * 28 + 64 * 289 + 128 * 577 + 128 * (128 * 28 * 28 + 1) + 129),
        ("resnet18", 11_689_512 - 1000 * 513 + 513 - 2 * 64 * 49),
        ("resnet18-imagenet", 11_689_512 - 1000 * 513 + 513),
    ],
)
def test_networks_have_the_expected_number_of_parameters(name: str, parameters: int) -> None:
    item = network(name)
    assert sum(p.numel() for p in item.build().parameters()) == parameters


def test_the_raw_network_has_16_32_64_channels_on_one_second() -> None:
    item = network("raw-cnn")
    convolutions = [m for m in item.build().modules() if isinstance(m, nn.Conv1d)]
    assert [m.out_channels for m in convolutions] == [16, 32, 64]
    assert item.input == Waveform(samples=16000, sample_rate=16000)


def test_mixture_density_equals_scipy() -> None:
    rng = np.random.default_rng(0)
    weights, means = np.array([0.2, 0.5, 0.3]), rng.normal(size=(3, 4))
    variances = rng.uniform(0.2, 2, size=(3, 4))
    parts = {"weights": weights, "means": means, "variances": variances}
    state = {f"spoof.{k}": v.astype(np.float32) for k, v in parts.items()}
    frames = rng.normal(size=(20, 4))
    density = sum(
        w * multivariate_normal(m, np.diag(v)).pdf(frames)
        for w, m, v in zip(weights, means, variances, strict=True)
    )
    ours = gmm._log_likelihood(frames, state, "spoof")
    np.testing.assert_allclose(ours, np.log(density), atol=1e-5)


@pytest.mark.parametrize("name", ["lfcc-gmm", "mfcc-gmm"])
def test_mixtures_detect_a_tone_and_train_deterministically(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gmm, "COMPONENTS", 4)
    monkeypatch.setattr(gmm, "FRAMES", 500)  # fewer than the 800 per class, so frames are drawn
    item = wave_detector(name)
    state = item.fit([*BONAFIDE, *SPOOF], LABELS, 3)
    assert state["bonafide.means"].shape == (4, 60)
    assert all(value.dtype == np.float32 for value in state.values())
    again = item.fit([*BONAFIDE, *SPOOF], LABELS, 3)
    assert all(np.array_equal(state[key], again[key]) for key in state)
    fresh = [builders.voice(90, 1.3), builders.fake(91, 0.7)]
    scores = item.score(fresh, state)
    assert scores[0] > scores[1]


def test_random_scores_depend_only_on_samples_and_seed() -> None:
    item = wave_detector("random")
    first, second = ({"seed": np.array([seed])} for seed in (0, 1))
    waves = [np.float32(0.001 * k) + builders.voice(1, 0.1) for k in range(600)]
    scores = item.score(waves, first)
    np.testing.assert_array_equal(scores, item.score(waves, first))
    assert abs(np.corrcoef(scores, item.score(waves, second))[0, 1]) < 0.15
    assert abs(eer(scores, np.arange(600) % 2 == 0)[0] - 0.5) < 0.1
    assert -1 <= scores.min() < -0.98 and 0.98 < scores.max() < 1


def test_constant_scores_have_an_eer_of_exactly_half() -> None:
    item = wave_detector("constant")
    state = item.fit([], np.zeros(0, bool), 0)
    for order in (LABELS, LABELS[::-1]):
        assert eer(item.score([*BONAFIDE, *SPOOF], state), order)[0] == 0.5


def test_attentive_pooling_gives_weighted_moments() -> None:
    torch.manual_seed(0)
    pooling = AttentivePooling(3, 5)
    frames = torch.randn(2, 3, 7)
    weights = pooling.opinion(frames)[:, 0].softmax(1).detach().numpy()
    mean, deviation = pooling(frames).detach().chunk(2, dim=1)
    for item in range(2):
        for channel in range(3):
            values = frames[item, channel].numpy()
            average = np.average(values, weights=weights[item])
            spread = np.sqrt(np.average((values - average) ** 2, weights=weights[item]))
            assert float(mean[item, channel]) == pytest.approx(average, abs=1e-5)
            assert float(deviation[item, channel]) == pytest.approx(spread, abs=1e-4)


def test_copies_of_a_recording_get_the_same_shift_and_flip() -> None:
    batch = torch.arange(12.0).repeat(6, 2, 3, 1)
    pairs = torch.tensor([0, 0, 1, 1, 2, 2])
    augmented = roll_and_flip(batch, pairs, torch.Generator().manual_seed(1))
    assert augmented.shape == batch.shape
    for first in (0, 2, 4):
        assert torch.equal(augmented[first], augmented[first + 1])
    assert not torch.equal(augmented[0], augmented[2])
    assert torch.equal(augmented.sort(dim=3).values, batch)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up an empty torch hub folder without network access; return its checkpoint folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def offline(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    return tmp_path / "torch" / "hub" / "checkpoints"


def test_training_starts_from_imagenet_weights(hub: Path) -> None:
    item = network("resnet18-imagenet")
    torch.manual_seed(5)
    published = resnet18(weights=None).state_dict()
    hub.mkdir(parents=True)
    torch.save(published, hub / "resnet18-f37072fd.pth")
    assert item.unavailable() is None
    item.fetch()
    started = item.initial().state_dict()
    for name, values in published.items():
        if not name.startswith("fc."):
            assert torch.equal(started[f"resnet.{name}"], values), name
    assert started["resnet.fc.weight"].shape == (1, 512)


def test_missing_imagenet_weights_raise_an_error(hub: Path) -> None:
    item = network("resnet18-imagenet")
    assert "ImageNet weights are not on this machine" in (item.unavailable() or "")
    for attempt in (item.fetch, item.initial):
        with pytest.raises(
            InputError, match=r"could not be loaded from https.*no network.*f37072fd"
        ):
            attempt()


def test_imagenet_weights_that_contain_code_are_refused(hub: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "owned",)

    hub.mkdir(parents=True)
    torch.save({"conv1.weight": Evil()}, hub / "resnet18-f37072fd.pth")
    with pytest.raises(InputError, match="resnet18-imagenet needs"):
        network("resnet18-imagenet").initial()
    assert not (tmp_path / "owned").exists()


def test_wakehubert_without_its_wheel_raises_an_error(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no matching distribution")

    monkeypatch.setattr(wheels.subprocess, "run", refused)
    item = registry.get("wakehubert")()
    assert "its encoder is not on this machine" in (item.unavailable() or "")
    with pytest.raises(
        InputError, match=r"wakehubert needs its encoder from the wheel ovos.*no matching"
    ):
        item.fetch()


def test_trained_wakehubert_contains_its_encoder(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAUNDERBENCH_CACHE")
    wheel = paths.wheels() / WAKEFORGE.filename
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(cache))
    if not wheel.is_file():
        pytest.skip(f"the encoder's wheel is not in the user's cache ({wheel})")
    paths.wheels().mkdir(parents=True)
    shutil.copy(wheel, paths.wheels())
    item = wave_detector("wakehubert")
    state = item.fit([*BONAFIDE, *SPOOF], LABELS, 0)
    shutil.rmtree(paths.wheels())  # a trained detector needs no wheel
    scores = item.score([*BONAFIDE, *SPOOF], state)
    assert scores[LABELS].mean() > scores[~LABELS].mean()
    assert item.score([], state).shape == (0,)


def test_default_detectors_are_the_listed_ones_and_plugins() -> None:
    names = detector_selection.default()
    assert set(detector_selection.DEFAULT) <= set(names)
    for name in set(names) - set(detector_selection.DEFAULT):
        assert not registry.get(name).__module__.startswith("detectors.")


def test_all_omits_unavailable_detectors_and_reports_why(hub: Path, cache: Path) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    assert "resnet18-imagenet" not in detector_selection.every()
    assert {"vit", "lfcc-lcnn", *detector_selection.DEFAULT} <= set(detector_selection.every())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wheels.subprocess, "run", refused)
        messages = {line.split(": ")[1]: line for line in detector_selection.fetch_missing()}
    assert set(messages) == {"resnet18-imagenet", "wakehubert"}
    assert all("no network" in line for line in messages.values())


def test_filtered_network_ignores_other_bands_and_weak_bins() -> None:
    cls = registry.get("filtered-cnn(low=300, high=3400, threshold=30, mels=64)")
    assert cls.name == "filtered-cnn(low=300, high=3400, threshold=30, mels=64)"
    assert issubclass(cls, TensorDetector)
    keep = Keep(bands=((300.0, 3400.0),), threshold_db=30.0)
    assert cls.input == LogMel(mels=64, fmin=300.0, fmax=3400.0, keep=keep)
    cpu, time = torch.device("cpu"), np.arange(64000) / 16000
    loud, outside, quiet = (
        level * np.hanning(64000) * np.sin(2 * np.pi * hertz * time)
        for level, hertz in ((0.3, 1000), (0.3, 5000), (0.003, 2000))
    )
    waves = [wave.astype(np.float32) for wave in (loud, loud + outside, loud + quiet)]
    batch = frontends.batch(cls.input, waves, cpu)
    torch.testing.assert_close(batch[1], batch[0], atol=0.05, rtol=0)
    torch.testing.assert_close(batch[2], batch[0], atol=0.05, rtol=0)
    assert check(cls) == []


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("filtered-cnn(low=3000, high=2000)", "low=3000 must be below high=2000"),
        ("filtered-cnn(threshold=0)", "threshold=0 is out of range"),
        ("filtered-cnn(hi=2000)", "hi"),
    ],
)
def test_invalid_filters_are_refused(spelling: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        registry.get(spelling)()
