"""Frontends against librosa, and the padding rules."""

from __future__ import annotations

import builders
import librosa
import numpy as np
import pytest
import torch

from benchmark import frontends
from detectors.base import LogMel, Waveform

CPU = torch.device("cpu")


@pytest.mark.parametrize("spec", [LogMel(), LogMel(mels=64, n_fft=512, window=400, hop=160)])
def test_log_mel_equals_librosa(spec: LogMel) -> None:
    wave = builders.voice(1, 4.0)
    ours = frontends.batch(spec, [wave], CPU)[0, 0].numpy()
    power = librosa.feature.melspectrogram(
        y=wave,
        sr=16000,
        n_fft=spec.n_fft,
        win_length=spec.window,
        hop_length=spec.hop,
        n_mels=spec.mels,
        fmin=spec.fmin,
        fmax=spec.fmax,
        power=2.0,
    )
    np.testing.assert_allclose(ours, np.log(np.maximum(power, spec.floor)), atol=2e-3)


def test_image_has_the_asked_size() -> None:
    batch = frontends.batch(LogMel(image=(224, 224)), [builders.voice(1), builders.voice(2)], CPU)
    assert batch.shape == (2, 1, 224, 224)
    assert batch.dtype == torch.float32


def test_short_waves_are_tiled_or_padded_and_long_ones_cut() -> None:
    wave = np.arange(1, 6, dtype=np.float32)
    tiled = frontends.fixed_length(wave, Waveform(samples=12))
    assert tiled.tolist() == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2]
    padded = frontends.fixed_length(wave, Waveform(samples=7, pad="zero"))
    assert padded.tolist() == [1, 2, 3, 4, 5, 0, 0]
    assert frontends.fixed_length(wave, Waveform(samples=3)).tolist() == [1, 2, 3]


def test_other_sample_rates_are_resampled() -> None:
    batch = frontends.batch(
        Waveform(samples=22050, sample_rate=22050), [builders.voice(1, 1.0)], CPU
    )
    assert batch.shape == (1, 22050)


def test_an_item_does_not_depend_on_its_batch() -> None:
    waves = [builders.voice(seed, 1.0) for seed in range(4)]
    together = frontends.batch(LogMel(), waves, CPU)
    alone = torch.cat([frontends.batch(LogMel(), [wave], CPU) for wave in waves])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
