"""Mutations of attacks: broken outputs under an honest label, none of which may be verified.

`python -m tests.support.mutations` prints how many of them would earn the mark on the embedded
development speech. Every mutation keeps the facts and the evidence of the attack that ran; the
second kind (`of the input`) gives the attack a broken utterance, so that its evidence fits its
output.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attacks.contract.base import Attack, AttackError, Check, Evidence, Facts, Wave, registry
from attacks.contract.condition import Condition, spell
from attacks.contract.conformance import levels
from attacks.contract.launder import Step, all_checks, generator, residual, unpacked
from benchmark.audio.reader import SAMPLE_RATE, resample
from benchmark.core.errors import InputError
from benchmark.laundering.check_rows import check_rows
from benchmark.laundering.verification import judge

SEED = 3
SKIPPED = (
    "ready",  # made elsewhere: no claim
    "ffmpeg",  # needs a program
    "resynthesis",  # needs weights, and 0.3 s per second of speech
)
FAINT_DB = -60.0  # an honest change below it cannot be told from none
LATE_S, PITCH, LOUD = 0.02, 1.06, 30.0


@dataclass(frozen=True)
class Outcome:
    """One mutation of one attack: whether it was verified, and on how many utterances it passed."""

    attack: str
    mutation: str
    verified: bool
    passed: int
    utterances: int


def late(wave: Wave) -> Wave:
    """Return the wave 20 ms late, of the same length."""
    samples = round(LATE_S * SAMPLE_RATE)
    return np.concatenate([np.zeros(samples, np.float32), wave])[: wave.size]


def half_silent(wave: Wave) -> Wave:
    """Return the wave with its second half muted."""
    out = wave.copy()
    out[wave.size // 2 :] = 0.0
    return out


def loud(wave: Wave) -> Wave:
    """Return the wave thirty times as loud, clipped at full scale."""
    return np.clip(LOUD * wave, -1.0, 1.0).astype(np.float32)


def higher(wave: Wave) -> Wave:
    """Return the wave at a pitch 6 % higher, of the same length and tempo."""
    import python_stretch

    engine = python_stretch.Signalsmith.Stretch(0)
    engine.preset(1, SAMPLE_RATE)
    engine.setTransposeSemitones(12 * float(np.log2(PITCH)))
    return np.asarray(engine.process(wave[None].copy())[0], dtype=np.float32)[: wave.size]


def other_rate(wave: Wave) -> Wave:
    """Return the samples of the wave at 15 kHz, played at 16 kHz, of the same length."""
    slower = resample(wave, 15000, SAMPLE_RATE)
    return slower[: wave.size]


def noise(wave: Wave) -> Wave:
    """Return noise of the wave's level."""
    level = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    white = np.random.default_rng(5).standard_normal(wave.size)
    return (level * white).astype(np.float32)


def sixteen_bits(wave: Wave) -> Wave:
    """Return the wave rounded to 16 bits."""
    return (np.rint(wave * 32768) / 32768).astype(np.float32)


