"""Synthetic runs: a small one, and one of the size of the ASVspoof 2019 LA evaluation.

The small run has some 350 trials, 20 speakers, 3 tracks, 28 conditions and 4 detectors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from attacks.contract.base import RESIDUAL
from benchmark.data.protocol import Protocol
from benchmark.laundering.verification import State
from benchmark.scores.run_results import ConditionInfo, RunResults
from tests.support.frame_source import run_of_frames

Changed = TypeVar("Changed")

NOISES = ("babble", "cafe", "street", "volvo", "white")
SKILL = {"resnet18": 3.6, "melcnn": 3.0, "rawcnn": 2.2, "shortcut": 0.4}
SYSTEMS = {"neural": ("hifigan", "hifigan16k"), "classic": ("world",), "tts": ("kokoro",)}


def replace(original: Changed, **changes: Any) -> Changed:
    """Do as `dataclasses.replace`; a run's rows may change too, as its `scores` and `effects`."""
    if not isinstance(original, RunResults):
        return dataclasses.replace(original, **changes)
    known = {item.name: getattr(original, item.name) for item in dataclasses.fields(original)}
    source = known.pop("source")
    rows = {"scores": source.score_rows, "effects": source.effect_rows}
    return run_of_frames(**(known | rows | changes))


def cube(results: RunResults, split: str = "test") -> np.ndarray:
    """Return all scores (detectors, conditions, utterances of the split)."""
    names = [info.condition for info in results.conditions]
    return np.stack([results.source.scores(split, name) for name in names], axis=1)


def conditions() -> tuple[ConditionInfo, ...]:
    """Return clean and the 27 conditions of the published grid."""
    plan = [ConditionInfo("clean", "clean")]
    plan += [
        ConditionInfo(f"reverb(rt60={t})", "reverberation", t, "s", "rt60") for t in (0.3, 0.6, 0.9)
    ]
    for kind in NOISES:
        plan += [
            ConditionInfo(f"noise(kind={kind}, snr={snr})", "noise", snr, "dB", "snr", False)
            for snr in (20.0, 10.0, 0.0)
        ]
    plan += [
        ConditionInfo(f"mp3(kbps={k})", "codec", k, "kbit/s", "kbps", False)
        for k in (160, 128, 64, 16)
    ]
    plan += [
        ConditionInfo(f"resample(rate={rate})", "resampling", rate, "Hz", "rate", False)
        for rate in (44100, 22050, 11025, 8000)
    ]
    last = ConditionInfo("lowpass(cutoff=7000)", "filtering", 7000.0, "Hz", "cutoff", False)
    return (*plan, last)


def protocol(split: str, speakers: int, segments: int, seed: int) -> Protocol:
    """Return human segments and their spoofs by each system; Kokoro voices are own speakers."""
    rng = np.random.default_rng(seed)
    rows = []
    for speaker in range(speakers):
        name = f"{split}{speaker:02d}"
        for segment in range(segments):
            base = {"speaker": name, "source": f"{name}-{segment}", "split": split}
            rows.append(base | {"label": "bonafide", "spoof_system": "-", "track": "-"})
            for track, systems in SYSTEMS.items():
                for system in systems:
                    if rng.random() < 0.75:
                        voice = f"voice{rng.integers(3)}" if track == "tts" else name
                        spoof = {"label": "spoof", "spoof_system": system, "track": track}
                        rows.append(base | spoof | {"speaker": voice})
    table = pd.DataFrame(rows)
    table["utterance_id"] = [f"{split}-{number:05d}" for number in range(len(table))]
    table["path"] = table["utterance_id"] + ".flac"
    return Protocol("embedded", Path("data"), table, "1.0", "neural", "ab" * 32)


