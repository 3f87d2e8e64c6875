"""The audiomentations attack: seeding in its own process, spelling, and errors with their cause."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from attacks.audiomentations import worker_client
from attacks.audiomentations.attack import Audiomentations
from attacks.contract.base import AttackError
from attacks.contract.condition import Condition, parse
from attacks.contract.launder import launder
from benchmark.core.errors import InputError
from tests.support.attack_support import clip, run
from tests.support.places import ROOT

SNR = 'audiomentations(transform=AddGaussianSNR, parameters="min_snr_db=5, max_snr_db=10")'


def digest(text: str, utterance: str, seed: int = 0) -> bytes:
    return run(text, clip(0.5), utterance, seed).wave.tobytes()


def job(utterance: str) -> bytes:
    """Return the digest of one utterance, for worker processes."""
    return digest(SNR, utterance)


def worker() -> subprocess.Popen[bytes]:
    """Return this process's running worker."""
    run("audiomentations", clip(0.5))
    found = worker_client._worker
    assert found is not None
    return found.process


def has_ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_for_end(pid: int) -> None:
    while not has_ended(pid):
        time.sleep(0.05)


def test_the_snr_is_the_drawn_one() -> None:
    drawn = set()
    for utterance in "abcdef":
        done = run(SNR, clip(2.0), utterance)
        noise = done.wave.astype(np.float64) - clip(2.0)
        snr = 10 * np.log10(np.mean(clip(2.0).astype(np.float64) ** 2) / np.mean(noise**2))
        assert 4.9 < snr < 10.1
        assert done.steps[0].facts["drawn"]["noise_std"] == pytest.approx(np.std(noise), rel=0.02)
        assert done.passed is True
        drawn.add(done.steps[0].facts["drawn"]["noise_std"])
    assert len(drawn) == 6


def test_other_transforms_have_their_effect() -> None:
    assert np.array_equal(run("audiomentations(transform=Reverse)").wave, clip()[::-1])
    inverted = run("audiomentations(transform=PolarityInversion)")
    assert np.array_equal(inverted.wave, -clip()) and inverted.passed is None
    slow = 'audiomentations(transform=TimeStretch, parameters="min_rate=0.8, max_rate=0.8, '
    slow += 'leave_length_unchanged=False")'
    assert run(slow).wave.size == pytest.approx(clip().size / 0.8, abs=2)
    assert json.dumps(run("audiomentations(transform=SevenBandParametricEQ)").steps[0].facts)


def test_samples_depend_on_seed_and_utterance_alone() -> None:
    first = digest(SNR, "u")
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    digest("audiomentations(transform=AddColorNoise)", "w")
    assert digest(SNR, "u") == first
    assert digest(SNR, "v") != first and digest(SNR, "u", 1) != first
    assert random.random() == random.Random(3).random()
    assert np.random.rand() == np.random.RandomState(3).rand()  # noqa: NPY002


def test_one_and_two_workers_give_the_same_bytes() -> None:
    names = list("abcd")
    here = [job(name) for name in names]
    context = multiprocessing.get_context("spawn")
    for workers, order in ((1, names), (2, names[::-1])):
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            digests = dict(zip(order, pool.map(job, order), strict=True))
        assert [digests[name] for name in names] == here


def test_one_process_serves_all_utterances_and_can_be_stopped() -> None:
    first = worker()
    assert worker() is first
    worker_client.stop_worker()
    assert first.returncode == 0
    assert worker() is not first


def test_a_worker_killed_between_utterances_is_replaced() -> None:
    first, before = worker(), digest(SNR, "u")
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert digest(SNR, "u") == before and worker() is not first


def test_a_worker_that_dies_at_work_is_reported_and_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = worker()
    os.kill(first.pid, signal.SIGSTOP)
    first.send_signal(signal.SIGKILL)
    monkeypatch.setattr(worker_client._Worker, "usable", True)  # as if it died just now
    with pytest.raises(AttackError, match=r"audiomentations\(.*its worker process died"):
        run(SNR, clip(0.5))
    monkeypatch.undo()
    assert run(SNR, clip(0.5)).passed is True


