"""Conformance checks of the attack contract, on a few difficult signals.

`launderbench check NAME` and the tests of a plugin call `check`; an empty list means that the
attack conforms.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

import numpy as np
import numpy.typing as npt

from attacks.contract import sample_checks
from attacks.contract.base import RESIDUAL, Attack, AttackError, Wave, registry
from attacks.contract.condition import Condition, parse, spell
from attacks.contract.launder import Laundered, generator, lag, launder
from attacks.contract.spectral_distortion import DISTORTION
from attacks.timing.warp_measurement import delay_ms
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError

SEED = 7
LAG = 1  # samples; codecs with a fractional delay cannot do better
UNLIKE = 0.1  # correlation below which the output counts as a new waveform
DELAY_MS = 10.0  # of the envelope; the frames of a vocoder smear it by that much
OTHER_RATES = (8000, 48000)
LONG = "60 s"
# On these signals a sample-by-sample attack is a mere gain, so no effect can be required; and what
# a first step leaves of them is junk, of which no later step owes what it owes of speech.
WITHOUT_WAVEFORM = ("an impulse", "full scale", "DC")
OF_SPEECH = (RESIDUAL, DISTORTION, *sample_checks.QUANTITIES)
DRAWS = 4  # utterances on which a stochastic chain is checked


@dataclass(frozen=True)
class AttackFinding:
    """One violation of the contract: the condition, the signal, the rule, and the measurement."""

    condition: str
    fixture: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.condition} on {self.fixture}: {self.rule}: {self.message}"


def check(subject: Attack | Condition, *, brief: bool = False) -> list[AttackFinding]:
    """Return every violation of the attack contract by `subject`; empty if it conforms.

    The signals are speech-like and broadband ones, silence, an impulse, 0.1 s, 60 s, one sample,
    full scale, DC, and speech at other sample rates. An attack may refuse one sample and other
    rates, but must not crash on them. With `brief`, 60 s and the other rates are left out. The
    rules are:

    - type, shape and length of the output, and finite samples;
    - equal results for equal draws, whatever the state of the global random generators of Python,
      NumPy and PyTorch, which must stay untouched;
    - equal results whatever was laundered before (`order_digests` checks this in fresh processes);
    - equally many draws at every level of the severity;
    - an unchanged input;
    - no lag where aligned, and a measurable effect where not;
    - facts that come back from JSON as they were;
    - every check that the attack itself makes.
    """
    condition = subject if isinstance(subject, Condition) else Condition((subject,))
    try:
        name = str(condition)
    except AttributeError:
        return [
            AttackFinding("?", "-", "name", "the attack has no name: decorate it with attack(...)")
        ]
    found = [
        AttackFinding(name, "-", rule, text) for rule, text in _declaration_findings(condition)
    ]
    state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - restored below
    torch_state = _torch().get_rng_state()
    try:
        found += [AttackFinding(name, *finding) for finding in _signal_findings(condition, brief)]
    finally:
        np.random.set_state(state)  # noqa: NPY002
        random.setstate(python_state)
        _torch().set_rng_state(torch_state)
    return found


def order_digests(condition: Condition, *, backwards: bool) -> dict[str, str]:
    """Return a digest of samples, facts and checks for each of two signals, laundered in turn.

    Two fresh processes that go forwards and `backwards` must give the same: else the first signal
    has left something behind. Within one process this cannot be seen, because an attack that keeps
    what it has heard first has then heard it already. A refused signal has its error for a digest.
    """
    waves = {"the first": speech_like(1.0, 2), "the second": speech_like(1.5, 3)}
    found = {}
    for name in reversed(waves) if backwards else waves:
        try:
            done = launder(condition, waves[name], SAMPLE_RATE, name, SEED)
        except (AttackError, InputError) as error:
            found[name] = str(error)
            continue
        content = done.wave.tobytes() + repr(done.steps).encode()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def levels(condition: Condition) -> list[Condition]:
    """Return the five severity levels of a single attack, mild to severe; none without a ladder."""
    if len(condition.steps) != 1 or condition.steps[0].severity is None:
        return []
    (step,) = condition.steps
    severity = step.severity
    assert severity is not None
    found = []
    for level in severity.ladder:
        with contextlib.suppress(InputError):  # `check` reports refused levels
            found.append(Condition((dataclasses.replace(step, **{severity.parameter: level}),)))
    return found


@lru_cache(maxsize=1)
def fixtures() -> Mapping[str, Wave]:
    """Return the signals by name: float32 (T,) at 16 kHz, read-only, always the same."""
    speech = speech_like(2.0)
    full = np.sign(np.sin(2 * np.pi * 200 * np.arange(16000) / SAMPLE_RATE + 0.1))
    impulse = np.zeros(16000)
    impulse[4000] = 0.9
    waves: dict[str, npt.NDArray[np.floating]] = {
        "speech": speech,
        "silence": np.zeros(16000),
        "an impulse": impulse,
        "0.1 s": speech[2000:3600],
        LONG: np.resize(speech, 60 * SAMPLE_RATE),
        "one sample": np.array([0.25]),
        "full scale": full,
        "DC": np.full(16000, 0.5),
    }
    signals = {name: wave.astype(np.float32) for name, wave in waves.items()}
    for wave in signals.values():
        wave.flags.writeable = False
    return signals


def speech_like(seconds: float, seed: int = 1) -> Wave:
    """Return syllables of voice and hiss with pauses: float32 (T,) at 16 kHz, -26 dB RMS."""
    rng = np.random.default_rng(seed)
    size = round(seconds * SAMPLE_RATE)
    time = np.arange(size) / SAMPLE_RATE
    turns = np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.6 * time + seed)) / SAMPLE_RATE
    formants = (500 + 200 * np.sin(2.3 * time), 1500 + 400 * np.cos(1.7 * time), 2600 + 0 * time)
    voice = np.zeros(size)
    for harmonic in range(1, 45):
        hertz = harmonic * 120
        near = sum(1 / (1 + ((hertz - formant) / 150) ** 2) for formant in formants)
        voice += (near + 0.01) * np.sin(2 * np.pi * harmonic * turns)
    syllable = np.clip(1.6 * np.sin(2 * np.pi * 2.1 * time + 0.4 * seed), 0, 1)
    hiss = np.clip(np.sin(2 * np.pi * 1.3 * time + 2), 0.05, 1) * (rng.random(size) - 0.5)
    wave = voice * syllable + hiss * (1 - syllable) + 0.01 * (rng.random(size) - 0.5)
    return (wave * (10 ** (-26 / 20) / np.sqrt(np.mean(wave**2)))).astype(np.float32)


def _signal_findings(condition: Condition, brief: bool) -> Iterator[tuple[str, str, str]]:
    """Yield (fixture, rule, message) for every violation, each rule once per signal."""
    first = _outcome(condition)
    for fixture, wave in fixtures().items():
        if brief and fixture == LONG:
            continue
        stochastic = fixture == "speech" and any(_is_stochastic(step) for step in condition.steps)
        reported: set[str] = set()
        for draw in range(DRAWS if stochastic else 1):
            for rule, text in _run_findings(condition, wave, f"{fixture}-{draw}", fixture):
                if rule not in reported:
                    reported.add(rule)
                    yield fixture, rule, text
    for rate in () if brief else OTHER_RATES:
        wave = np.resize(fixtures()["speech"], 2 * rate)
        for rule, text in _run_findings(condition, wave, f"{rate}", "", rate):
            yield f"{rate} Hz", rule, text
    if _outcome(condition) != first:
        yield "speech", "order", "gives other samples or facts once other signals were laundered"
    for text in _draw_findings(condition):
        yield "speech", "draws", text
    for text in _lag_findings(condition):
        yield "broadband noise", "lag", text
    if not condition.aligned:
        for text in _effect_findings(condition):
            yield "speech between silences", "effect", text


def _outcome(condition: Condition) -> tuple[bytes, str] | None:
    """Return samples and record of one signal; None if it is refused, which is reported."""
    try:
        done = launder(condition, speech_like(1.0), SAMPLE_RATE, "order", SEED)
    except (AttackError, InputError):
        return None
    return done.wave.tobytes(), repr(done.steps)


def _draw_findings(condition: Condition) -> Iterator[str]:
    """Yield a message for a level of severity after which the generator stands elsewhere.

    Levels are paired only if the draws of one do not depend on which one it is.
    """
    wave = speech_like(1.0)
    wave.flags.writeable = False
    states: dict[str, object] = {}
    for level in levels(condition):
        (step,) = level.steps
        rng = generator(step, 0, "draws", SEED)
        try:
            if step.steps(rng) is None:
                step(wave, SAMPLE_RATE, rng)
        except Exception:  # noqa: BLE001 - `_run_findings` reports what an attack raises
            return
        states[spell(step)] = rng.bit_generator.state
    for name, state in states.items():
        first = next(iter(states))
        if state != states[first]:
            yield f"{name} draws otherwise than {first}: draw first, then use the severity"
            return


def _declaration_findings(condition: Condition) -> Iterator[tuple[str, str]]:
    """Yield (rule, message) for every wrong declaration."""
    for step in condition.steps:
        if not isinstance(step.version, int) or step.version < 1:
            yield "version", f"{step.name} must have a version of 1 or more, not {step.version!r}"
        if step.severity is not None:
            yield from _ladder_findings(step)
    if all(step.name in registry.names() for step in condition.steps):
        reparsed = parse(str(condition))
        if reparsed != condition:
            yield "spelling", f"reads back as {reparsed}"


def _ladder_findings(step: Attack) -> Iterator[tuple[str, str]]:
    severity = step.severity
    assert severity is not None
    if severity.parameter not in {f.name for f in dataclasses.fields(step)}:
        yield "severity", f"{step.name} has no parameter {severity.parameter!r}"
        return
    if len(severity.ladder) != 5:
        yield "severity", f"the ladder of {step.name} has {len(severity.ladder)} levels, not 5"
    streams = set()
    plain = type(step)()  # defaults: a level may be invalid with this step's other values
    for level in severity.ladder:
        try:
            streams.add(dataclasses.replace(plain, **{severity.parameter: level}).stream)
        except InputError as error:
            yield "severity", f"level {level:g} of the ladder of {step.name} is refused: {error}"
    if len(streams) > 1:
        yield "stream", f"the random stream of {step.name} depends on {severity.parameter}"


def _is_stochastic(step: Attack) -> bool:
    return step.steps(np.random.default_rng(0)) is not None


def _run_findings(
    condition: Condition, wave: Wave, utterance: str, fixture: str, rate: int = SAMPLE_RATE
) -> Iterator[tuple[str, str]]:
    """Yield (rule, message) for every violation on one signal."""
    given = wave.copy()
    try:
        results: list[Laundered] = []
        for global_seed in (1, 2):
            np.random.seed(global_seed)  # noqa: NPY002 - must have no influence
            random.seed(global_seed)
            _torch().manual_seed(global_seed)
            before = _global_state()
            results.append(launder(condition, given, rate, utterance, SEED))
            if _global_state() != before:
                yield "global randomness", "draws from a global random generator"
    except (AttackError, InputError) as error:
        refused = isinstance(error, InputError) or isinstance(error.__cause__, AttackError)
        if not refused or (fixture != "one sample" and rate == SAMPLE_RATE):
            yield "applies", str(error)
        return
    if not np.array_equal(given, wave):
        yield "input", "the input wave was changed"
    first, second = results
    if first.wave.shape != second.wave.shape or first.wave.tobytes() != second.wave.tobytes():
        yield "determinism", "two runs with equal draws gave different samples"
    elif first.steps != second.steps:
        yield "determinism", "two runs with equal draws gave different facts or checks"
    for step in first.steps:
        try:
            if json.loads(json.dumps(step.facts, allow_nan=False)) != step.facts:
                yield "facts", f"{step.attack}: JSON changes them: {step.facts}"
        except (TypeError, ValueError) as error:
            yield "facts", f"{step.attack}: {error}"
        for claim in step.checks:
            if claim.quantity in OF_SPEECH and fixture in WITHOUT_WAVEFORM:
                continue
            if claim.passed is False:
                yield (
                    claim.quantity,
                    f"{step.attack} claims {claim.relation} {_format(claim.claimed)} {claim.unit}"
                    f" (tolerance {claim.tolerance:g}), measured {_format(claim.measured)}",
                )


def _global_state() -> tuple[object, ...]:
    state = np.random.get_state(legacy=False)  # noqa: NPY002 - watched
    numpy_state = state["state"]["key"].tobytes(), state["state"]["pos"]
    return *numpy_state, random.getstate(), _torch().get_rng_state().numpy().tobytes()


def _torch() -> ModuleType:
    import torch  # takes a second, which few who read this module's signals need

    return torch


def _format(measured: float | None) -> str:
    return "nothing" if measured is None else f"{measured:g}"


def _effect_findings(condition: Condition) -> Iterator[str]:
    """Yield a message if samples move, so that no residual exists, and no effect is measured."""
    wave = np.pad(speech_like(1.0), SAMPLE_RATE // 2)
    try:
        laundered = launder(condition, wave, SAMPLE_RATE, "effect", SEED)
    except (AttackError, InputError):
        return  # already reported
    if laundered.passed is None:
        yield "moves samples in time, but its checks measure no effect"


def _lag_findings(condition: Condition) -> Iterator[str]:
    """Yield a message for a lag on both white noise and noise with the slope of speech.

    Where the output correlates with neither at any lag (a vocoder makes new waveforms), the
    envelope of noise bursts decides.
    """
    if not condition.aligned:
        return
    white = np.random.default_rng(3).uniform(-0.3, 0.3, 2 * SAMPLE_RATE)
    bins = np.fft.rfft(white)
    bins /= np.sqrt(np.arange(bins.size) + 200)
    pink = np.fft.irfft(bins, white.size)
    pink *= np.sqrt(np.mean(white**2) / np.mean(pink**2))
    found, similarity = [], []
    for wave in (white.astype(np.float32), pink.astype(np.float32)):
        try:
            after = launder(condition, wave, SAMPLE_RATE, "lag", SEED).wave
        except (AttackError, InputError):
            return  # already reported
        found.append(lag(wave, after))
        size = min(wave.size, after.size)
        moved = np.roll(after[:size], -found[-1])
        similarity.append(abs(np.corrcoef(wave[:size], moved)[0, 1]))
    if max(similarity) < UNLIKE:
        bursts = white * np.repeat(np.random.default_rng(4).random(40) > 0.5, white.size // 40)
        wave = bursts.astype(np.float32)
        delay = delay_ms(wave, launder(condition, wave, SAMPLE_RATE, "lag", SEED).wave, SAMPLE_RATE)
        if delay is None or abs(delay) > DELAY_MS:
            state = "cannot be measured" if delay is None else f"is {delay:.1f} ms"
            yield f"the delay of the envelope {state} (allowed: {DELAY_MS:g} ms)"
    elif all(abs(samples) > LAG for samples in found):
        yield f"the output trails the input by {found[0]} samples (allowed: {LAG})"
