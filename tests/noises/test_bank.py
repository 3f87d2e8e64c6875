"""The noise bank: built whole or not at all, verified when opened; the models of street and car."""

from __future__ import annotations

import hashlib
import json
import operator
import shutil
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile
from scipy.signal import welch

import noises
from attacks.contract.condition import parse
from attacks.noise.additive_noise import levels
from benchmark.audio.speech_level import rms
from benchmark.cli import typed
from benchmark.cli.main import parser
from benchmark.core.errors import InputError
from benchmark.core.parallel import pooled
from benchmark.workers.context import ProcessContext
from benchmark.workers.start import start_process
from noises import bank as module
from noises import plot_spectra, published_names, synthetic
from tests.support.attack_support import db, room_tone, talkers

pytest_plugins = ("tests.support.attack_fixtures",)


def octave_db(wave: np.ndarray, centre: float) -> float:
    """Return the level of an octave band relative to the whole."""
    hertz, power = welch(wave.astype(np.float64), 16000, nperseg=8192)
    band = (hertz > centre / 2**0.5) & (hertz <= centre * 2**0.5)
    return 10 * float(np.log10(power[band].sum() / power[1:].sum()))


@pytest.fixture
def copied(bank: Path, tmp_path: Path) -> Path:
    """A copy of the bank that the test may damage."""
    shutil.copytree(bank, tmp_path / "bank")
    return tmp_path / "bank"


@pytest.mark.parametrize("kind", noises.KINDS)
def test_every_kind_opens_without_gaps(bank: Path, kind: str) -> None:
    noise = noises.open_kind(kind, bank)
    assert noise.kind == kind and len(noise.sha256) == 64
    assert noises.open_kind(kind, bank) is noise
    (recording,) = noise.recordings
    samples = recording.cut(0, recording.size)
    assert samples.dtype == np.float32 and recording.name == f"{kind}.wav"
    assert db(rms(samples)) == pytest.approx(-20, abs=6)
    assert np.abs(samples).max() < 1
    parts = [levels(samples[i : i + 16000], 16000)[1] for i in range(0, 150000, 8000)]
    assert min(parts) == 1.0


def test_the_manifest_describes_each_noise(bank: Path) -> None:
    entries = json.loads((bank / "manifest.json").read_text())["noises"]
    assert list(entries) == list(noises.KINDS)
    for kind, entry in entries.items():
        assert entry["synthetic"] is (kind in ("street", "volvo"))
        assert entry["source"] and entry["licence"] and entry["seconds"] >= 10
        samples, rate = soundfile.read(bank / entry["file"], dtype="int16")
        assert rate == 16000 and samples.ndim == 1


def test_a_rebuild_makes_only_what_is_missing_and_the_same(
    copied: Path, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied / "cafe.wav").unlink()
    (copied / "street.wav").write_bytes(b"torn")
    written: list[str] = []
    write = module._write
    monkeypatch.setattr(
        module, "_write", lambda path, s: (written.append(path.name), write(path, s))
    )
    noises.build(copied, babble=talkers(), cafe=room_tone(), seconds=14.0)
    assert written == ["cafe.wav", "street.wav"]
    for path in bank.iterdir():
        assert path.read_bytes() == (copied / path.name).read_bytes()
    assert len(list(copied.iterdir())) == len(list(bank.iterdir()))
    written.clear()
    noises.build(copied, babble=talkers(7), cafe=room_tone(), seconds=14.0)
    assert written == ["babble.wav"]


def test_a_sound_bank_and_its_repair(copied: Path, bank: Path) -> None:
    assert noises.sound(copied, 14.0)
    assert not noises.sound(copied)  # made for another length
    for name, content in (("manifest.json", b"{"), ("manifest.json", None), ("babble.wav", b"x")):
        if content is None:
            (copied / name).unlink()
        else:
            (copied / name).write_bytes(content)
        assert not noises.sound(copied, 14.0)
        noises.build(copied, babble=talkers(), cafe=room_tone(), seconds=14.0)
        assert noises.sound(copied, 14.0)
        assert (copied / name).read_bytes() == (bank / name).read_bytes()


