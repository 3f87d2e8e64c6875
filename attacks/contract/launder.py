"""Launder one utterance under one condition, and verify every step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import correlate

from attacks.contract.base import RESIDUAL, Attack, AttackError, Check, Evidence, Facts, Wave
from attacks.contract.condition import Condition, blamed, spell
from attacks.contract.sample_checks import sample_checks
from benchmark.audio.memo import remembered
from benchmark.core.errors import InputError
from benchmark.core.foreign import described
from benchmark.core.stage_timer import OFF, StageTimer

SILENT_RMS = 1e-5
LENGTH_TOLERANCE = 1  # sample: a stretched length is seldom a whole number
MOST_STEPS = 100
LEAST_EFFECT_S = 0.05  # in a shorter wave a room's first reflection may not have arrived yet


@dataclass(frozen=True)
class Step:
    """One attack as applied: its spelling (with the drawn values), its facts and its checks."""

    attack: str
    facts: Facts
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Laundered:
    """The attacked wave, float32 (T',), and the record of every step."""

    wave: Wave
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool | None:
        """False when any check failed, None when no claim of an attack was measured, else True."""
        checks = [check for step in self.steps for check in step.checks]
        if any(check.passed is False for check in checks):
            return False
        claims = (check for check in checks if check.effect and check.quantity != RESIDUAL)
        return True if any(check.passed for check in claims) else None


def generator(attack: Attack, position: int, utterance_id: str, seed: int) -> np.random.Generator:
    """Return the random generator of one attack on one utterance.

    It depends on the seed, the attack's family and stream, the number of steps applied before it,
    and the utterance. It does not depend on severity, detector, batch, worker or order. A drawn
    chain is therefore bit-identical to the fixed chain that its record spells.
    """
    key = "\0".join((attack.family, attack.stream, str(position), utterance_id))
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, int.from_bytes(digest, "big")]))


def launder(
    condition: Condition,
    wave: Wave,
    sample_rate: int,
    utterance_id: str,
    seed: int,
    watch: StageTimer = OFF,
) -> Laundered:
    """Apply every step of `condition` to `wave` (float32 (T,), T >= 1) and check each claim.

    `wave` is never written to. `watch` times each attack and its checks separately. Raises
    `AttackError` that names the attack if the wave is invalid or a step cannot be applied to this
    utterance, and `InputError` if a step can be applied to no utterance (no noise bank).
    """
    if not isinstance(wave, np.ndarray) or wave.ndim != 1 or wave.dtype != np.float32:
        raise AttackError(f"{condition}: needs a mono float32 wave, not {_kind(wave)}")
    if wave.size == 0:
        raise AttackError(f"{condition}: the wave is empty")
    if not np.isfinite(wave).all():
        raise AttackError(f"{condition}: the wave holds NaN or infinite samples")
    steps: list[Step] = []
    waiting = list(condition.steps[::-1])
    while waiting:
        attack = waiting.pop()
        rng = generator(attack, len(steps), utterance_id, seed)
        drawn = attack.steps(rng)
        if drawn is not None:
            waiting += drawn[::-1]
            if len(steps) + len(waiting) > MOST_STEPS or attack in drawn:
                raise AttackError(f"{spell(attack)}: its steps never end")
            continue
        wave, step = _apply(attack, wave, sample_rate, rng, watch)
        steps.append(step)
    return Laundered(wave, tuple(steps))


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return type(value).__name__


def _apply(
    attack: Attack, before: Wave, sample_rate: int, rng: np.random.Generator, watch: StageTimer
) -> tuple[Wave, Step]:
    spelling = spell(attack)
    before = before.view()
    before.flags.writeable = False
    try:
        with watch.timing("attack", spelling):
            result = attack(before, sample_rate, rng)
        after, facts, evidence = unpacked(result)
        if not isinstance(after, np.ndarray) or after.dtype != np.float32 or after.ndim != 1:
            raise AttackError(f"returned {_kind(after)}, not a mono float32 wave")
        if after.size == 0:
            raise AttackError("returned an empty wave")
        if not np.isfinite(after).all():
            raise AttackError("returned NaN or infinite samples")
        with watch.timing("verify", spelling):
            checks = all_checks(attack, before, after, sample_rate, facts, evidence)
    except InputError as error:
        raise blamed(attack, error) from error
    except AttackError as error:
        raise AttackError(f"{spelling}: {error}") from error
    except Exception as error:
        raise AttackError(f"{spelling} failed: {described(error)}") from error
    return after, Step(spelling, facts, tuple(checks))


