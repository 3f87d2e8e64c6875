"""The vocoders: HiFi-GAN by its shapes; all of them by spectral distance if wheels are cached."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils.parametrizations import weight_norm

from benchmark.assets.wheel_catalog import HIFIGAN, HIFIGAN_16K, LART
from benchmark.audio.reader import SAMPLE_RATE, Wave
from benchmark.audio.speech_level import active_level
from benchmark.core import paths
from benchmark.data.embedded import human_speech
from benchmark.data.embedded.post_processing import treat
from benchmark.data.embedded.voice_activity import CONTEXT, SEGMENT
from benchmark.synthesis import hifigan, vocoders
from benchmark.synthesis.systems import BY_NAME

COPIERS = ("hifigan-universal", "hifigan-16k", "hifigan-lj", "world", "griffin-lim")


def test_generator_upsamples_by_256() -> None:
    torch.manual_seed(0)
    model = hifigan.Generator().eval()
    with torch.inference_mode():
        wave = model(torch.randn(2, 80, 5))
    assert wave.shape == (2, 1, 5 * 256)
    assert wave.abs().max() <= 1
    assert sum(p.numel() for p in model.parameters()) == 13_926_017  # V1, as published: 13.92 M


def test_weight_norm_is_folded_in() -> None:
    torch.manual_seed(1)
    model = hifigan.Generator().eval()
    state: dict[str, torch.Tensor] = {}
    for name, value in model.state_dict().items():
        if name.endswith("weight"):
            state[name + "_g"] = torch.rand(value.shape[0], *[1] * (value.dim() - 1))
            state[name + "_v"] = torch.randn_like(value)
        else:
            state[name] = value
    loaded = hifigan.load(state)
    reference = weight_norm(torch.nn.Conv1d(80, 512, 7, padding=3))
    reference.parametrizations.weight.original0.data = state["conv_pre.weight_g"]
    reference.parametrizations.weight.original1.data = state["conv_pre.weight_v"]
    assert torch.allclose(loaded.conv_pre.weight, reference.weight, atol=1e-6)


def test_mel_has_one_frame_per_hop_and_the_tone_in_its_band() -> None:
    spec = hifigan.MelSpec(SAMPLE_RATE, n_fft=640, hop=160)
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / SAMPLE_RATE).astype(np.float32)
    mel = spec(tone)
    assert mel.shape == (1, 80, 100)
    centres = np.linspace(0, 8000, 321)[spec.filters().argmax(dim=1).numpy()]
    assert abs(centres[int(mel[0, :, 50].argmax())] - 1000) < 60


def lag(before: Wave, after: Wave) -> int:
    """Return the delay in samples of the envelope of `after` against that of `before`."""
    from scipy.signal import butter, sosfiltfilt

    band = butter(4, [1000, 6000], "bandpass", fs=SAMPLE_RATE, output="sos")
    flutter = butter(2, [2, 40], "bandpass", fs=SAMPLE_RATE, output="sos")
    x, y = (sosfiltfilt(flutter, np.abs(sosfiltfilt(band, w))) for w in (before, after))
    reach, size = 400, 2 ** int(np.ceil(np.log2(2 * x.size)))
    cross = np.fft.irfft(np.fft.rfft(y, size) * np.conj(np.fft.rfft(x, size)))
    return int(np.argmax(np.concatenate([cross[-reach:], cross[:reach]]))) - reach


@pytest.fixture(scope="module")
def crop() -> Wave:
    store = paths.wheels()
    if not all((store / w.filename).is_file() for w in (LART, HIFIGAN, HIFIGAN_16K)):
        pytest.skip("data wheels are not in the cache (launderbench data build)")
    recording, wave = next(human_speech.recordings(store))
    assert recording.speaker == "eng-f1"
    return treat(wave[160000 - CONTEXT : 160000 + SEGMENT + CONTEXT])


@pytest.mark.parametrize("system", COPIERS)
def test_a_copy_sounds_like_its_source(crop: Wave, system: str) -> None:
    if BY_NAME[system].missing():
        pytest.skip(f"{system} lacks {BY_NAME[system].missing()}")
    copied = vocoders.copy(system, crop, paths.wheels())
    assert copied.shape == crop.shape
    assert copied.dtype == np.float32
    spec = hifigan.MelSpec(SAMPLE_RATE, n_fft=640, hop=160)
    before, after = (spec(wave).numpy().ravel() for wave in (crop, treat(copied)))
    assert np.corrcoef(before, after)[0, 1] > 0.9
    assert np.abs(before - after).mean() < 0.6  # natural log: 5 dB
    assert abs(lag(crop, copied)) <= 80  # 5 ms
    level = 20 * np.log10(active_level(copied, SAMPLE_RATE))
    assert level == pytest.approx(-26.0, abs=4.0)
    assert np.corrcoef(crop, copied)[0, 1] < 0.999  # resynthesised, not passed through


def test_a_copy_is_repeatable(crop: Wave) -> None:
    short = crop[:16000]
    for system in ("hifigan-16k", "griffin-lim"):
        first, second = (vocoders.copy(system, short, paths.wheels()) for _ in range(2))
        assert np.array_equal(first, second)
