"""Named pipelines: stages in a row, cut off by depth, worse by strength, replayable."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest

from attacks.chains.pipelines import STRENGTHS, Pipeline
from attacks.chains.stochastic import Composite
from attacks.contract.base import registry
from attacks.contract.condition import parse
from attacks.contract.conformance import check
from tests.support.attack_support import clip, run

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")

PIPELINES = [
    "media",
    "network",
    "phone_call",
    "physical",
    "smart_speaker",
    "social_media_upload",
    "voice_note",
]


def test_these_are_all() -> None:
    found = [name for name in registry.names() if issubclass(registry.get(name), Pipeline)]
    assert found == PIPELINES


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_is_the_chain_that_it_records(name: str) -> None:
    done = run(f"{name}(depth=3, strength=3)", clip(1.0), "v")
    again = run(" | ".join(step.attack for step in done.steps), clip(1.0), "v")
    assert done.wave.tobytes() == again.wave.tobytes() and done.steps == again.steps
    assert done.passed and len(done.steps) >= 3


@pytest.mark.parametrize("name", PIPELINES)
def test_depth_cuts_a_pipeline_off(name: str) -> None:
    none = run(f"{name}(depth=0)", clip(1.0))
    assert none.wave.tobytes() == clip(1.0).tobytes()
    assert none.passed and none.steps[0].checks[0].quantity == "change"
    waves = [run(f"{name}(depth={depth})", clip(1.0)) for depth in (1, 2, 3)]
    for shorter, longer in pairwise(waves):
        assert len(longer.steps) > len(shorter.steps)
        assert longer.steps[: len(shorter.steps)] == shorter.steps
    assert check(parse(f"{name}(depth=0)"), brief=True) == []


@pytest.mark.parametrize("name", PIPELINES)
def test_strength_moves_every_ladder_one_way(name: str) -> None:
    for spelling, ladders in registry.get(name).stages:  # type: ignore[attr-defined]
        assert spelling.count("{}") == len(ladders)
        for ladder in ladders:
            assert len(ladder) == len(STRENGTHS)
            rises = np.diff(ladder)
            assert (rises >= 0).all() or (rises <= 0).all()
    milder, harsher = (run(f"{name}(strength={s})", clip(1.0)) for s in (1, 5))
    assert not np.array_equal(milder.wave, harsher.wave)


def test_the_published_values_are_three_of_the_five() -> None:
    spelled = {
        strength: [step.attack for step in run(f"network(strength={strength})", clip(0.5)).steps]
        for strength in (2, 3, 4)
    }
    for strength, kbps, loss, snr in ((2, 32, "0.01", 20), (3, 24, "0.05", 10), (4, 12, "0.1", 0)):
        opus, lost, low, noise = spelled[strength]
        assert opus.startswith(f"opus(kbps={kbps},") and low == "lowpass(cutoff=3400)"
        assert lost == f"packet_loss(loss={loss}, burst=1, concealment=zero)"
        assert noise.startswith(f"noise(kind=street, snr={snr},")


def test_identity_follows_the_steps() -> None:
    shallow, deep = (parse(f"network(depth={depth})").identity() for depth in (1, 3))
    assert "+version/opus:" in shallow and "noise/street" not in shallow
    assert "+noise/street:" in deep and "+version/packet_loss:" in deep


@pytest.mark.parametrize("text", ["physical", "stochastic(pool=mixed, least=5, most=5)"])
def test_training_draws_other_rooms_and_excerpts(text: str) -> None:
    (attack,) = parse(text).steps
    assert isinstance(attack, Composite)
    trained = attack.for_training()
    for item in (trained, pickle.loads(pickle.dumps(trained)), copy.copy(trained)):
        steps, usual = (a.steps(np.random.default_rng(1)) for a in (item, attack))
        assert steps is not None and usual is not None
        assert steps == tuple(step.for_training() for step in usual) and steps != usual
