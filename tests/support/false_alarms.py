"""False alarms: checks that fail on attacks as they are.

`python -m tests.support.false_alarms` counts, over speech and all severity levels, the utterances
on which a check of an unmutated attack fails, and prints each. `--embedded test` takes the embedded
test set; without it the speech is another kind, synthesised here at 8, 16 and 44.1 kHz, with
clicks, music and long pauses.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from attacks.contract.base import AttackError, Check, Wave, registry
from attacks.contract.condition import Condition
from attacks.contract.conformance import levels, speech_like
from attacks.contract.launder import launder
from benchmark.audio.reader import SAMPLE_RATE, resample
from benchmark.core.progress import progress_bar
from tests.support.mutations import SKIPPED, embedded_speech

SEED = 11


@dataclass(frozen=True)
class Alarm:
    """One failed check of an attack that did what it says."""

    attack: str
    utterance: int
    check: Check

    def __str__(self) -> str:
        check = self.check
        return (
            f"{self.attack} on utterance {self.utterance}: {check.quantity} {check.relation}"
            f" {check.claimed:.4g} (tolerance {check.tolerance:.4g}), measured {check.measured:.4g}"
        )


def conditions(only: Iterable[str] = ()) -> list[Condition]:
    """Return every available attack at all its levels, or those named."""
    wanted, found = {*only}, []
    for name in registry.names():
        attack = registry.get(name)()
        if name in SKIPPED or attack.unavailable() is not None or (wanted and name not in wanted):
            continue
        plain = Condition((attack,))
        found += levels(plain) or [plain]
    return found


def alarms(
    subjects: Iterable[Condition], speech: Sequence[Wave]
) -> Iterator[tuple[Condition, list[Alarm]]]:
    """Yield the alarms of each condition."""
    for condition in subjects:
        found = []
        for place, wave in enumerate(speech):
            try:
                laundered = launder(condition, wave, SAMPLE_RATE, f"alarm-{place}", SEED)
            except AttackError as error:
                raise SystemExit(f"{condition} on utterance {place}: {error}") from error
            found += [
                Alarm(step.attack, place, check)
                for step in laundered.steps
                for check in step.checks
                if check.passed is False
            ]
        yield condition, found


def other_speech(count: int) -> list[Wave]:
    """Return synthetic speech of changing rate, level and surroundings, read-only."""
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        wave = speech_like(float(rng.uniform(1.5, 5.0)), seed).astype(np.float64)
        time = np.arange(wave.size) / SAMPLE_RATE
        kind = seed % 6
        if kind == 1:  # from a telephone
            narrow = resample(wave.astype(np.float32), SAMPLE_RATE, 8000)
            wave = resample(narrow, 8000, SAMPLE_RATE).astype(np.float64)
        elif kind == 2:  # from a studio
            wide = resample(wave.astype(np.float32), SAMPLE_RATE, 44100)
            wave = resample(wide, 44100, SAMPLE_RATE).astype(np.float64)
        elif kind == 3:  # clicks
            wave[rng.integers(0, wave.size, 12)] += rng.choice([-0.5, 0.5], 12)
        elif kind == 4:  # music
            wave += 0.01 * sum(np.sin(2 * np.pi * note * time) for note in (220, 277, 330, 440))
        elif kind == 5:  # long pauses
            middle = wave.size // 2
            pause = 1e-4 * rng.standard_normal(2 * SAMPLE_RATE)
            wave = np.concatenate([wave[:middle], pause, wave[middle:], pause])
        loudest = float(np.abs(wave).max())
        out = (wave * min(1.0, 0.95 / loudest) * 10 ** (-rng.uniform(0, 20) / 20)).astype(
            np.float32
        )
        out.flags.writeable = False
        found.append(out)
    return found


def main() -> None:
    """Print every alarm and their number."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--embedded", default="", metavar="SPLIT")
    options.add_argument("--utterances", type=int, default=18)
    options.add_argument("--only", default="", help="attacks, separated by commas")
    chosen = options.parse_args()
    count = chosen.utterances
    speech = embedded_speech(count, chosen.embedded) if chosen.embedded else other_speech(count)
    subjects = conditions(name for name in chosen.only.split(",") if name)
    by_quantity: Counter[str] = Counter()
    alarmed = 0
    with progress_bar(total=len(subjects), desc="conditions", unit="condition") as bar:
        for _, found in alarms(subjects, speech):
            for alarm in found:
                print(alarm, flush=True)
            by_quantity.update(alarm.check.quantity for alarm in found)
            alarmed += len({alarm.utterance for alarm in found})
            bar.update()
    print(f"{alarmed} of {len(subjects) * len(speech)} utterances of {len(subjects)} conditions")
    print(dict(by_quantity))


if __name__ == "__main__":
    main()