def test_the_worker_does_not_outlive_its_parent() -> None:
    code = (
        "import os, signal, numpy as np\n"
        "from attacks.audiomentations import worker_client\n"
        "from attacks.contract.launder import launder\n"
        "from attacks.contract.condition import parse\n"
        "launder(parse('audiomentations'), np.ones(2000, dtype=np.float32), 16000, 'u', 0)\n"
        "print(worker_client._worker.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL, done.stderr
    wait_for_end(int(done.stdout))


def test_an_error_of_the_transform_names_attack_and_cause() -> None:
    attack = Audiomentations("AddGaussianSNR")
    object.__setattr__(attack, "parameters", "nonsense=3")
    with pytest.raises(AttackError, match=r"^audiomentations\(.*nonsense=3.*TypeError: .*nonsense"):
        launder(Condition((attack,)), clip(0.5), 16000, "u", 0)


def test_canonical_spelling() -> None:
    text = 'audiomentations(transform=AddGaussianSNR, parameters="max_snr_db=10,min_snr_db = 5")'
    assert str(parse(text)) == SNR and parse(SNR) == parse(text)
    words = Audiomentations("TimeStretch", "method=librosa_phase_vocoder, max_rate=1.5")
    assert words.parameters == "max_rate=1.5, method='librosa_phase_vocoder'"
    assert parse(str(Condition((words,)))).steps == (words,)


@pytest.mark.parametrize(
    ("transform", "parameters", "message"),
    [
        (
            "AddGausianSNR",
            "",
            "unknown transform of audiomentations .*did you mean 'AddGaussianSNR'",
        ),
        ("Compose", "", "unknown transform of audiomentations 'Compose'"),
        ("RoomSimulator", "", "RoomSimulator gives different samples for the same seed"),
        ("Lambda", "", "Lambda takes a Python function"),
        ("AddGaussianSNR", "min_snrdb=3", "unknown parameter of .* did you mean 'min_snr_db'"),
        ("AddGaussianSNR", "p=0.5", "p is always 1"),
        ("AddGaussianSNR", "3", "write parameters as"),
        ("AddGaussianSNR", "min_snr_db=", "write parameters as"),
        ("AddGaussianSNR", "min_snr_db=open(3)", "write parameters as"),
        (
            "AddGaussianSNR",
            "min_snr_db=30, max_snr_db=3",
            "refuses its parameters: min_snr_db must",
        ),
        ("AddBackgroundNoise", "", "missing 1 required positional argument: 'sounds_path'"),
    ],
)
def test_invalid_parameters_are_refused_with_the_cause(
    transform: str, parameters: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Audiomentations(transform, parameters)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    attack = Audiomentations("Mp3Compression", "backend='lameenc', preserve_delay=True")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    cause = attack.unavailable()
    assert cause is not None and "needs the package lameenc" in cause
    assert Audiomentations().unavailable() is None
    with pytest.raises(InputError, match=r"not available: .*lameenc"):
        attack(clip(0.5), 16000, np.random.default_rng(0))


def test_files_and_version_are_part_of_the_identity(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        soundfile.write(tmp_path / f"{name}.wav", clip(1.0, seed), 16000)
    attack = Audiomentations("AddBackgroundNoise", f"sounds_path={str(tmp_path)!r}")
    found = attack.resources()
    assert found["audiomentations"] and len(found[f"sounds_path/{tmp_path.name}"]) == 64
    done = launder(Condition((attack,)), clip(0.5), 16000, "u", 0)
    assert done.passed is None and done.steps[0].facts["drawn"]["noise_file_path"]
    soundfile.write(tmp_path / "b.wav", clip(1.0, 3), 16000)
    assert attack.resources() != found


def test_nothing_to_do_is_not_measurable_and_silence_neither() -> None:
    assert run("audiomentations(transform=Clip)").passed is None
    assert run("audiomentations", np.zeros(8000, dtype=np.float32)).passed is None
    assert (
        run('audiomentations(transform=Gain, parameters="min_gain_db=0, max_gain_db=0")').passed
        is False
    )
