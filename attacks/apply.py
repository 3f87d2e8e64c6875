"""Launder one utterance under one condition, and verify every step of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate

from attacks.base import Attack, AttackError, Check, Facts, Wave
from attacks.condition import Condition, spell
from benchmark.level import rms

SILENT_RMS = 1e-5
RESIDUAL_FLOOR_DB = -60.0


@dataclass(frozen=True)
class Step:
    """One attack as it was applied: its spelling (the draw, in a stochastic chain), facts, checks."""

    attack: str
    facts: Facts
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Laundered:
    """The attacked wave, float32 (T',), and what was done to it step by step."""

    wave: Wave
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool | None:
        """False when any check failed, None when nothing could be measured, else True."""
        verdicts = [check.passed for step in self.steps for check in step.checks]
        if False in verdicts:
            return False
        return True if True in verdicts else None


def generator(attack: Attack, position: int, utterance_id: str, seed: int) -> np.random.Generator:
    """The random stream of one attack on one utterance.

    It depends on the seed, the attack's family and stream, its position in the chain and the
    utterance; not on severity, detector, batch, worker or order.
    """
    key = "\0".join((attack.family, attack.stream, str(position), utterance_id))
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, int.from_bytes(digest, "big")]))


def launder(
    condition: Condition, wave: Wave, sample_rate: int, utterance_id: str, seed: int
) -> Laundered:
    """Apply every step of `condition` to `wave` (float32 (T,), T >= 1) and check each claim.

    Raises `AttackError` naming the attack when a step cannot be applied to this utterance.
    """
    if wave.ndim != 1 or wave.size == 0 or wave.dtype != np.float32:
        raise AttackError(f"want a non-empty mono float32 wave, not {wave.dtype} {wave.shape}")
    steps: list[Step] = []
    for position, attack in enumerate(condition.steps):
        rng = generator(attack, position, utterance_id, seed)
        drawn = attack.steps(rng)
        for child, part in enumerate((attack,) if drawn is None else drawn):
            if drawn is not None:
                rng = generator(part, (position + 1) * 1000 + child, utterance_id, seed)
            wave, step = _apply(part, wave, sample_rate, rng)
            steps.append(step)
    return Laundered(wave, tuple(steps))


def _apply(
    attack: Attack, before: Wave, sample_rate: int, rng: np.random.Generator
) -> tuple[Wave, Step]:
    before.flags.writeable = False
    result = attack(before, sample_rate, rng)
    after, facts = result if isinstance(result, tuple) else (result, {})
    if not isinstance(after, np.ndarray) or after.dtype != np.float32 or after.ndim != 1:
        kind = f"{after.dtype} {after.shape}" if isinstance(after, np.ndarray) else type(after)
        raise AttackError(f"{spell(attack)} returned {kind}, not a mono float32 wave")
    if after.size == 0:
        raise AttackError(f"{spell(attack)} returned an empty wave")
    if not np.isfinite(after).all():
        raise AttackError(f"{spell(attack)} returned non-finite samples")
    checks = (*common_checks(attack, before, after), *attack.checks(before, after, sample_rate, facts))
    return after, Step(spell(attack), facts, checks)


def common_checks(attack: Attack, before: Wave, after: Wave) -> list[Check]:
    """What every attack owes: an effect, unless it is nearly the identity; and its alignment."""
    checks: list[Check] = []
    if attack.aligned:
        checks.append(Check.near("length", "samples", before.size, after.size, 0))
    if attack.aligned and not attack.near_identity:
        checks.append(Check.at_least("residual", "dB", RESIDUAL_FLOOR_DB, residual(before, after)))
    return checks


def residual(before: Wave, after: Wave) -> float | None:
    """Energy of what the attack changed, in dB over the input's; None for a silent input.

    The best constant gain is taken out first, so that a mere change of level is no effect.
    """
    size = min(before.size, after.size)
    x, y = before[:size].astype(np.float64), after[:size].astype(np.float64)
    if rms(x) < SILENT_RMS:
        return None
    energy = float(x @ x)
    gain = float(x @ y) / energy
    if gain == 0.0:
        return 0.0
    rest = y / gain - x
    return 10 * float(np.log10(max(float(rest @ rest) / energy, 1e-20)))


def lag(before: Wave, after: Wave, reach: int = 4000) -> int:
    """Samples by which `after` trails `before`, from the peak of their cross-correlation.

    Meaningful on broadband signals only; `reach` bounds the search to either side.
    """
    size = min(before.size, after.size)
    cross = np.abs(correlate(after[:size], before[:size], mode="full", method="fft"))
    middle = size - 1
    low = max(0, middle - reach)
    return int(np.argmax(cross[low : middle + reach + 1])) + low - middle