def one_nan(wave: Wave) -> Wave:
    """Return the wave with one sample that is no number."""
    out = wave.copy()
    out[wave.size // 3] = np.nan
    return out


BROKEN: dict[str, Callable[[Wave], Wave]] = {
    "silence": np.zeros_like,
    "half silence": half_silent,
    "20 ms late": late,
    "reversed": lambda wave: np.ascontiguousarray(wave[::-1]),
    "x30, clipped": loud,
    "noise": noise,
    "pitch 6 % higher": higher,
    "read at another rate": other_rate,
}
PITCHED = ("pitch 6 % higher, of the input",)
# What physics cannot tell, by attack or by its spelling, with the reason.
UNKNOWABLE: dict[str, tuple[str, ...]] = {
    # where no passage asks for more gain than the milder level has, both make the same samples
    "agc": ("next milder level", "next harder level"),
    # where nothing at the ends lies between the two thresholds
    "trim_silence": ("next milder level", "next harder level"),
    # 20:1 reduces peaks by 21.2 dB and 8:1 by 19.6 to 20.6: the check's tolerance of 1.7 holds both
    "compression(ratio=20, depth=24, attack=5, release=100)": ("next milder level",),
    # speech as from a telephone needs no more: 46 to 70 kbit/s are spent at 64, 45 to 49 at 48
    "aac(kbps=64, passes=1, loss=0)": ("next harder level",),
    # an honest stream of an utterance that was changed before, by a coder of so few bits or so many
    # lost packets that it changes the spectrum more than a pitch 6 % higher does
    "g723_1": PITCHED,
    "amr_nb": PITCHED,
    "amr_wb(kbps=6.6, passes=1, loss=0)": PITCHED,
    "codec2": PITCHED,
    "gsm": PITCHED,
    "msbc(passes=1, loss=0.2)": PITCHED,
    "sbc(bitpool=2, passes=1)": PITCHED,
    "speex(kbps=5.75, passes=1, loss=0)": PITCHED,
    "mp3(kbps=8, passes=1, loss=0)": PITCHED,
    "opus(kbps=6, passes=1, loss=0)": PITCHED,
    "g711(law=mu, passes=1, loss=0.2)": PITCHED,
    "g722(passes=1, loss=0.2)": PITCHED,
    "g726(kbps=32, passes=1, loss=0.2)": PITCHED,
    # at full strength it changes the spectrum by 7 to 12 dB itself, with a pitch 6 % higher by 8
    # to 14
    "denoise(strength=1, stationary=false)": ("pitch 6 % higher", *PITCHED),
}
NOTHING: dict[str, Callable[[Wave], Wave]] = {
    "nothing done": lambda wave: wave.copy(),
    "nothing but 16 bits": sixteen_bits,
}


def unknowable(attack: Attack) -> tuple[str, ...]:
    """Return the mutations of this attack that physics cannot tell."""
    return UNKNOWABLE.get(attack.name, ()) + UNKNOWABLE.get(spell(attack), ())


def plain(places: Sequence[int] = (2,)) -> list[Attack]:
    """Return the registered attacks at these levels of five, except chains and the skipped ones.

    An attack without levels comes once.
    """
    found = []
    for name in registry.names():
        attack = registry.get(name)()
        if name in SKIPPED or attack.unavailable() is not None:
            continue
        if attack.steps(np.random.default_rng(0)) is not None:
            continue
        ladder = levels(Condition((attack,)))
        found += [ladder[at].steps[0] for at in places] if len(ladder) == 5 else [attack]
    return found


def outcomes(attacks: Iterable[Attack], speech: Sequence[Wave]) -> Iterator[Outcome]:
    """Yield the outcome of every mutation that applies to each attack."""
    for attack in attacks:
        for name, checked in _mutated(attack, speech):
            yield _outcome(attack, name, checked)


def _outcome(attack: Attack, name: str, checked: Sequence[Sequence[Check]]) -> Outcome:
    rows = [
        {"condition": "x", "utterance_id": str(place)} | row
        for place, checks in enumerate(checked)
        for row in check_rows([Step(spell(attack), {}, tuple(checks))])
    ]
    passed = sum(all(check.passed is not False for check in made) for made in checked)
    verdict = judge(pd.DataFrame(rows), "x", {str(place) for place in range(len(checked))})[0]
    return Outcome(spell(attack), name, verdict.verified is True, passed, len(checked))


def honest(attack: Attack, speech: Sequence[Wave]) -> Outcome:
    """Return the outcome of the attack as it is, by the same checks."""
    return _outcome(
        attack,
        "none",
        [_checked(attack, wave, _run(attack, wave, place)) for place, wave in enumerate(speech)],
    )


def _mutated(attack: Attack, speech: Sequence[Wave]) -> Iterator[tuple[str, list[list[Check]]]]:
    """Yield every mutation with the checks of each utterance."""
    results = [_run(attack, wave, place) for place, wave in enumerate(speech)]
    changes = [residual(wave, result[0]) for wave, result in zip(speech, results, strict=True)]
    broken = dict(BROKEN)
    if not attack.aligned or float(np.median([c for c in changes if c is not None])) > FAINT_DB:
        broken |= NOTHING
    for name, breaks in broken.items():
        sources = speech if name in NOTHING else [result[0] for result in results]
        yield (
            name,
            [
                _checked(attack, wave, (breaks(source), *result[1:]))
                for wave, source, result in zip(speech, sources, results, strict=True)
            ],
        )
    others = [
        np.resize(results[place - 1][0], result[0].size) for place, result in enumerate(results)
    ]
    yield (
        "another utterance",
        [
            _checked(attack, wave, (other, *result[1:]))
            for wave, other, result in zip(speech, others, results, strict=True)
        ],
    )
    for name, breaks in BROKEN.items():
        yield (
            f"{name}, of the input",
            [
                _checked(attack, wave, _run(attack, breaks(wave), place))
                for place, wave in enumerate(speech)
            ],
        )
    for name, level in _neighbours(attack):
        yield (
            name,
            [_checked(attack, wave, _run(level, wave, place)) for place, wave in enumerate(speech)],
        )


Result = tuple[Wave, Facts, Evidence]


def _run(attack: Attack, wave: Wave, place: int) -> Result:
    return unpacked(attack(wave, SAMPLE_RATE, generator(attack, 0, str(place), SEED)))


def _checked(attack: Attack, before: Wave, result: Result) -> list[Check]:
    """Return the checks that the harness would make; a refused output counts as refuted."""
    after, facts, evidence = result
    refused = [Check.at_least("output", "", 1.0, 0.0)]
    if not np.isfinite(after).all():
        return refused
    try:
        return all_checks(attack, before, after, SAMPLE_RATE, facts, evidence)
    except (AttackError, ArithmeticError, IndexError, KeyError, ValueError):
        return refused


def _neighbours(attack: Attack) -> Iterator[tuple[str, Attack]]:
    """Yield the next milder and the next harder level of the attack's ladder."""
    if attack.severity is None:
        return
    ladder = [condition.steps[0] for condition in levels(Condition((attack,)))]
    if attack not in ladder:
        return
    place = ladder.index(attack)
    for name, other in (("next milder level", place - 1), ("next harder level", place + 1)):
        if 0 <= other < len(ladder):
            yield name, ladder[other]


def table(found: Sequence[Outcome], by: str = "attack") -> pd.DataFrame:
    """Return one row per attack or mutation: mutants, those verified, utterances that passed."""
    rows = pd.DataFrame([dataclasses.asdict(one) for one in found])
    groups = rows.assign(attack=rows["attack"].str.split("(").str[0]).groupby(by, sort=False)
    return groups.agg(
        mutations=("mutation", "size"), verified=("verified", "sum"), passed=("passed", "sum"),
        utterances=("utterances", "sum"),
    )  # fmt: skip


def embedded_speech(count: int, split: str = "dev", seconds: float = 6.0) -> list[Wave]:
    """Return the first `seconds` of `count` utterances of the embedded set, spread over it."""
    from benchmark.audio import reader
    from benchmark.core import paths
    from benchmark.data.loading import open_data

    protocol = open_data(paths.embedded()).split(split)
    files = protocol.table["path"].tolist()
    found = []
    for row in np.linspace(0, len(files) - 1, count).astype(int).tolist():
        wave = reader.read(protocol.root / files[row])[: round(seconds * SAMPLE_RATE)]
        wave.flags.writeable = False
        found.append(wave)
    return found


def main() -> None:
    """Print the table of mutations."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--utterances", type=int, default=6)
    options.add_argument("--levels", default="2", help="places on a ladder of five, as 0,2,4")
    options.add_argument("--only", default="", help="attacks, separated by commas")
    chosen = options.parse_args()
    names = {name for name in chosen.only.split(",") if name}
    places = [int(place) for place in chosen.levels.split(",")]
    subjects = [attack for attack in plain(places) if not names or attack.name in names]
    found: list[Outcome] = []
    speech = embedded_speech(chosen.utterances)
    listed = 0
    for attack in subjects:
        for one in outcomes([attack], speech):
            found.append(one)
            known = one.mutation in unknowable(attack)
            listed += known
            if one.verified:
                said = "listed" if known else "VERIFIED"
                print(f"{said}: {one.attack}: {one.mutation}", flush=True)
    for by in ("attack", "mutation"):
        print(table(found, by).to_string())
    verified = sum(one.verified for one in found)
    print(f"{listed} of {len(found)} mutants are listed as those that physics cannot tell")
    print(f"{verified} of {len(found)} mutants of {len(subjects)} conditions are verified")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from error
