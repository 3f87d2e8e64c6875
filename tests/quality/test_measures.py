"""The measures of quality: beside figures of the packages' own code, and as properties."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.core.parallel import one_thread
from benchmark.quality import dnsmos, intelligibility, speaker
from benchmark.quality.intelligibility import NotMeasurable
from tests.support.builders import RATE, voice

Wave = npt.NDArray[np.float32]
needs_stoi = pytest.mark.skipif(
    intelligibility.lacking() is not None, reason=str(intelligibility.lacking())
)
needs_dnsmos = pytest.mark.skipif(dnsmos.lacking() is not None, reason=str(dnsmos.lacking()))
needs_speaker = pytest.mark.skipif(speaker.lacking() is not None, reason=str(speaker.lacking()))


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    with one_thread():
        yield


def noisy(seed: int, seconds: float, snr: float) -> tuple[Wave, Wave]:
    """Return a voice, and the same in white noise at an SNR in dB, as the references had them."""
    clean = voice(seed, seconds)
    noise = np.random.default_rng(7).standard_normal(clean.size).astype(np.float32)
    noise *= np.float32(np.std(clean) / 10 ** (snr / 20) / np.std(noise))
    return clean, clean + noise


@needs_stoi
def test_estoi_is_that_of_the_library_and_falls_with_noise() -> None:
    clean, some = noisy(1, 2.0, 10)
    _, more = noisy(1, 2.0, 0)
    assert intelligibility.estoi(clean, some) == pytest.approx(0.4431573203728, abs=1e-6)
    assert intelligibility.estoi(clean, clean) == pytest.approx(1.0, abs=1e-9)
    assert intelligibility.estoi(clean, more) < intelligibility.estoi(clean, some)


@needs_stoi
def test_estoi_repeats_to_the_bit_and_leaves_the_global_generator_alone() -> None:
    clean, some = noisy(1, 2.0, 10)
    np.random.seed(3)  # noqa: NPY002
    first = intelligibility.estoi(clean, some)
    drawn = np.random.random()  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    assert intelligibility.estoi(clean, some) == first
    np.random.seed(3)  # noqa: NPY002
    assert np.random.random() == drawn  # noqa: NPY002


@needs_stoi
@pytest.mark.parametrize(
    ("laundered", "cause"),
    [
        (voice(1, 1.9), "not aligned"),
        (np.zeros(2 * RATE, np.float32), "silent"),
    ],
)
def test_estoi_refuses_what_it_cannot_measure(laundered: Wave, cause: str) -> None:
    with pytest.raises(NotMeasurable, match=cause):
        intelligibility.estoi(voice(1, 2.0), laundered)


@needs_stoi
def test_estoi_refuses_a_recording_of_too_few_frames() -> None:
    with pytest.raises(NotMeasurable, match="too little speech"):
        intelligibility.estoi(voice(1, 0.3), voice(1, 0.3))


@needs_dnsmos
def test_dnsmos_gives_the_opinions_of_its_package() -> None:
    found = dnsmos.opinion(noisy(1, 2.0, 10)[1])
    wanted = (1.2647061608703, 1.1133572777798, 1.1245490019827)
    assert (found.sig, found.bak, found.ovrl) == pytest.approx(wanted, abs=1e-4)


@needs_dnsmos
@pytest.mark.parametrize(
    ("wave", "cause"), [(np.zeros(RATE, np.float32), "silent"), (voice(1, 0.4), "shorter")]
)
def test_dnsmos_refuses_what_it_cannot_measure(wave: Wave, cause: str) -> None:
    with pytest.raises(NotMeasurable, match=cause):
        dnsmos.opinion(wave)


def test_segments_are_those_of_the_recipe() -> None:
    assert dnsmos.segments(voice(1, 2.0)).shape == (7, 144160)  # 2 s doubled to 16 s
    assert dnsmos.segments(voice(1, 9.5)).shape == (1, 144160)
    assert dnsmos.segments(4 * voice(1, 9.5)).max() == 1.0


@needs_speaker
def test_the_encoder_gives_the_similarities_of_its_package() -> None:
    one, other = (speaker.embedding(wave) for wave in noisy(1, 2.0, 10))
    assert speaker.similarity(one, other) == pytest.approx(0.8829458355904, abs=1e-5)
    assert speaker.similarity(one, one) == pytest.approx(1.0, abs=1e-6)


@needs_speaker
@pytest.mark.parametrize(
    ("wave", "cause"), [(np.zeros(RATE, np.float32), "silent"), (voice(1, 0.7), "shorter")]
)
def test_the_encoder_refuses_what_it_cannot_measure(wave: Wave, cause: str) -> None:
    with pytest.raises(NotMeasurable, match=cause):
        speaker.embedding(wave)


def test_a_level_change_leaves_the_voice_alike() -> None:
    if speaker.lacking():
        pytest.skip(str(speaker.lacking()))
    wave = voice(1, 2.0) * np.float32(0.05)
    one, other = speaker.embedding(wave), speaker.embedding(wave * np.float32(0.5))
    assert speaker.similarity(one, other) > 0.9999  # quiet recordings are brought to one level


def test_an_absent_wheel_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path))
    assert "speechmos 0.0.1.1 (MIT)" in str(dnsmos.lacking())
    assert "Resemblyzer 0.1.4 (Apache-2.0)" in str(speaker.lacking())
