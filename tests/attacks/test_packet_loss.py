"""Packet loss and dropouts: the chain's statistics, nesting, and the remaining samples."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.channel.loss_concealment import conceal, pitch
from attacks.channel.packet_loss import gilbert_elliott
from attacks.contract.condition import parse, spell
from tests.support.attack_support import attacks, clip, run

PACKET = 320


def lost(text: str, wave: np.ndarray | None = None, utterance: str = "u") -> set[int]:
    facts = run(text, wave, utterance).steps[0].facts
    return {p for first, count in facts["lost"] for p in range(first, first + count)}


@given(
    st.lists(st.floats(0, 1, exclude_max=True), max_size=200),
    st.floats(0.001, 0.6),
    st.floats(0.001, 0.6),
    st.floats(1, 20),
)
@settings(max_examples=300, deadline=None)
def test_losses_nest_for_any_numbers(
    uniforms: list[float], one: float, other: float, burst: float
) -> None:
    numbers = np.array(uniforms)
    fewer = gilbert_elliott(numbers, min(one, other), burst)
    more = gilbert_elliott(numbers, max(one, other), burst)
    assert fewer.shape == numbers.shape and not (fewer & ~more).any()


@pytest.mark.parametrize(("loss", "burst"), [(0.01, 2), (0.1, 1), (0.1, 5), (0.3, 1.2), (0.6, 4)])
def test_the_share_lost_and_the_length_of_bursts(loss: float, burst: float) -> None:
    count = 400_000
    mask = gilbert_elliott(np.random.default_rng(5).random(count), loss, burst)
    mean = max(burst, 1 / (1 - loss))
    # a two-state chain loses its memory at the rate of its second eigenvalue
    memory = 1 - 1 / mean - loss / ((1 - loss) * mean)
    deviation = np.sqrt(loss * (1 - loss) / count * (1 + memory) / (1 - memory))
    assert mask.mean() == pytest.approx(loss, abs=4 * deviation)
    bursts = int(np.sum(mask[1:] & ~mask[:-1]) + mask[0])
    spread = np.sqrt(mean * (mean - 1) / bursts)  # of a geometric length's mean
    assert mask.sum() / bursts == pytest.approx(mean, abs=4 * spread + 1e-9)


def test_burst_1_is_independent_loss() -> None:
    numbers = np.random.default_rng(1).random(5000)
    assert np.array_equal(gilbert_elliott(numbers, 0.2, 1.0), numbers < 0.2)


def test_the_chain_begins_in_its_stationary_state() -> None:
    rng = np.random.default_rng(2)
    first = [gilbert_elliott(rng.random(1), 0.3, 8.0)[0] for _ in range(4000)]
    assert np.mean(first) == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 4000))


@pytest.mark.parametrize("burst", [1, 2, 8])
@pytest.mark.parametrize("concealment", ["zero", "repeat", "g711_appendix1"])
def test_losses_nest_over_the_ladder(burst: int, concealment: str) -> None:
    rest = f"burst={burst}, concealment={concealment}"
    for utterance in "abcd":
        ladder = [
            lost(f"packet_loss(loss={x}, {rest})", None, utterance)
            for x in (0.01, 0.03, 0.05, 0.1, 0.2, 0.6)
        ]
        for fewer, more in pairwise(ladder):
            assert fewer <= more
        assert len(ladder[-1]) > 20
    assert lost("packet_loss(loss=0.3)", None, "a") != lost("packet_loss(loss=0.3)", None, "b")


def test_zero_concealment_silences_the_packets_lost_and_nothing_else() -> None:
    wave = clip()
    done = run("packet_loss(loss=0.2, concealment=zero)", wave)
    gone = lost("packet_loss(loss=0.2, concealment=zero)", wave)
    for packet in range(100):
        piece = slice(packet * PACKET, (packet + 1) * PACKET)
        want = 0 * wave[piece] if packet in gone else wave[piece]
        assert np.array_equal(done.wave[piece], want)
    assert done.passed and done.steps[0].facts["share"] == len(gone) / 100


def test_repeat_fades_the_last_packet_received() -> None:
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 32000).astype(np.float32)
    text = "packet_loss(loss=0.3, burst=5)"
    done = run(text, wave)
    runs = [run_ for run_ in done.steps[0].facts["lost"] if run_[0] > 0]
    assert max(count for _, count in runs) > 3
    for first, count in runs:
        last = wave[(first - 1) * PACKET : first * PACKET].astype(np.float64)
        for k in range(count):
            piece = done.wave[(first + k) * PACKET : (first + k + 1) * PACKET]
            fade = np.clip(1 - (k * PACKET + 1 + np.arange(PACKET)) / 960, 0, 1)
            assert piece == pytest.approx((last * fade)[: piece.size], abs=1e-6)


def test_a_loss_before_the_first_packet_is_silence() -> None:
    for seed in range(40):
        done = run("packet_loss(loss=0.6, burst=4)", clip(), seed=seed)
        first, count = done.steps[0].facts["lost"][0]
        if first == 0:
            assert not done.wave[: count * PACKET].any()
            return
    raise AssertionError("no utterance began with a loss")


def test_losses_other_than_the_drawn_ones_are_refuted() -> None:
    text = "packet_loss(loss=0.2, concealment=zero)"
    attack, wave, done = parse(text).steps[0], clip(), run(text)
    facts = done.steps[0].facts
    restored, harmed = done.wave.copy(), done.wave.copy()
    first = facts["lost"][0][0] * PACKET
    restored[first : first + PACKET] = wave[first : first + PACKET]
    kept = next(p for p in range(100) if p not in lost(text)) * PACKET
    harmed[kept + 5] += np.float32(1e-4)
    for after, verdicts in (
        (done.wave, [True, True]),
        (restored, [False, True]),
        (harmed, [True, False]),
        (wave, [False, True]),
    ):
        assert [c.passed for c in attack.checks(wave, after, 16000, facts)] == verdicts


def test_an_utterance_that_lost_nothing_is_not_measurable() -> None:
    done = run("packet_loss(loss=0.001)", clip(0.2))
    assert done.steps[0].facts["lost"] == [] and done.passed is None
    assert np.array_equal(done.wave, clip(0.2))


@pytest.mark.parametrize("duration", [5, 50, 100])
def test_dropouts_nest_and_silence_the_recorded_gaps(duration: int) -> None:
    wave = np.random.default_rng(0).uniform(0.1, 0.5, 64000).astype(np.float32)
    before: set[int] = set()
    for rate in (0.25, 0.5, 1, 2, 4, 8):
        done = run(f"dropout(rate={rate}, duration={duration})", wave)
        starts = set(done.steps[0].facts["starts"])
        assert before <= starts and len(starts) == rate * 4 and done.passed
        assert np.count_nonzero(done.wave == 0) == rate * 4 * duration * 16
        before = starts


def test_dropouts_other_than_the_drawn_ones_are_refuted() -> None:
    attack, wave = parse("dropout").steps[0], clip()
    done = run("dropout")
    facts = done.steps[0].facts
    assert attack.checks(wave, wave, 16000, facts)[0].passed is False
    assert attack.checks(wave, done.wave * np.float32(0.9), 16000, facts)[1].passed is False
    shifted = {**facts, "starts": [start + 1 for start in facts["starts"]]}
    assert attack.checks(wave, done.wave, 16000, shifted)[1].passed is False


@settings(max_examples=40, deadline=None)
@given(attacks("packet_loss", "dropout"), st.integers(1, 20000), st.integers(1, 4))
def test_every_check_passes_for_any_parameter_and_length(attack, size: int, seed: int) -> None:  # type: ignore[no-untyped-def]
    done = run(spell(attack), clip(1.25, seed)[:size])
    assert [check for check in done.steps[0].checks if check.passed is False] == []


REPLICATED = "concealment=g711_appendix1"


def test_replication_goes_on_with_a_periodic_voice_and_fades_it() -> None:
    period = 130  # 123 Hz
    voice = np.tile(np.random.default_rng(4).uniform(-0.3, 0.3, period), 200).astype(np.float32)
    out = voice.copy()
    start, stop = 8000, 8000 + 5 * PACKET  # 100 ms
    conceal(out, start, stop, 16000)
    frame = np.arange(stop - start) / 160
    gain = np.clip(1 - 0.2 * (frame - 1), 0, 1)  # 20 % per 10 ms from the second frame on
    assert out[start:stop] == pytest.approx(voice[start:stop] * gain, abs=1e-6)
    assert not out[start + 960 : stop].any()
    assert np.array_equal(out[:start], voice[:start])
    assert np.array_equal(out[stop + 160 :], voice[stop + 160 :])
    ramp = out[stop : stop + 160] / voice[stop : stop + 160]
    assert ramp == pytest.approx(np.arange(1, 161) / 161, abs=1e-4)  # from silence, in 10 ms


@given(st.integers(80, 240))
@settings(max_examples=30, deadline=None)
def test_the_period_is_found(period: int) -> None:
    voice = np.tile(np.random.default_rng(period).uniform(-1, 1, period), 20)
    assert pitch(voice[:780], 16000) == period


@pytest.mark.parametrize("size", [1, 100, 700, 16000])
@pytest.mark.parametrize("gain", [0.0, 1.0, 50.0])
def test_replication_works_on_any_wave(size: int, gain: float) -> None:
    wave = np.clip(clip() * np.float32(gain), -3, 3)[:size]
    done = run(f"packet_loss(loss=0.4, burst=3, {REPLICATED})", wave)
    assert done.passed is not False and done.wave.size == size
    assert np.isfinite(done.wave).all()


def test_replication_changes_only_gaps_and_the_fades_at_their_edges() -> None:
    text, wave = f"packet_loss(loss=0.2, {REPLICATED})", clip()
    attack, done = parse(text).steps[0], run(text)
    may = np.zeros(wave.size, dtype=bool)
    for first, count in done.steps[0].facts["lost"]:
        may[max(0, first * PACKET - 60) : (first + count) * PACKET + 160] = True
    assert np.array_equal(done.wave[~may], wave[~may]) and done.passed is True
    facts = done.steps[0].facts
    assert facts["lost"] == run("packet_loss(loss=0.2)").steps[0].facts["lost"]
    repeated = run("packet_loss(loss=0.2)").wave
    harmed = done.wave.copy()
    harmed[np.flatnonzero(~may)[0]] += np.float32(1e-4)
    for after, verdicts in (
        (done.wave, [True, True, True]),
        (repeated, [True, True, False]),  # another concealment
        (harmed, [True, False, True]),
    ):
        assert [c.passed for c in attack.checks(wave, after, 16000, facts)] == verdicts
