"""Fixed and stochastic chains, and their pools."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.chains import pools
from attacks.chains.stochastic import Stochastic
from attacks.codecs.media_codecs import Mp3
from attacks.contract.base import Attack, AttackError
from attacks.contract.condition import Condition, parse, spell
from attacks.contract.launder import launder
from attacks.filters.band_filters import LowPass
from attacks.noise.additive_noise import AdditiveNoise
from benchmark.core.errors import InputError
from tests.support.attack_support import clip, run

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")

MP3 = "mp3(kbps=64, passes=1, loss=0)"
OPUS = "opus(kbps=16, passes=1, loss=0)"


def test_a_fixed_chain_is_its_steps_one_after_the_other() -> None:
    wave = clip(1.0)
    done = run("lowpass(cutoff=4000) | mp3 | resample(rate=44100)", wave)
    by_hand = run("mp3", run("lowpass(cutoff=4000)", wave).wave).wave
    assert [step.attack for step in done.steps] == [
        "lowpass(cutoff=4000)",
        MP3,
        "resample(rate=44100, quality=soxr_hq, returned=true)",
    ]
    assert np.array_equal(run("resample(rate=44100)", by_hand).wave, done.wave)
    assert done.passed


def test_the_same_attack_twice_draws_twice() -> None:
    wave = clip(1.0)
    once = run("noise(kind=white, snr=10)", wave)
    twice = launder(
        parse("noise(kind=white, snr=10) | noise(kind=white, snr=10)"), wave, 16000, "u", 0
    )
    first = once.wave / once.steps[0].facts["gain"] - wave
    second = twice.wave / twice.steps[1].facts["gain"] - once.wave
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


@pytest.mark.parametrize("pool", pools.names())
def test_a_stochastic_chain_can_be_replayed_from_what_it_recorded(pool: str) -> None:
    lengths, recorded = set(), set()
    for utterance in range(12):
        steps = Stochastic(pool, 1, 5).steps(np.random.default_rng(utterance))
        lengths.add(len(steps))
        recorded.add(" | ".join(map(spell, steps)))
        assert parse(" | ".join(map(spell, steps))).steps == steps
    assert len(lengths) >= 3 and len(recorded) >= 10
    done = run(f"opus | stochastic(pool={pool}) | mp3", clip(1.0), "v")
    assert 3 <= len(done.steps) <= 5 and done.passed is not False
    again = run(" | ".join(step.attack for step in done.steps), clip(1.0), "v")
    assert done.wave.tobytes() == again.wave.tobytes() and done.steps == again.steps


@given(st.integers(0, 10**6), st.sampled_from(pools.names()))
def test_chains_nest_in_their_depth(seed: int, pool: str) -> None:
    drawn = [Stochastic(pool, 1, most).steps(np.random.default_rng(seed)) for most in range(1, 6)]
    for shorter, longer in pairwise(drawn):
        assert longer[: len(shorter)] == shorter
    assert len(Stochastic(pool, 5, 5).steps(np.random.default_rng(seed))) == 5


def test_utterances_draw_different_first_steps() -> None:
    texts = {run("stochastic(least=2, most=4)", clip(1.0), u).steps[0].attack for u in "abcdefgh"}
    assert len(texts) > 3


@dataclass(frozen=True)
class Endless(Attack):
    name = "endless"
    family = "test"

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        return (self,)


def test_steps_without_end_are_refused() -> None:
    with pytest.raises(AttackError, match="endless: its steps never end"):
        launder(Condition((Endless(),)), clip(1.0), 16000, "u", 0)


# pools


def test_a_pool_from_a_users_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[slot]]\ndraw = ["noise(kind=white, snr=-5..30)", "mp3(kbps=8/16)"]\n'
        '[[slot]]\ndraw = ["lowpass(cutoff=3000.0..3000.5)"]\n'
        '[[slot]]\ndraw = ["opus"]\n'
    )
    chain = Stochastic(str(path), 3, 3)
    assert parse(spell(chain)).steps == (chain,)
    seen = set()
    for seed in range(200):
        for step in chain.steps(np.random.default_rng(seed)):
            seen.add(step)
    snrs = {step.snr for step in seen if isinstance(step, AdditiveNoise)}
    assert snrs <= set(map(float, range(-5, 31))) and len(snrs) > 20
    assert {step.kbps for step in seen if isinstance(step, Mp3)} == {8, 16}
    cutoffs = {step.cutoff for step in seen if isinstance(step, LowPass)}
    assert cutoffs == {3000 + tenth / 10 for tenth in range(6)}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert chain.resources()["pool/mine"] == digest
    identity = Condition((chain,)).identity()
    path.write_text(path.read_text().replace("8/16", "8/24"))
    assert Condition((chain,)).identity() != identity


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("slot = 3", "needs one \\[\\[slot\\]\\] or more"),
        ("[[slot]]\ndrawn = []", "needs draw = "),
        ("[[slot]]\ndraw = []", "needs draw = "),
        ('[[slot]]\ndraw = ["mp4"]', "unknown attack 'mp4'"),
        ('[[slot]]\ndraw = ["mp3(kbps=8/9)"]', "kbps=9 does not exist"),
        ('[[slot]]\ndraw = ["lowpass(cutoff=9..8)"]', "the range 9..8 must go from low to high"),
        ('[[slot]]\ndraw = ["lowpass(cutoff=3000..9000)"]', "cutoff=9000 is out of range"),
        ('[[slot]]\ndraw = ["mp3 | opus"]', "needs the spelling of one attack"),
        ('[[slot]]\ndraw = ["mp3"]', "most=3 is more than the 1 slots"),
        ("[[slot]", "cannot be read as TOML"),
        ("slots = 3", "unknown entry in .* 'slots'; did you mean 'slot'"),
    ],
)
def test_a_bad_pool_is_refused_with_the_cause(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=f"^stochastic: .*{message}"):
        Stochastic(str(path))


def test_unknown_pools() -> None:
    with pytest.raises(InputError, match="unknown pool 'medja'; did you mean 'media'"):
        Stochastic("medja")
    with pytest.raises(InputError, match="pool file not found"):
        Stochastic("nowhere.toml")
