"""The conformance checks: silent for every attack here, and a finding for every broken one."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from attacks.channel.resampling import Resample
from attacks.codecs.media_codecs import Mp3
from attacks.contract.base import Attack, Severity, number
from attacks.contract.condition import Condition, parse
from attacks.contract.conformance import check, fixtures, levels, speech_like
from attacks.noise.additive_noise import AdditiveNoise
from tests.support.attack_support import available

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")


@pytest.mark.parametrize("name", available())
def test_every_attack_conforms(name: str) -> None:
    condition = parse(name)
    found = check(condition)
    for level in levels(condition):
        found += check(level, brief=True)
    assert found == [], "\n".join(map(str, found))


def test_levels_are_those_of_the_ladder() -> None:
    spelled = [str(level) for level in levels(parse("mp3(passes=2)"))]
    assert spelled == [f"mp3(kbps={rate}, passes=2, loss=0)" for rate in (64, 48, 32, 16, 8)]
    assert levels(parse("mp3 | opus")) == [] and levels(parse("clean")) == []


@pytest.mark.parametrize(
    "text",
    [
        "clean",
        "opus | noise(kind=white, snr=20) | lowpass(cutoff=3400)",
        "resample(rate=44100)",
        "noise(kind=volvo, snr=-10)",
        "noise(kind=street, snr=60)",
        "reverberation(rt60=3)",
        "mp3(kbps=8)",
        "opus(kbps=6)",
    ],
)
def test_conditions_conform(text: str) -> None:
    found = check(parse(text))
    assert found == [], "\n".join(map(str, found))


class Broken(AdditiveNoise):
    """White noise at 10 dB, with an error in each subclass."""

    name = "broken"


def rules(attack: Attack) -> dict[str, str]:
    """Return the findings by rule, except those on silence and on one sample."""
    found = [f for f in check(attack) if f.fixture not in ("silence", "one sample")]
    found.sort(key=lambda f: not f.fixture.endswith(" Hz"))  # later findings replace these
    return {f.rule: f.message for f in found}


@dataclass(frozen=True)
class NoOp(Attack):
    name = "noop"
    family = "test"

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return wave


def test_a_no_op() -> None:
    found = rules(NoOp())
    assert set(found) == {"residual"}
    assert "noop claims >= -60 dB (tolerance 0), measured -200" in found["residual"]


class WrongSnr(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return AdditiveNoise(self.kind, self.snr + 1)(wave, sample_rate, rng)


class Gaps(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out, facts = super().__call__(wave, sample_rate, rng)
        out = out.copy()
        hole = slice(wave.size // 3, wave.size // 3 + wave.size // 8)
        out[hole] = wave[hole] * facts["gain"]
        return out, facts


class WrongGain(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out, facts = super().__call__(wave, sample_rate, rng)
        return out * np.float32(0.5), facts


class Shifted(Resample):
    name = "shifted"

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return np.roll(super().__call__(wave, sample_rate, rng), 12)

    def checks(self, before, after, sample_rate, facts):  # type: ignore[no-untyped-def]
        return []


class StaysAtTheNewRate(Resample):
    name = "stays"

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return np.ascontiguousarray(wave[::2])


class OtherRate(Resample):
    name = "other_rate"

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return Resample(11025)(wave, sample_rate, rng)


class OnlyTheMiddle(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out, facts = super().__call__(wave, sample_rate, rng)
        edge = wave.size // 10
        out[:edge], out[-edge:] = wave[:edge], wave[-edge:]
        return out, facts


class WrongRateUp(Resample):
    name = "wrong_rate_up"

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return np.repeat(wave, 2)


class MuteOnLong(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out, facts = super().__call__(wave, sample_rate, rng)
        out[30 * sample_rate :] = wave[30 * sample_rate :]
        return out, facts


class CrashesElsewhere(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return super().__call__(wave, {16000: 16000}[sample_rate], rng)


class Infinite(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out, facts = super().__call__(wave, sample_rate, rng)
        return np.full_like(out, np.inf) if np.ptp(wave) > 1 else out, facts


class Clocked(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        seeded = np.random.default_rng(time.perf_counter_ns())
        return super().__call__(wave, sample_rate, seeded)


class OtherBitRate(Mp3):
    name = "other_bit_rate"

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return Mp3(32)(wave, sample_rate, rng)


class GlobalRandomness(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        seeded = np.random.default_rng(np.random.randint(1 << 30))  # noqa: NPY002
        return super().__call__(wave, sample_rate, seeded)


class PythonRandomness(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return super().__call__(wave, sample_rate, np.random.default_rng(random.getrandbits(30)))


class Counting(Broken):
    calls = 0

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        Counting.calls += 1
        return super().__call__(wave, sample_rate, np.random.default_rng(Counting.calls))


class NotFinite(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out = wave.copy()
        out[-1] = np.nan
        return out


class Writes(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        wave *= 2
        return wave


class NumpyFacts(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out, facts = super().__call__(wave, sample_rate, rng)
        return out, {**facts, "level": np.float32(1)}


class IntegerKeys(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out, facts = super().__call__(wave, sample_rate, rng)
        return out, {**facts, "levels": {1: 0.5}}


class NanFacts(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        out, facts = super().__call__(wave, sample_rate, rng)
        return out, {**facts, "level": float("nan")}


class TorchRandomness(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        seeded = np.random.default_rng(int(torch.randint(1 << 30, ())))
        return super().__call__(wave, sample_rate, seeded)


class TorchReseeded(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        torch.manual_seed(1)
        return super().__call__(wave, sample_rate, rng)


class DrawsBySeverity(Broken):
    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        result = super().__call__(wave, sample_rate, rng)
        rng.random(round(self.snr) + 20)
        return result


class HeardSoFar(Broken):
    """Keeps the peak of everything that it has heard, so that equal calls in a row are equal."""

    peak = 0.0

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        HeardSoFar.peak = max(HeardSoFar.peak, float(np.abs(wave).max()))
        out, facts = super().__call__(wave, sample_rate, rng)
        return out, {**facts, "peak": HeardSoFar.peak}


@pytest.mark.parametrize(
    ("broken", "rule", "message"),
    [
        (WrongSnr("white"), "SNR", "claims = 10 dB (tolerance 0.1), measured 11"),
        (WrongGain("white"), "SNR", "claims = 10 dB"),
        (Gaps("white"), "coverage", "claims >= 0.99 share of frames"),
        (Shifted(8000), "lag", "trails the input by 12 samples"),
        (StaysAtTheNewRate(8000), "length", "claims = 16000 samples (tolerance 0), measured 8000"),
        (OnlyTheMiddle("white"), "coverage", "claims >= 0.99 share of frames"),
        (WrongRateUp(8000), "length", "claims = 16000 samples (tolerance 0), measured 32000"),
        (MuteOnLong("white"), "coverage", "claims >= 0.99 share of frames"),
        (CrashesElsewhere("white"), "applies", "failed: KeyError"),
        (Infinite("white"), "applies", "returned NaN or infinite samples"),
        (Clocked("white"), "determinism", "different samples"),
        (OtherRate(8000), "stop band attenuation", "claims >= 70 dB"),
        (OtherBitRate(64), "payload bit rate", "claims = 64 kbit/s (tolerance 1.28), measured 32"),
        (GlobalRandomness("white"), "determinism", "different samples"),
        (GlobalRandomness("white"), "global randomness", "global random generator"),
        (PythonRandomness("white"), "global randomness", "global random generator"),
        (Counting("white"), "determinism", "different samples"),
        (NotFinite("white"), "applies", "returned NaN or infinite samples"),
        (Writes("white"), "applies", "read-only"),
        (NumpyFacts("white"), "facts", "not JSON serializable"),
        (IntegerKeys("white"), "facts", "JSON changes them"),
        (NanFacts("white"), "facts", "not JSON compliant"),
        (TorchRandomness("white"), "determinism", "different samples"),
        (TorchRandomness("white"), "global randomness", "global random generator"),
        (TorchReseeded("white"), "global randomness", "global random generator"),
        (DrawsBySeverity("white"), "draws", "draws otherwise than broken(kind=white, snr=30"),
        (HeardSoFar("white"), "order", "once other signals were laundered"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Attack) else None,
)
def test_a_broken_attack_is_reported(broken: Attack, rule: str, message: str) -> None:
    found = rules(broken)
    assert message in found[rule], found


def test_global_random_states_are_left_as_they_were() -> None:
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    torch.manual_seed(5)
    expected = np.random.RandomState(5).rand(), random.Random(5).random()
    drawn = torch.rand(3, generator=torch.Generator().manual_seed(5))
    check(GlobalRandomness("white"))
    assert torch.equal(torch.rand(3), drawn)
    assert (np.random.rand(), random.random()) == expected  # noqa: NPY002


@dataclass(frozen=True)
class Declares(Attack):
    """An attack with only wrong declarations."""

    name = "declares"
    family = "test"
    version = 0
    severity = Severity("depth", "m", (1.0, 2.0, 99.0))
    depth: float = number(1.0, low=0.0, high=10.0, unit="m")

    @property
    def stream(self) -> str:
        return f"declares/{self.depth}"

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        return np.square(wave)


def test_wrong_declarations_are_reported() -> None:
    messages = [str(finding) for finding in check(Declares())]
    for part in (
        "version: declares must have a version of 1 or more",
        "the ladder of declares has 3 levels, not 5",
        "level 99 of the ladder of declares is refused: declares: depth=99 is out of range",
        "stream: the random stream of declares depends on depth",
    ):
        assert any(part in message for message in messages), messages


def test_an_attack_without_a_name() -> None:
    class Nameless(Attack):
        family = "test"

    assert [finding.rule for finding in check(Nameless())] == ["name"]
    assert check(Condition()) == []


def test_the_fixtures_match_their_names() -> None:
    signals = fixtures()
    assert len(signals) == 8 and all(wave.dtype == np.float32 for wave in signals.values())
    assert not signals["silence"].any() and np.ptp(signals["DC"]) == 0
    assert (
        signals["60 s"].size == 960000
        and signals["0.1 s"].size == 1600
        and signals["one sample"].size == 1
    )
    assert np.abs(signals["full scale"]).min() == 1
    assert not np.array_equal(speech_like(1.0, 1), speech_like(1.0, 2))
