"""Published networks give the same outputs as their authors' code."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.fft
import scipy.signal
import torch

from benchmark import frontends
from benchmark.inference import checkpoints, published_weights
from benchmark.inference.scorer import BATCH, Scorer
from detectors.contract.base import Lfcc, WholeWaveform, registry
from detectors.layers.sinc_filters import band_passes
from tests.support import builders
from tests.support.places import GOLDEN

CPU = torch.device("cpu")
NAMES = sorted(published_weights.index())


@cache
def inputs() -> npt.NDArray[np.float32]:
    return np.load(GOLDEN / "pretrained_parity_inputs.npz")["inputs"]


def reference(name: str) -> npt.NDArray[np.float64]:
    text = (GOLDEN / "pretrained_parity.json").read_text()
    return np.array(json.loads(text)["logits"][name])


def file_of(name: str) -> Path:
    """Return the cached weight file; skip the test if it is missing."""
    entry = published_weights.find(name)
    if entry.state() != "cached":
        pytest.skip(f"needs published weights: launderbench weights fetch {name}")
    return entry.cached


def network(name: str) -> torch.nn.Module:
    model = registry.get(name)().build().eval()
    arrays = checkpoints.foreign(name, file_of(name), {}).arrays()
    model.load_state_dict({key: torch.from_numpy(value) for key, value in arrays.items()})
    return model


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_the_authors_code(name: str) -> None:
    model = network(name)
    batch = frontends.batch(registry.get(name).input, list(inputs()), CPU)
    outputs = getattr(model, "logits", model)
    with torch.inference_mode():
        together, alone = outputs(batch).numpy(), outputs(batch[1:2]).numpy()
    wanted = reference(name)
    assert together.shape == wanted.shape
    np.testing.assert_allclose(together, wanted, atol=1e-4)  # measured: 4e-6 to 3e-5
    np.testing.assert_allclose(alone[0], together[1], atol=1e-4)


@pytest.mark.parametrize("name", ["aasist-l-2019la", "lfcc-lcnn-lstm-2019la"])
def test_scores_are_the_bona_fide_logit_of_the_cut_or_tiled_wave(name: str) -> None:
    ready = checkpoints.foreign(name, file_of(name), {})
    wave = inputs()[0]
    longer = np.concatenate([wave, builders.voice(1, 0.5)])
    tiled = np.tile(wave[:20000], 4)[: wave.size]
    scores = Scorer([ready], CPU)([wave, longer, wave[:20000], tiled], [name])[0][name]
    wanted = reference(name)[0]
    assert scores[0] == pytest.approx(np.atleast_1d(wanted)[-1], abs=1e-4)
    cuts = not frontends.keeps_length(registry.get(name).input)
    assert (scores[1] == scores[0]) == cuts
    assert (scores[2] == scores[3]) == cuts


def test_waves_of_any_length_score_equally_alone_and_in_a_batch() -> None:
    name = "lfcc-lcnn-lstm-2019la"
    scorer = Scorer([checkpoints.foreign(name, file_of(name), {})], CPU)
    lengths = [1, 100, 2399, 2400, 16000, 16000, 31999, 16000, 800]
    waves = [builders.voice(seed, 2.0)[:length] for seed, length in enumerate(lengths)]
    waves += [builders.voice(50 + seed, 0.5) for seed in range(BATCH)]
    together, causes = scorer(waves, [name])
    assert not causes
    assert np.isfinite(together[name]).all()
    alone = np.concatenate([scorer([wave], [name])[0][name] for wave in waves])
    np.testing.assert_allclose(together[name], alone, atol=1e-4)
    padded = np.tile(waves[2], 2)[:2400]
    assert scorer([padded], [name])[0][name][0] == pytest.approx(alone[2], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("aasist-2019la", 297_866),  # as published
        ("aasist-l-2019la", 85_306),
        ("rawgat-st-mul-2019la", 436_778),  # "0.44 M"
    ],
)
def test_parameter_counts_equal_the_published_ones(name: str, parameters: int) -> None:
    assert sum(p.numel() for p in registry.get(name)().build().parameters()) == parameters


@pytest.mark.parametrize("name", ["aasist-l", "rawnet2"])
def test_architectures_can_be_trained(name: str) -> None:
    torch.manual_seed(0)
    model = registry.get(name)().build().train()
    scores = model(torch.from_numpy(np.stack([builders.voice(1, 64600 / 16000)] * 2)))
    assert scores.shape == (2,)
    scores.sum().backward()
    without_gradient = {n for n, p in model.named_parameters() if p.grad is None}
    assert not {n for n in without_gradient if ".bn1." not in n}  # `bn1` is never used


def test_rawnet2_equals_the_baseline() -> None:
    """Compare with golden values: the ASVspoof 5 baseline's code on equal weights and waves."""
    model = registry.get("rawnet2")().build().eval()
    rng = np.random.default_rng(7)
    state = {}
    for key, value in sorted(model.state_dict().items()):
        if key.endswith("num_batches_tracked"):
            state[key] = torch.zeros((), dtype=torch.int64)
            continue
        draw = rng.standard_normal(tuple(value.shape)).astype(np.float32)
        if key.endswith("running_var"):
            draw = np.float32(0.5) + np.abs(draw)
        elif value.dim() > 1:
            draw = draw / np.float32(np.sqrt(value[0].numel()))
        else:
            scale = key.endswith("weight")  # a normalisation layer
            draw = np.float32(0.2) * draw + np.float32(scale)
        state[key] = torch.from_numpy(draw)
    model.load_state_dict(state)
    time = np.arange(64600) / 16000
    chirp = 0.1 * np.sin(2 * np.pi * (200 * time + 400 * time**2))
    decaying_chirp = 0.1 * np.sin(2 * np.pi * (200 * time + 700 * time**2)) * np.exp(-time)
    waves = torch.from_numpy(np.stack([chirp, decaying_chirp]).astype(np.float32))
    with torch.inference_mode():
        logits = model.logits(waves).numpy()
    golden = [[-0.3170481, -0.08563823], [-0.31982756, -0.08580467]]
    np.testing.assert_allclose(logits, golden, atol=1e-5)