def run(
    speakers: int = 20,
    segments: int = 4,
    seed: int = 0,
    skill: Mapping[str, float] = MappingProxyType(SKILL),
) -> RunResults:
    """Return the small run; laundering moves the bona fide scores towards the spoof scores.

    `skill` holds the distance of the classes on clean audio by detector.
    """
    rng = np.random.default_rng(seed)
    test, dev = protocol("test", speakers, segments, seed), protocol("dev", 8, segments, seed + 1)
    plan = conditions()
    hurt = {info.condition: 0.0 for info in plan}
    for info in plan[1:]:
        ladder = [other.condition for other in plan if other.family == info.family]
        place = ladder.index(info.condition) % (3 if info.family == "noise" else 9)
        hurt[info.condition] = 0.25 * (place + 1)
    parts = []
    for part, names in ((test, list(hurt)), (dev, ["clean"])):
        bonafide = (part.table["label"] == "bonafide").to_numpy()
        voices = pd.factorize(part.table["speaker"])[0]
        own = rng.normal(size=voices.max() + 1) * 0.5
        for detector, apart in skill.items():
            noise = rng.normal(size=len(part.table)) + own[voices]
            for name in names:
                score = noise + apart * (1 - min(hurt[name], 1.0)) * bonafide
                score = score + 0.3 * rng.normal(size=len(score))
                keys = {"detector": detector, "condition": name, "split": part.table["split"]}
                ids = part.table["utterance_id"]
                parts.append(pd.DataFrame({**keys, "utterance_id": ids, "score": score}))
    return run_of_frames(
        protocol=test,
        dev=dev,
        conditions=plan,
        detectors=tuple(skill),
        scores=pd.concat(parts, ignore_index=True),
        effects=effects(test, plan, rng),
        failures=pd.DataFrame(columns=["kind", "condition", "detector", "utterance_id", "cause"]),
        provenance={"seed": seed, "commit": "0" * 40, "libraries": {"numpy": "2.0"}},
    )


