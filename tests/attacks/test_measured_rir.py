"""Measured impulse responses: alignment, decay, level, identity, and unusable files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import convolve, resample_poly

from attacks.contract.condition import parse
from attacks.contract.conformance import check
from attacks.contract.launder import lag
from attacks.reverb import measured_rir
from benchmark.audio.speech_level import active_level
from benchmark.core.errors import InputError
from tests.support.attack_support import clip, db, run

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")


def hall(rt60: float, rate: int = 16000, lead: int = 700, seed: int = 0) -> np.ndarray:
    """Return decaying noise after a direct path at sample `lead`, float64."""
    size = round(1.2 * rt60 * rate)
    tail = np.random.default_rng(seed).standard_normal(size)
    tail *= 0.1 * 10 ** (-3 * np.arange(size) / rate / rt60)
    tail[0] = 0.6
    return np.concatenate([np.zeros(lead), tail])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rirs" / "church").mkdir(parents=True)
    soundfile.write(tmp_path / "rirs" / "office.wav", hall(0.4), 16000, subtype="FLOAT")
    left = hall(0.8, 48000, lead=2100, seed=1)
    both = np.stack([left, -np.roll(left, 300)], axis=1)
    soundfile.write(tmp_path / "rirs" / "church" / "nave.flac", both, 48000)
    return tmp_path / "rirs"


def test_output_is_the_convolution_with_the_file_from_its_direct_path_on(folder: Path) -> None:
    wave = clip(0.7)
    done = run("rir(path=rirs/office.wav)", wave)
    facts = done.steps[0].facts
    want = convolve(wave.astype(np.float64), hall(0.4)[700:] / 0.6, method="direct")[: wave.size]
    assert done.wave == pytest.approx(want * facts["gain"], abs=1e-5)
    assert facts["direct"] == 700 and facts["rir"] == "office.wav"
    change = active_level(done.wave, 16000) / active_level(wave, 16000)
    assert db(change) == pytest.approx(0, abs=0.01)
    assert done.passed is True


def test_every_file_of_a_folder_is_drawn_and_its_decay_recorded(folder: Path) -> None:
    drawn = {}
    for utterance in "abcdefgh":
        facts = run("rir(path=./rirs)", clip(0.5), utterance).steps[0].facts
        drawn[facts["rir"]] = facts
    assert sorted(drawn) == ["church/nave.flac", "office.wav"]
    assert drawn["office.wav"]["t20"] == pytest.approx(0.4, rel=0.1)
    assert drawn["church/nave.flac"]["t20"] == pytest.approx(0.8, rel=0.1)
    assert drawn["church/nave.flac"]["edt"] is not None
    assert drawn["church/nave.flac"]["direct"] == pytest.approx(700, abs=1)


def test_of_several_channels_the_first_is_used_at_any_rate(folder: Path) -> None:
    (measured,) = measured_rir.opened(folder / "church").all
    left, _ = soundfile.read(folder / "church" / "nave.flac")
    want = resample_poly(left[:, 0], 1, 3)
    want = want[measured.direct :] / want[measured.direct]
    size = min(want.size, measured.samples.size)
    found = measured.samples[:size]
    assert np.corrcoef(want[:size], found)[0, 1] > 0.95  # filters differ at the edge
    assert found[0] == 1.0


def test_no_lag_though_a_later_reflection_is_stronger(folder: Path) -> None:
    response = hall(0.3)
    response[700 + 160] = -0.9
    soundfile.write(folder / "odd.wav", response, 16000, subtype="FLOAT")
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, 16000).astype(np.float32)
    done = run("rir(path=rirs/odd.wav)", wave)
    assert done.steps[0].facts["direct"] == 700
    assert lag(wave, run("rir(path=rirs/office.wav)", wave).wave) == 0
    onset = run("rir(path=rirs/odd.wav)", np.eye(1, 4000, 100, dtype=np.float32)[0]).wave
    assert int(np.flatnonzero(np.abs(onset) > 1e-4)[0]) == 100


def test_a_file_without_decay_has_no_decay_times(folder: Path) -> None:
    soundfile.write(folder / "dirac.wav", np.eye(1, 400, 50)[0], 16000)
    done = run("rir(path=rirs/dirac.wav)", clip(0.5))
    assert done.steps[0].facts["t20"] is None and done.steps[0].facts["edt"] is None
    assert done.passed is False  # a room without reflections changes nothing


def test_the_identity_depends_on_the_contents_of_the_files(folder: Path) -> None:
    before = parse("rir(path=./rirs)").identity()
    assert "+rir/./rirs:" in before
    soundfile.write(folder / "office.wav", hall(0.4, seed=5), 16000)
    measured_rir.opened.cache_clear()
    assert parse("rir(path=./rirs)").identity() != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "rir: no audio file .* in bad"),
        (b"no audio", r"rir: bad.x\.wav: cannot be decoded"),
        (np.zeros(1000), r"rir: bad.x\.wav: the response is silent"),
        (np.zeros(0), r"rir: bad.x\.wav: holds no samples"),
        (np.array([1.0, np.nan]), r"rir: bad.x\.wav: holds NaN"),
        (np.ones(16000 * 31), r"rir: bad.x\.wav: 31 s is too long for an impulse response"),
    ],
)
def test_files_without_a_usable_response_are_named(
    folder: Path, content: bytes | np.ndarray | None, message: str
) -> None:
    (folder.parent / "bad").mkdir()
    path = folder.parent / "bad" / "x.wav"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        soundfile.write(path, content, 16000, subtype="FLOAT")
    for refuse in (lambda: run("rir(path=./bad)"), parse("rir(path=./bad)").identity):
        with pytest.raises(InputError, match=message):
            refuse()
    with pytest.raises(InputError, match="rir: no such file or folder: nowhere"):
        run("rir(path=nowhere)")


def test_training_uses_other_files(folder: Path) -> None:
    attack = parse("rir(path=./rirs)").steps[0]
    with pytest.raises(InputError, match=r"rirs holds 2 responses, all of them for evaluation"):
        attack.for_training()(clip(0.2), 16000, np.random.default_rng(0))
    for seed in range(10, 20):
        soundfile.write(folder / f"{seed}.wav", hall(0.3, seed=seed), 16000)
    measured_rir.opened.cache_clear()
    rngs = [np.random.default_rng(seed) for seed in range(60)]
    tested = {attack(clip(0.2), 16000, rng)[1]["rir"] for rng in rngs}
    trained = {attack.for_training()(clip(0.2), 16000, rng)[1]["rir"] for rng in rngs}
    assert (len(tested), len(trained)) == (9, 3) and not tested & trained


def test_conforms_with_files_and_without(folder: Path) -> None:
    assert check(parse("rir")) == []
    assert check(parse("rir(path=./rirs)")) == []
    assert parse("rir").identity() == "rir(path=simulated)#v1"