def test_sinc_filters_pass_their_bands() -> None:
    bank = band_passes(20, 1025)
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 21)
    edges = 700 * (10 ** (mel / 2595) - 1)
    for taps, low, high in zip(bank, edges[:-1], edges[1:], strict=True):
        hertz, gain = scipy.signal.freqz(taps, worN=8192, fs=16000)
        inside = (hertz > low + 30) & (hertz < high - 30)
        outside = (hertz < low - 40) | (hertz > high + 40)
        np.testing.assert_allclose(np.abs(gain[inside]), 1, atol=0.01)
        assert np.abs(gain[outside]).max() < 0.01


def test_lfcc_equals_numpy_and_scipy() -> None:
    wave = builders.voice(3, 1.0).astype(np.float64)
    ours = frontends.batch(Lfcc(WholeWaveform(2400)), [wave.astype(np.float32)], CPU)[0, 0].numpy()
    emphasised = scipy.signal.lfilter([1, -0.97], [1], wave)
    padded = np.pad(emphasised, 256)
    frames = np.stack([padded[s : s + 512] for s in range(0, wave.size + 1, 160)])
    window = np.pad(scipy.signal.get_window("hamming", 320), 96)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    corners = np.linspace(0, 8000, 22)
    hertz = np.linspace(0, 8000, 257)
    triangles = [np.interp(hertz, corners[k : k + 3], [0, 1, 0]) for k in range(20)]
    eps = np.finfo(np.float32).eps
    static = scipy.fft.dct(np.log10(power @ np.array(triangles).T + eps), norm="ortho", axis=1)
    static[:, 0] = np.log10(power.sum(axis=1) / 512 + eps)
    edged = np.pad(static, ((1, 1), (0, 0)), mode="edge")
    delta = edged[2:] - edged[:-2]
    edged = np.pad(delta, ((1, 1), (0, 0)), mode="edge")
    wanted = np.concatenate([static, delta, edged[2:] - edged[:-2]], axis=1).T
    assert ours.shape == (60, 101)
    np.testing.assert_allclose(ours, wanted, atol=2e-3)