def large(
    detectors: int = 10,
    levels: int = 29,
    utterances: int = 71_237,
    speakers: int | None = 67,
    seed: int = 0,
) -> RunResults:
    """Return a run of clean and `levels` SNRs, with 13 spoof systems and 2 checks per utterance.

    A tenth of the trials is bona fide. With `speakers` None, no utterance has a speaker or source,
    so each is its own cluster. Text columns are categorical, as `collect` returns them.
    """
    rng = np.random.default_rng(seed)
    sides = [_large_side(split, size, speakers, rng) for split, size in
             (("test", utterances), ("dev", utterances // 3))]  # fmt: skip
    plan = [ConditionInfo("clean", "clean")]
    for level in range(levels):
        name = f"noise(kind={NOISES[level % 5]}, snr={level})"
        plan.append(ConditionInfo(name, f"noise {NOISES[level % 5]}", level, "dB", "snr", False))
    spelled = [info.condition for info in plan]
    names = [f"detector{number}" for number in range(detectors)]
    ids = [side.table["utterance_id"].tolist() for side in sides]
    codes, scores = [], []
    for number, side in enumerate(sides):
        bonafide = (side.table["label"] == "bonafide").to_numpy()
        for place in range(detectors):
            base = rng.normal(size=len(bonafide), scale=0.8)
            for level in range(1 if number else len(plan)):
                gap = (1.0 + 0.25 * place) * (1 - 0.8 * level / len(plan))
                score = base + gap * bonafide + 0.6 * rng.normal(size=len(bonafide))
                scores.append(score.astype(np.float32).astype(np.float64))
                codes.append((place, level, number, len(ids[0]) * number))
    sizes = [len(part) for part in scores]
    columns = [np.repeat(column, sizes) for column in np.array(codes).T]
    rows = columns[3] + np.concatenate([np.arange(size) for size in sizes])
    categories = {"detector": names, "condition": spelled, "split": ["test", "dev"]}
    frame = pd.DataFrame(
        {
            key: pd.Categorical.from_codes(column, known)
            for (key, known), column in zip(categories.items(), columns, strict=False)
        }
        | {"utterance_id": pd.Categorical.from_codes(rows, ids[0] + ids[1])}
        | {"score": np.concatenate(scores)},
        copy=False,
    )
    return run_of_frames(
        protocol=sides[0],
        dev=sides[1],
        conditions=tuple(plan),
        detectors=tuple(names),
        scores=frame,
        effects=_large_effects(sides[0], plan, rng),
        failures=pd.DataFrame(columns=["kind", "condition", "detector", "utterance_id", "cause"]),
        provenance={"seed": seed},
    )


def _large_side(split: str, size: int, speakers: int | None, rng: np.random.Generator) -> Protocol:
    bonafide = rng.random(size) < 0.1
    voice = rng.integers(speakers or 1, size=size)
    systems = [f"A{number:02d}" for number in rng.integers(7, 20, size)]
    table = pd.DataFrame(
        {
            "utterance_id": [f"LA_{split}_{number:07d}" for number in range(size)],
            "path": "x.flac",
            "label": np.where(bonafide, "bonafide", "spoof"),
            "speaker": [f"{split}{v:03d}" for v in voice] if speakers else "-",
            "source": "-",
            "split": split,
            "spoof_system": np.where(bonafide, "-", systems),
            "track": "-",
        }
    )  # fmt: skip
    return Protocol("large", Path("data"), table, "1.0", "-", "ab" * 32)


def _large_effects(
    test: Protocol, plan: list[ConditionInfo], rng: np.random.Generator
) -> pd.DataFrame:
    size = len(test.table)
    number = np.repeat(np.arange(1, len(plan)), 2 * size)
    spelled = [info.condition for info in plan]
    claimed = np.array([info.severity or 0.0 for info in plan])[number]
    second = np.tile(np.repeat([0, 1], size), len(plan) - 1)
    rows = np.tile(np.arange(size), 2 * (len(plan) - 1))
    return pd.DataFrame(
        {
            "condition": pd.Categorical.from_codes(number, spelled),
            "utterance_id": pd.Categorical.from_codes(rows, test.table["utterance_id"].tolist()),
            "step": np.zeros(number.size, dtype=np.int32),
            "attack": pd.Categorical.from_codes(number, spelled),
            "quantity": pd.Categorical.from_codes(second, ["SNR", "length"]),
            "unit": pd.Categorical.from_codes(second, ["dB", "samples"]),
            "relation": pd.Categorical.from_codes(np.zeros(number.size, dtype=np.int8), ["="]),
            "claimed": claimed,
            "measured": claimed + rng.normal(scale=0.02, size=number.size),
            "tolerance": 0.5,
            "passed": pd.array(np.ones(number.size, dtype=bool), dtype="boolean"),
            "effect": second == 0,
        },
        copy=False,
    )


def effects(
    test: Protocol, plan: tuple[ConditionInfo, ...], rng: np.random.Generator
) -> pd.DataFrame:
    """Return one passing check per laundered utterance; one per condition is not measurable."""
    parts = []
    for info in plan[1:]:
        claimed = float(info.severity or 0.0)
        measured = claimed + rng.normal(scale=0.02, size=len(test.table))
        passed = pd.Series([True] * len(test.table), dtype=object)
        measured[0], passed[0] = np.nan, None
        parts.append(
            pd.DataFrame(
                {
                    "condition": info.condition,
                    "utterance_id": test.table["utterance_id"],
                    "step": 0,
                    "attack": info.condition,
                    "quantity": {"noise": "SNR", "codec": "bit rate"}.get(info.family, "level"),
                    "unit": info.unit,
                    "relation": "=",
                    "claimed": claimed,
                    "measured": measured,
                    "tolerance": 0.5,
                    "passed": passed,
                    "effect": True,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def only(results: RunResults, *conditions: str) -> RunResults:
    """Return the run reduced to clean and some conditions, which is faster."""
    names = {"clean", *conditions}
    scores, effects_ = results.source.score_rows, results.source.effect_rows
    return replace(
        results,
        conditions=tuple(info for info in results.conditions if info.condition in names),
        scores=scores[scores["condition"].isin(names)].reset_index(drop=True),
        effects=effects_[effects_["condition"].isin(names)].reset_index(drop=True),
    )


def broken(results: RunResults) -> RunResults:
    """Return the run with lost trials, an unverified condition, failures and hostile text."""
    scores, effects_ = results.source.score_rows.copy(), results.source.effect_rows.copy()
    ids = results.protocol.table["utterance_id"]
    lost = (scores["detector"] == "rawcnn") & (scores["condition"] == "mp3(kbps=16)")
    lost &= scores["utterance_id"].isin(ids[:3])
    wrong = (effects_["condition"] == "reverb(rt60=0.9)") & effects_["utterance_id"].isin(ids[5:30])
    effects_.loc[wrong, "passed"] = False
    failures = [
        ("attack", "mp3(kbps=16)", "rawcnn", uid, "encoder said <script>alert(1)</script>")
        for uid in ids[:3]
    ]
    failures.append(("unreadable", "-", "-", "=cmd|' /C calc'!A0", 'héé "quoted", 声'))
    return replace(
        results,
        scores=scores[~lost].reset_index(drop=True),
        effects=effects_,
        failures=pd.DataFrame(failures, columns=results.failures.columns),
    )


STATES = {  # the conditions of `of_states`
    "reverb(rt60=0.3)": State.VERIFIED,
    "reverb(rt60=0.6)": State.CONTROL,
    "mp3(kbps=64)": State.UNMEASURED,
    "mp3(kbps=16)": State.REFUTED,
}


def of_states(results: RunResults) -> RunResults:
    """Return the run with clean and one condition in every state."""
    results = only(results, *STATES)
    rows = results.source.effect_rows
    small = rows[rows["condition"] == "reverb(rt60=0.6)"].assign(
        quantity=RESIDUAL, measured=-70.0, passed=None, effect=False
    )
    rows.loc[rows["condition"] == "mp3(kbps=64)", "quantity"] = RESIDUAL
    rows.loc[rows["condition"] == "mp3(kbps=16)", "passed"] = False
    return replace(results, effects=pd.concat([rows, small], ignore_index=True))