def unpacked(result: object) -> tuple[Wave, Facts, Evidence]:
    """Return wave, facts and evidence of an attack's result; a wave alone has neither."""
    if not isinstance(result, tuple):
        return result, {}, None  # type: ignore[return-value]
    if len(result) not in (2, 3):
        raise AttackError(f"returned {len(result)} values, not a wave, facts and evidence")
    after, facts, *evidence = result
    return after, facts, evidence[0] if evidence else None


def all_checks(
    attack: Attack,
    before: Wave,
    after: Wave,
    sample_rate: int,
    facts: Facts,
    evidence: Evidence = None,
) -> list[Check]:
    """Return the attack's own checks, those of its evidence, and those of every attack."""
    checks = [*attack.checks(before, after, sample_rate, facts)]
    if evidence is not None:
        checks += attack.examine(before, after, sample_rate, facts, evidence)
    return checks + common_checks(attack, before, after, sample_rate, facts)


def common_checks(
    attack: Attack, before: Wave, after: Wave, sample_rate: int, facts: Facts
) -> list[Check]:
    """Return the checks of every attack: its length, its effect, and what it leaves of speech.

    The effect of an attack that keeps every sample in its place is the energy of its change. It is
    owed where the attack affects the utterance and is not nearly the identity by design; elsewhere
    it is measured all the same, and nothing is claimed of it. So it is where an attack that may
    move samples keeps their number: one that found nothing to trim is then known to change nothing.
    """
    checks = [_length(attack, before.size, after.size, facts)]
    if before.size == after.size:
        owed = attack.aligned and not attack.near_identity
        owed = owed and before.size >= LEAST_EFFECT_S * sample_rate
        owed = owed and attack.affects(before, sample_rate)
        change = residual(before, after)
        checks.append(
            Check.at_least(RESIDUAL, "dB", attack.residual_floor, change)
            if owed
            else Check.unclaimed(RESIDUAL, "dB", change)
        )
    if attack.warp is not None:
        checks += sample_checks(before, after, sample_rate, attack.limits)
    return checks


def _length(attack: Attack, before: int, after: int, facts: Facts) -> Check:
    """Check the length that the attack's timing promises; an effect where it stretches time."""
    if attack.warp is None:
        claimed = facts.get("length")
        if not isinstance(claimed, int):
            raise AttackError("declares no fixed warp, so its facts must state the `length`")
        return Check.near("length", "samples", claimed, after, 0, effect=False)
    if attack.aligned:
        return Check.near("length", "samples", before, after, 0, effect=False)
    return Check.near("length", "samples", before * attack.warp, after, LENGTH_TOLERANCE)


def residual(before: Wave, after: Wave) -> float | None:
    """Return the energy of what the attack changed, in dB over the input's; None for silence.

    The best constant gain is removed first, so that a mere change of level is no effect.
    """
    size = min(before.size, after.size)
    x, y = before[:size].astype(np.float64), after[:size].astype(np.float64)
    xx = remembered(before, ("energy", size), lambda: _dot(x, x))
    if xx < size * SILENT_RMS**2:
        return None
    xy = _dot(x, y)
    if xy == 0.0:
        return 0.0
    # the energy of y / g - x over that of x, where g = xy / xx
    return 10 * float(np.log10(max(_dot(y, y) * xx / xy**2 - 1, 1e-20)))


def mismatch(expected: Wave, found: Wave, faint_rms: float) -> float | None:
    """Return the energy by which `found` differs from `expected`, in dB over that of `expected`.

    0 dB if their lengths differ. None if both are fainter than `faint_rms`.
    """
    if found.size != expected.size:
        return 0.0
    exact = expected.astype(np.float64)
    rest = found - exact
    energy, error = _dot(exact, exact), _dot(rest, rest)
    faint = exact.size * faint_rms**2
    if energy <= faint:
        return None if error <= faint else 0.0
    return 10 * float(np.log10(max(error / energy, 1e-20)))


def _dot(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Return the inner product without BLAS, whose threads cost time and change the last bit."""
    return float(np.einsum("i,i->", x, y))


def lag(before: Wave, after: Wave, reach: int = 4000) -> int:
    """Return the samples by which `after` trails `before`, from their cross-correlation's peak.

    Meaningful on broadband signals only. `reach` bounds the search in samples to either side.
    """
    size = min(before.size, after.size)
    cross = np.abs(correlate(after[:size], before[:size], mode="full", method="fft"))
    middle = size - 1
    low = max(0, middle - reach)
    return int(np.argmax(cross[low : middle + reach + 1])) + low - middle
