"""Spellings out of files: what reaches further than arithmetic is refused, unless it is allowed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from attacks.chains import pools
from attacks.contract import suites
from attacks.contract.condition import parse_from_file
from benchmark.cli.main import main
from benchmark.core import trust
from benchmark.core.errors import InputError
from benchmark.inference import checkpoints
from detectors.contract.base import detector, registry

REACHING_DETECTORS = (
    'command(run="touch {mark}")',
    "torchscript(file=x.pt, takes=waveform(samples=16000))",
    "onnx(file=x.onnx, takes=waveform(samples=16000))",
    "hub(model=some/model)",
    "ssl(model=/etc)",
    "ssl(model=../etc)",
    "ssl(model=facebook/wav2vec2-base, revision=../../secret)",
)
REACHING_ATTACKS = (
    "noise(kind=./hum.wav)",
    "rir(path=./room.wav)",
    "ffmpeg",
    "ffmpeg(codec=libvorbis)",
    "stochastic(pool=mine.toml)",
    "audiomentations(transform=AddShortNoises, parameters=\"sounds_path='/etc'\")",
)
HARMLESS_ATTACKS = (
    "noise(kind=white, snr=3)",
    "rir",
    "stochastic(pool=mixed)",
    'audiomentations(transform=BitCrush, parameters="min_bit_depth=5, max_bit_depth=6")',
    "ready(audio=Noise/babble_0)",
    "mp3(kbps=64) | lowpass",
    "clean",
)


def forged(path: Path, detector: object, **facts: object) -> Path:
    """Write a checkpoint whose header names `detector`."""
    checkpoints.save(path, {"a": np.zeros(2, np.float32)}, {"detector": detector, **facts})
    return path


def test_a_checkpoint_runs_no_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "ran"
    spelled = f'command(run="touch {mark}")'
    file = forged(tmp_path / "evil.safetensors", spelled)
    audio = tmp_path / "a.wav"
    soundfile.write(audio, np.zeros(16000), 16000)
    assert main(["score", str(file), str(audio)]) == 2
    told = capsys.readouterr().err
    assert str(file) in told and "touch" in told and "--allow" in told and told.count("\n") == 1
    assert not mark.exists()


@pytest.mark.parametrize("spelling", REACHING_DETECTORS)
def test_a_checkpoint_names_no_detector_that_reaches_further(tmp_path: Path, spelling: str) -> None:
    file = forged(tmp_path / "evil.safetensors", spelling)
    with pytest.raises(InputError, match=r"evil\.safetensors is refused: it names .*--allow"):
        checkpoints.load(file)


def test_a_ready_made_detector_is_in_no_checkpoint(tmp_path: Path) -> None:
    """Code that the user loaded is not selected by a file either."""
    detector("of-a-plugin", version=1)(lambda wave: 0.0)
    try:
        file = forged(tmp_path / "evil.safetensors", "of-a-plugin")
        with pytest.raises(InputError, match="refused: it names of-a-plugin, which takes no"):
            checkpoints.load(file)
    finally:
        registry.remove("of-a-plugin")


def test_a_checkpoint_of_its_very_weights_loads(tmp_path: Path) -> None:
    assert checkpoints.load(forged(tmp_path / "a.safetensors", "mel-cnn")).detector == "mel-cnn"


def test_what_the_user_allows_or_spells_is_loaded(tmp_path: Path) -> None:
    spelled = 'command(run="/bin/true")'
    file = forged(tmp_path / "mine.safetensors", spelled)
    assert checkpoints.load(file, (spelled,)).detector == spelled
    with trust.allowing("command"):
        checkpoints.load(file)
    with trust.allowing('command(run="/bin/true")'):
        checkpoints.load(file)
    with trust.allowing('command(run="/bin/false")'), pytest.raises(InputError, match="refused"):
        checkpoints.load(file)
    with pytest.raises(InputError, match="refused"):  # a name alone spells no program
        checkpoints.load(file, ("command",))


@pytest.mark.parametrize("spelling", REACHING_ATTACKS)
def test_a_suite_names_no_attack_that_reaches_further(tmp_path: Path, spelling: str) -> None:
    suite = tmp_path / "sent.toml"
    for entry in ("conditions", "severity"):
        suite.write_text(f"{entry} = ['''mp3 | {spelling}''']")
        with pytest.raises(InputError, match=r"sent\.toml is refused: it names .*--allow") as told:
            suites.load(suite)
        assert "\n" not in str(told.value)
    outer = tmp_path / "outer.toml"
    outer.write_text("include = ['sent.toml']")
    with pytest.raises(InputError, match=r"sent\.toml is refused"):
        suites.load(outer)


@pytest.mark.parametrize("spelling", HARMLESS_ATTACKS)
def test_a_file_may_spell_what_only_computes(spelling: str) -> None:
    parse_from_file(spelling, "sent.toml")


def test_a_suite_may_name_what_the_user_allows(tmp_path: Path) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text('severity = ["noise(kind=./hum.wav)"]')
    with trust.allowing("noise(kind=./other.wav)"), pytest.raises(InputError, match="refused"):
        suites.load(suite)
    with trust.allowing("noise(kind=./hum.wav)"):
        assert len(suites.load(suite).conditions) == 6
    assert len(suites.parse_suite("noise(kind=./hum.wav); mp3").conditions) == 3  # spelled here


def test_a_pool_names_no_attack_that_reaches_further(tmp_path: Path) -> None:
    pool = tmp_path / "sent.toml"
    pool.write_text('[[slot]]\ndraw = ["noise(kind=babble, snr=5..25)", "noise(kind=./a.wav)"]')
    with trust.allowing("noise"):
        assert pools.load(str(pool)).slots
    with pytest.raises(InputError, match=r"sent\.toml is refused: it names noise"):
        pools.load(str(pool))


def test_an_option_that_is_no_spelling_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "attacks", "--allow", "9(x"]) == 2
    assert "--allow" in capsys.readouterr().err
    assert trust.allowed() == ()


def test_the_option_allows_for_one_command_only() -> None:
    assert main(["list", "pools", "--allow", "noise"]) == 0
    assert trust.allowed() == ()
