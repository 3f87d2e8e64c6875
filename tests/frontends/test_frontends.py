"""Frontends compared with librosa and scipy, the bins they keep, and the padding rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.signal
import torch

from benchmark import frontends
from benchmark.core.errors import InputError
from detectors.contract.base import Cqt, Image, Keep, Lfcc, LogMel, Mfcc, Spectrogram, Waveform
from tests.support import builders

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


def test_image_has_the_requested_size() -> None:
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


def test_linear_spectrogram_equals_scipy() -> None:
    spec = Spectrogram()
    wave = builders.voice(3, 4.0)
    ours = frontends.batch(spec, [wave], CPU)[0, 0].numpy()
    centred = (spec.n_fft - spec.window) // 2
    window = np.pad(scipy.signal.windows.hann(spec.window, sym=False), centred)
    padded = np.pad(wave.astype(np.float64), spec.n_fft // 2)
    framed = np.lib.stride_tricks.sliding_window_view(padded, spec.n_fft)[:: spec.hop]
    power = np.abs(scipy.fft.rfft(framed * window, axis=1).T) ** 2
    np.testing.assert_allclose(ours, np.log(np.maximum(power, spec.floor)), atol=2e-3)


def test_log_mel_at_another_rate_equals_librosa() -> None:
    spec = LogMel(Waveform(88200, 22050), n_fft=2048, window=2048, hop=512, fmax=11025)
    wave = builders.voice(4, 4.0)
    ours = frontends.batch(spec, [wave], CPU)[0, 0].numpy()
    power = librosa.feature.melspectrogram(
        y=librosa.resample(wave, orig_sr=16000, target_sr=22050, res_type="soxr_hq"), sr=22050
    )
    np.testing.assert_allclose(ours, np.log(np.maximum(power, spec.floor)), atol=2e-3)


def test_mfcc_equals_librosa_and_appends_differences() -> None:
    spec = Mfcc()
    wave = builders.voice(5, 4.0)
    ours = frontends.batch(spec, [wave], CPU)[0, 0].numpy()
    reference = librosa.feature.mfcc(
        y=wave, sr=16000, n_mfcc=20, n_mels=40, n_fft=512, win_length=400, hop_length=160, fmax=8000
    )
    np.testing.assert_allclose(ours[:20], reference, atol=2e-2)
    change = scipy.ndimage.correlate1d(reference, [-1, 0, 1], mode="nearest")
    np.testing.assert_allclose(ours[20:40], change, atol=4e-2)
    again = scipy.ndimage.correlate1d(change, [-1, 0, 1], mode="nearest")
    np.testing.assert_allclose(ours[40:], again, atol=8e-2)


def test_lfcc_equals_its_definition_in_scipy() -> None:
    spec = Lfcc()
    wave = builders.voice(6, 2.0).astype(np.float64)
    ours = frontends.batch(Lfcc(Waveform(wave.size)), [wave.astype(np.float32)], CPU)[0, 0].numpy()
    emphasised = scipy.signal.lfilter([1, -0.97], [1], wave)
    window = np.pad(scipy.signal.windows.hamming(320, sym=False), 96)
    framed = np.lib.stride_tricks.sliding_window_view(np.pad(emphasised, 256), 512)[::160]
    power = np.abs(scipy.fft.rfft(framed * window, axis=1)) ** 2
    edges = np.linspace(0, 8000, spec.coefficients + 2)
    hertz = np.arange(257) * 16000 / 512
    filters = np.stack(
        [np.interp(hertz, edges[i : i + 3], [0, 1, 0]) for i in range(spec.coefficients)]
    )
    cepstrum = scipy.fft.dct(np.log10(power @ filters.T + 1e-7), norm="ortho")
    np.testing.assert_allclose(ours[1:20], cepstrum.T[1:], atol=2e-3)
    np.testing.assert_allclose(ours[0], np.log10(power.sum(axis=1) / 512 + 1e-7), atol=2e-3)


def amplitudes(spec: Cqt, wave: np.ndarray) -> np.ndarray:
    return np.exp(frontends.batch(spec, [wave], CPU)[0, 0].numpy() / 2)


def test_constant_q_equals_librosa_in_bins_that_its_resampling_keeps() -> None:
    spec = Cqt(floor=1e-20)
    wave = builders.voice(7, 4.0)
    ours = amplitudes(spec, wave)
    reference = np.abs(
        librosa.cqt(
            wave, sr=16000, hop_length=256, fmin=62.5, n_bins=84, tuning=0, sparsity=0,
            res_type="soxr_vhq",
        )
    )  # fmt: skip
    assert ours.shape == reference.shape
    # librosa's resampling attenuates the two highest bins of every octave
    comparable = np.arange(84) % 12 < 10
    error = np.abs(ours - reference)[comparable]
    assert error.max() < 0.03 * reference.max()
    assert error.mean() < 0.05 * reference.mean()


@pytest.mark.parametrize("k", [0, 11, 23, 40, 59, 71, 83])
def test_a_sine_appears_only_in_its_constant_q_bin(k: int) -> None:
    spec = Cqt(floor=1e-20)
    hertz = 62.5 * 2 ** (k / 12)
    wave = np.sin(2 * np.pi * hertz * np.arange(64000) / 16000).astype(np.float32)
    middle = amplitudes(spec, wave)[:, 125]
    assert middle.argmax() == k
    quality = 1 / ((2 ** (1 / 6) - 1) / (2 ** (1 / 6) + 1))
    assert middle[k] == pytest.approx(0.5 * np.sqrt(quality * 16000 / hertz), rel=0.02)
    assert middle[[i for i in range(84) if abs(i - k) > 2]].max() < 0.02 * middle[k]


def test_a_picture_is_the_mel_spectrum_in_magma() -> None:
    from matplotlib import colormaps

    spec = Image(size=(128, 173))  # no resizing: every pixel is one mel band and frame
    wave = builders.voice(8, 4.0)
    pixels = frontends.picture(spec, frontends.waveforms(spec.waveform, [wave], CPU))[0]
    assert pixels.dtype == torch.uint8
    high = librosa.resample(wave, orig_sr=16000, target_sr=22050, res_type="soxr_hq")
    mel = librosa.feature.melspectrogram(y=high, sr=22050, fmax=8000)
    decibel = librosa.power_to_db(mel, ref=np.max, top_db=80)[::-1]
    expected = colormaps["magma"](decibel / 80 + 1, bytes=True)[..., :3]
    difference = np.abs(pixels.permute(1, 2, 0).numpy().astype(int) - expected)
    assert difference.max() <= 8  # one step of the colour map
    assert (difference == 0).mean() > 0.5
    seen = frontends.batch(spec, [wave], CPU)[0]
    np.testing.assert_array_equal((seen * 255).round().byte().numpy(), pixels.numpy())


def test_a_picture_of_silence_is_black_and_pictures_do_not_depend_on_level() -> None:
    spec = Image()
    wave = builders.voice(9, 1.0)
    batch = frontends.batch(spec, [np.zeros(16000, np.float32), wave, wave / 8], CPU)
    assert batch.shape == (3, 3, 224, 224)
    assert float(batch[0].max()) <= 4 / 255
    torch.testing.assert_close(batch[1], batch[2], atol=8.5 / 255, rtol=0)


def test_only_bins_inside_the_bands_are_kept() -> None:
    wave = builders.voice(10, 1.0)
    keep = Keep(bands=((300.0, 1000.0), (4000.0, 5000.0)))
    spec = Spectrogram(Waveform(16000))
    plain = frontends.batch(spec, [wave], CPU)[0, 0]
    kept = frontends.batch(replace(spec, keep=keep), [wave], CPU)[0, 0]
    hertz = np.arange(257) * 31.25
    inside = ((hertz >= 300) & (hertz < 1000)) | ((hertz >= 4000) & (hertz < 5000))
    np.testing.assert_array_equal(kept[inside], plain[inside])
    assert (kept[~inside] == np.float32(np.log(spec.floor))).all()


def test_only_bins_above_the_threshold_are_kept() -> None:
    wave = builders.voice(11, 1.0)
    spec = Spectrogram(Waveform(16000), floor=1e-12)
    plain = frontends.batch(spec, [wave, wave / 100], CPU)[:, 0].numpy()
    kept = frontends.batch(replace(spec, keep=Keep(threshold_db=30.0)), [wave, wave / 100], CPU)
    for before, after in zip(plain, kept[:, 0].numpy(), strict=True):
        loud = before > before.max() - 3.0 * np.log(10)
        assert 0.01 < loud.mean() < 0.9
        np.testing.assert_array_equal(after[loud], before[loud])
        assert (after[~loud] == np.float32(np.log(1e-12))).all()


@pytest.mark.parametrize("spec", [LogMel(), Mfcc(), Lfcc(), Cqt(), Image()])
def test_every_frontend_can_keep_a_band(spec: LogMel | Mfcc | Lfcc | Cqt | Image) -> None:
    low, high = (
        (np.hanning(64000) * np.sin(2 * np.pi * hertz * np.arange(64000) / 16000))
        for hertz in (500, 3000)
    )
    filtered = replace(spec, keep=Keep(bands=((0.0, 1500.0),)))
    with_high, without = frontends.batch(
        filtered, [(low + high).astype(np.float32), low.astype(np.float32)], CPU
    )
    torch.testing.assert_close(with_high, without, atol=0.05 * float(without.abs().max()), rtol=0)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ({"bands": ((4000.0, 300.0),)}, "band 4000 to 300 Hz"),
        ({"threshold_db": 0.0}, "threshold of 0 dB"),
    ],
)
def test_a_filter_that_keeps_nothing_is_refused(keep: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Keep(**keep)


@pytest.mark.parametrize("spec", [Spectrogram(), Mfcc(), Lfcc(), Cqt()])
def test_a_spectrum_does_not_depend_on_its_batch(spec: Spectrogram | Mfcc | Lfcc | Cqt) -> None:
    waves = [builders.voice(seed, 1.0) for seed in range(3)]
    together = frontends.batch(spec, waves, CPU)
    alone = torch.cat([frontends.batch(spec, [wave], CPU) for wave in waves])
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=0)
