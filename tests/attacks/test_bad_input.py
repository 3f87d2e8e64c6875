"""Bad input: one clear error that names attack and cause, or a recorded 'not measurable'."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import soundfile

from attacks.contract.base import AttackError
from attacks.contract.condition import parse
from attacks.contract.launder import Laundered, launder
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from tests.support import builders
from tests.support.attack_support import available, clip

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")

REFUSED = (AttackError, InputError)
# attacks that need more: audio of a data set, or weights that take minutes
SET_ASIDE = {"ready", "resynthesis"}
NAMES = sorted(set(available()) - SET_ASIDE)


def attempt(name: str, wave: npt.NDArray[np.float32], rate: int = 16000) -> Laundered | str:
    """Return the laundered wave, or the error's text."""
    try:
        return launder(parse(name), wave, rate, "u", 0)
    except REFUSED as error:
        return str(error)


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (np.zeros(0, np.float32), "the wave is empty"),
        (np.zeros(100, np.int16), r"needs a mono float32 wave, not int16 of shape \(100,\)"),
        (np.zeros(100), r"needs a mono float32 wave, not float64 of shape \(100,\)"),
        (np.zeros((100, 2), np.float32), r"needs a mono .*, not float32 of shape \(100, 2\)"),
        ([0.0] * 100, "needs a mono float32 wave, not list"),
        (np.full(100, np.nan, np.float32), "the wave holds NaN or infinite samples"),
    ],
)
@pytest.mark.parametrize("name", ["noise(kind=white, snr=5)", "opus | mp3"])
def test_an_invalid_wave_is_refused(name: str, wave: object, message: str) -> None:
    with pytest.raises(AttackError, match=f"^{re.escape(str(parse(name)))}: {message}$"):
        launder(parse(name), wave, 16000, "u", 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_one_sample_and_other_rates_are_laundered_or_refused_by_name(name: str) -> None:
    steps = parse(name).steps
    names = {name, *(s.name for p in steps for s in p.steps(np.random.default_rng(0)) or ())}
    other = np.random.default_rng(0).uniform(-0.3, 0.3, 48000).astype(np.float32)
    for rate, wave in ((16000, clip(1.0)[:1]), (8000, other[:8000]), (48000, other)):
        done = attempt(name, wave, rate)
        if isinstance(done, str):
            assert done.split("(")[0].split(":")[0] in names or name == "stochastic", done
            assert " failed: " not in done, done  # refused, not crashed
        else:
            assert np.isfinite(done.wave).all() and done.wave.size > 0


@pytest.mark.parametrize("name", NAMES)
def test_silence_is_laundered_and_never_refuted(name: str) -> None:
    done = attempt(name, np.zeros(16000, np.float32))
    assert isinstance(done, Laundered) and done.passed is not False
    assert not any(c.quantity == "residual" and c.passed for s in done.steps for c in s.checks)


def test_silence_is_recorded_as_not_measurable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000), 16000)
    out = tmp_path / "out"
    assert main(["attack", "noise(kind=white)", str(tmp_path / "silence.wav"), str(out)]) == 0
    assert "claim not measured, 1 not measurable" in capsys.readouterr().out
    effects = pd.read_csv(out / "effects.csv").set_index("quantity")
    assert effects.loc[["SNR", "coverage", "residual"], "passed"].isna().all()


@pytest.mark.parametrize(
    ("subtype", "rate", "channels"),
    [("PCM_16", 16000, 1), ("PCM_16", 8000, 2), ("FLOAT", 48000, 1), ("PCM_24", 44100, 2)],
)
def test_files_of_any_rate_and_channels_are_read(
    tmp_path: Path, subtype: str, rate: int, channels: int
) -> None:
    wave = np.stack([np.resize(builders.voice(1, 1.0), rate)] * channels, axis=1)
    soundfile.write(tmp_path / "a.wav", wave, rate, subtype=subtype)
    out = tmp_path / "out"
    assert main(["attack", "lowpass(cutoff=2000) | opus", str(tmp_path / "a.wav"), str(out)]) == 0
    info = soundfile.info(out / "a.wav")
    assert (info.samplerate, info.channels, info.frames) == (16000, 1, 16000)


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        ("noise(kind={empty})", "noise: no audio file .* in {empty}"),
        ("noise(kind={broken})", "noise: {broken}/a.wav: cannot be decoded"),
        ("noise(kind={missing})", "noise: no such file or folder: {missing}"),
        ("rir(path={empty})", "rir: no audio file .* in {empty}"),
        ("rir(path={broken})", "rir: {broken}/a.wav: cannot be decoded"),
        (
            "reverberation(rt60=0.1, room=large)",
            "reverberation: no walls give a room",
        ),
        ("reverberation(room=small, distance=9)", "reverberation: a distance of 9 m does not fit"),
        ("mp3(kbps=320)", "mp3: kbps=320 does not exist at 16 kHz, where MP3 ends at 160 kbit/s"),
        ("ffmpeg(codec=libnothing)", "ffmpeg: libnothing .* Unknown encoder 'libnothing'"),
        ("stochastic(pool={missing}.toml)", "stochastic: pool file not found"),
        ("audiomentations(transform=Nope)", "unknown transform of audiomentations 'Nope'"),
        ("noise(kind=babble)", "no babble noise in {noises}: needs babble"),
    ],
)
def test_missing_files_are_named_with_the_attack_and_the_cause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], condition: str, cause: str
) -> None:
    places = {name: tmp_path / name for name in ("empty", "broken", "missing", "noises")}
    for name in ("empty", "broken", "noises"):
        places[name].mkdir()
    (places["empty"] / "readme.txt").write_text("nothing to hear")
    (places["broken"] / "a.wav").write_bytes(b"RIFF, but not really")
    soundfile.write(tmp_path / "in.wav", builders.voice(1, 1.0), 16000)
    spelled = re.sub(r"\{(\w+)\}(\.toml)?", lambda m: f'"{places[m[1]]}{m[2] or ""}"', condition)
    command = ["attack", spelled, str(tmp_path / "in.wav"), str(tmp_path / "out")]
    assert main([*command, "--noise-dir", str(places["noises"])]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    wanted = re.sub(r"\{(\w+)\}", lambda m: re.escape(str(places[m[1]])), cause)
    assert re.search(f"^launderbench: .*{wanted}", message), message
    assert not list((tmp_path / "out").rglob("*.wav"))