def test_a_bank_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        noises.build(tmp_path / "file" / "n", babble=talkers(), cafe=room_tone(), seconds=14.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"babble": talkers(5)}, "at least 6 talkers, not 5"),
        ({"babble": [*talkers(5), talkers(1, 20.0)[0]]}, r"talker 5 has 20\.0 s"),
        ({"babble": [*talkers(5), np.zeros(480000, dtype=np.float32)]}, "talker 5"),
        ({"cafe": room_tone(3.0)}, r"cafe recording has 3\.0 s"),
        ({"seconds": 5.0}, "too short"),
    ],
)
def test_too_little_input_is_refused(tmp_path: Path, arguments: dict, message: str) -> None:
    whole = {"babble": talkers(), "cafe": room_tone(), "seconds": 12.0}
    with pytest.raises(InputError, match=message):
        noises.build(tmp_path, **{**whole, **arguments})


def test_a_damaged_bank_is_refused_with_the_cause(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown noise 'caffe'; did you mean 'cafe'"):
        noises.open_kind("caffe", copied)
    with pytest.raises(InputError, match="own bank with: launderbench data build"):
        noises.open_kind("cafe", tmp_path / "none")
    (copied / "cafe.wav").unlink()
    with pytest.raises(InputError, match="noise file not found"):
        noises.open_kind("cafe", copied)
    (copied / "babble.wav").write_bytes((copied / "babble.wav").read_bytes()[:-2])
    with pytest.raises(InputError, match=r"babble\.wav is not the file that manifest\.json names"):
        noises.open_kind("babble", copied)
    (copied / "manifest.json").write_text('{"noises": {}}')
    with pytest.raises(InputError, match="names no street"):
        noises.open_kind("street", copied)
    (copied / "manifest.json").write_text("[]")
    with pytest.raises(InputError, match="is not a noise manifest"):
        noises.open_kind("volvo", copied)


def test_a_users_folder_without_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (44100 * 11, 2))
    soundfile.write(tmp_path / "cafe.flac", wave, 44100)
    soundfile.write(tmp_path / "street.wav", wave[:44100], 44100)
    soundfile.write(tmp_path / "volvo.wav", 0 * wave, 44100)
    (tmp_path / "babble.wav").write_text("no audio")
    monkeypatch.setenv("LAUNDERBENCH_NOISES", str(tmp_path))
    assert noises.open_kind("cafe").recordings[0].size == 11 * 16000
    for kind, message in (("street", "1.0 s"), ("volvo", "silent"), ("babble", "decoded")):
        with pytest.raises(InputError, match=message):
            noises.open_kind(kind)


PUBLISHED = {
    "noisex/babble.wav": "babble",
    "noisex/volvo.wav": "volvo",
    "noisex/factory1.wav": None,
    "qut/CAFE-CAFE-1.wav": "cafe",
    "qut/CAFE-FOODCOURTB-2.wav": "cafe",
    "qut/STREET-CITY-1.wav": "street",
    "qut/STREET-KG-2.wav": "street",
    "qut/CAR-WINDOWNB-1.wav": "volvo",
    "qut/HOME-KITCHEN-1.wav": None,
    "qut/REVERB-CARPARK-1.wav": None,
    "demand/PCAFETER/ch01.wav": "cafe",
    "demand/STRAFFIC/ch16.wav": "street",
    "demand/TCAR/ch01.wav": "volvo",
    "demand/TBUS/ch01.wav": None,
    "musan/noise/free-sound/noise-free-sound-0000.wav": None,
    "street/one.flac": "street",
}


def test_published_names_are_known() -> None:
    for name, kind in PUBLISHED.items():
        assert published_names.kind_of(PurePosixPath(name)) == kind, name


def test_a_folder_of_published_corpora_serves_every_kind(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 176000)
    for name in PUBLISHED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, wave, 16000, format="WAV")
    for kind in noises.KINDS:
        found = [each.name for each in noises.open_kind(kind, tmp_path).recordings]
        assert found == sorted(name for name, known in PUBLISHED.items() if known == kind)


def test_the_file_with_the_kinds_name_comes_first(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 176000)
    for name in ("STREET-CITY-1.wav", "street.wav"):
        soundfile.write(tmp_path / name, wave, 16000)
    assert [r.name for r in noises.open_kind("street", tmp_path).recordings] == ["street.wav"]
    soundfile.write(tmp_path / "cafe.wav", wave, 16000)
    soundfile.write(tmp_path / "cafe.flac", wave, 16000)
    with pytest.raises(InputError, match=r"the cafe noise may be cafe\.flac or cafe\.wav"):
        noises.open_kind("cafe", tmp_path)


def test_noise_dir_reaches_the_attacks(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 176000)
    soundfile.write(tmp_path / "STREET-CITY-1.wav", wave, 16000)
    text = "noise(kind=street, snr=5)"
    options = parser().parse_args(["plan", "--noise-dir", str(tmp_path), "--suite", text])
    digest = hashlib.sha256((tmp_path / "STREET-CITY-1.wav").read_bytes()).hexdigest()
    before = noises.bank_folder()
    context = ProcessContext(noises=tmp_path)
    with context.entered():
        assert parse(text).identity().endswith(f"+noise/street:{digest}")
    assert typed.run_config(options).context == context
    assert parse(text).identity().endswith(f"+noise/street:{digest}")
    (there,) = pooled(operator.call, [noises.bank_folder], 1, start_process, (context,))
    noises.use(None)
    assert noises.bank_folder() == before != there == tmp_path
    with pytest.raises(InputError, match="noise folder not found: nowhere"):
        noises.use(Path("nowhere"))


def test_the_bank_is_looked_for_in_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAUNDERBENCH_NOISES", raising=False)
    assert noises.bank_folder() == cache / "noises"


def test_the_car_is_low_and_steep() -> None:
    wave = synthetic.volvo(20.0)
    assert rms(wave) == pytest.approx(1.0)
    below = sum(10 ** (octave_db(wave, c) / 10) for c in (31.5, 63, 125, 250))
    assert below > 0.75
    assert octave_db(wave, 63) - octave_db(wave, 500) > 30
    assert octave_db(wave, 4000) > -60  # wind: the floor is not digital silence


def test_the_street_is_broad_and_vehicles_pass() -> None:
    wave = synthetic.street(60.0)
    assert rms(wave) == pytest.approx(1.0)
    assert octave_db(wave, 1000) > octave_db(wave, 4000) + 5
    assert octave_db(wave, 63) > -20
    seconds = 20 * np.log10([rms(part) for part in np.split(wave, 60)])
    assert 8 < seconds.max() - seconds.min() < 30


def test_models_depend_on_their_seed_alone() -> None:
    for model in (synthetic.street, synthetic.volvo):
        assert np.array_equal(model(10.0), model(10.0))
        assert not np.allclose(model(10.0), model(10.0, seed=1))


def test_the_picture_of_the_spectra(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    centres, levels = plot_spectra.third_octaves(synthetic.pink(480000, np.random.default_rng(1)))
    assert levels[2:] == pytest.approx(levels[2:].mean(), abs=1.0)  # equal power per octave
    time = np.arange(160000) / 16000
    _, tone = plot_spectra.third_octaves(np.sin(2 * np.pi * 1000 * time).astype(np.float32))
    assert centres[int(np.argmax(tone))] == 1000 and tone.max() == pytest.approx(0, abs=0.1)
    monkeypatch.setenv("LAUNDERBENCH_NOISES", str(bank))
    plot_spectra.draw(tmp_path / "spectra.png")
    assert (tmp_path / "spectra.png").read_bytes().startswith(b"\x89PNG")


def test_noise_is_shaped_where_a_model_made_it(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with noises.using(bank):
        assert [kind for kind in noises.KINDS if noises.is_shaped(kind)] == ["street", "volvo"]
    shutil.copy(bank / "street.wav", tmp_path)  # a user's recording of that name
    with noises.using(tmp_path):
        assert not noises.is_shaped("street")
        assert parse("noise(kind=street)").caveat == ""
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "empty"))
    monkeypatch.delenv("LAUNDERBENCH_NOISES", raising=False)
    assert parse("noise(kind=street)").caveat == "shaped noise"  # as the bank will be built
    assert parse("noise(kind=cafe)").caveat == parse("noise(kind=pink)").caveat == ""
