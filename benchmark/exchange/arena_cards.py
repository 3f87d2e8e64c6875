"""Scores and result cards in the formats of two public arenas.

- Speech DF Arena (github.com/Speech-Arena/speech_df_arena, 2025): `DETECTOR/DATASET.txt` with lines
  `FILE SCORE`, `DATASET.csv` with `file_name,label`, and a summary in JSON. Its EER is the mean of
  both error rates at the threshold where they differ least; F1 has the positive class bona fide.
- Speech Anti-Spoofing Arena (github.com/lab260ru/speech_spoof_bench, 2026, schema 5): `scores.txt`
  with lines `UTTERANCE SCORE`, and a card in YAML that pins it by SHA-256.

In both, higher scores mean more bona fide. EER is in per cent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmark.core import json_text
from benchmark.core.errors import InputError, one_line
from benchmark.exchange.score_formats import file_id
from benchmark.metrics.discrimination import Floats, eer

SCHEMA = 5  # of the cards of the Speech Anti-Spoofing Arena
CLOSE = 0.01  # per cent of EER: the last digit that cards state, and two ways to take the crossing
LARGEST = 2**22  # bytes of a card
SUMMARY, CARD, SCORES = "summary.json", "result.yaml", "scores.txt"
Facts = dict[str, Any]


@dataclass(frozen=True)
class ArenaResult:
    """The scores of one detector for the test trials of one condition.

    table   : utterance_id, label and score, one row per trial, in the order of the protocol;
              scores that are float32 are written with fewer digits
    dataset : a name of letters, digits, `_` and `-`, that also tells the condition
    """

    detector: str
    dataset: str
    table: pd.DataFrame
    trained_on: tuple[str, ...] = ()
    skipped: int = 0


@dataclass(frozen=True)
class Claim:
    """What a result card states of a file of scores.

    eer : per cent; None where the card does not say it
    """

    source: Path
    eer: float | None = None
    trials: int | None = None
    sha256: str = ""


def speech_df_arena(result: ArenaResult) -> dict[str, str]:
    """Return the files of a result for the Speech DF Arena, by their paths."""
    table = result.table
    names = [file_id(uid) for uid in table["utterance_id"]]
    scores = _lines(names, table["score"])
    labels = "".join(f"{n},{label}\n" for n, label in zip(names, table["label"], strict=True))
    found = measures(table["score"].to_numpy(np.float64), _bonafide(table))
    held = {result.detector: {result.dataset: found}}
    pooled = {result.detector: found}
    return {
        f"{result.detector}/{result.dataset}.txt": scores,
        f"{result.dataset}.csv": f"file_name,label\n{labels}",
        SUMMARY: json.dumps({"Average": held, "Pooled": pooled}, indent=4) + "\n",
    }


def anti_spoofing_arena(result: ArenaResult, version: str) -> dict[str, str]:
    """Return the files of a result for the Speech Anti-Spoofing Arena, by their paths.

    What only the submitter knows (code, paper, revision of the data, address of the scores) is
    left empty on the card.
    """
    table = result.table
    scores = _lines([file_id(uid) for uid in table["utterance_id"]], table["score"])
    rate = eer(table["score"].to_numpy(np.float64), _bonafide(table))[0]
    card = {
        "schema_version": SCHEMA,
        "system": {
            "name": result.detector,
            "slug": result.detector.lower(),
            "description": "",
            "code": "",
            "checkpoint": "",
            "trained_on": list(result.trained_on),
            "paper": {"arxiv_id": "", "url": "", "bibtex": ""},
        },
        "dataset": {"id": result.dataset, "revision": "", "split": "test"},
        "scores": {
            "eer_percent": round(100 * rate, 4),
            "n_trials": len(table),
            "n_skipped": result.skipped,
        },
        "artifact": {
            "scores_url": "",
            "scores_sha256": hashlib.sha256(scores.encode()).hexdigest(),
            "bench_version": f"launderbench=={version}",
        },
        "submitter": {"hf_username": "", "contact": ""},
        "submitted_at": "",
        "notes": "",
    }
    return {SCORES: scores, CARD: yaml.safe_dump(card, sort_keys=False, allow_unicode=True)}


def measures(scores: Floats, bonafide: np.ndarray) -> dict[str, float]:
    """Return EER, threshold, F1 and accuracy as the Speech DF Arena defines them.

    scores : (N,), higher = more bona fide; bonafide : (N,) of bool
    """
    values = np.concatenate(([scores.min() - 0.001], np.sort(scores)))
    low, high = np.sort(scores[bonafide]), np.sort(scores[~bonafide])
    # at each threshold: bona fide at or below it are rejected, spoofs above it accepted
    rejected = np.searchsorted(low, values, side="right") / low.size
    accepted = 1 - np.searchsorted(high, values, side="right") / high.size
    place = int(np.argmin(np.abs(rejected - accepted)))
    threshold = float(values[place])
    taken = scores >= threshold
    hits = int((taken & bonafide).sum())
    return {
        "EER (%)": float(50 * (rejected[place] + accepted[place])),
        "Threshold": threshold,
        "F1-score": 2 * hits / int(taken.sum() + bonafide.sum()),
        "Accuracy (%)": float(100 * (taken == bonafide).mean()),
    }


def read_card(path: Path, detector: str, dataset: str) -> Claim:
    """Return what a card of either arena states of a detector and a data set.

    Of a summary that holds one detector and one data set the names need not fit. Raises
    `InputError` naming the file if it is no such card.
    """
    facts = _parsed(path)
    if "schema_version" in facts:
        return _of_card(path, facts)
    average = facts.get("Average")
    if not isinstance(average, dict) or not average:
        raise InputError(
            f"{path} is no result card: it has neither schema_version, as those of the Speech"
            " Anti-Spoofing Arena, nor Average, as summaries of the Speech DF Arena"
        )
    row = _picked(path, _picked(path, average, detector, "detector"), dataset, "data set")
    return Claim(path, _number(path, row, "EER (%)"))


def disagreements(claim: Claim, content: bytes, scores: Floats, bonafide: np.ndarray) -> list[str]:
    """Return how a card differs from the file of scores that it is about, in sentences.

    content : of the file; scores, bonafide : of the trials that it scores, higher = more bona fide
    """
    found = []
    digest = hashlib.sha256(content).hexdigest()
    if claim.sha256 and claim.sha256.lower() != digest:
        found.append(f"{claim.source} is about scores of SHA-256 {claim.sha256}, not {digest}")
    if claim.trials is not None and claim.trials != len(scores):
        found.append(f"{claim.source} states {claim.trials} trials, but {len(scores)} are scored")
    if claim.eer is not None and bonafide.any() and not bonafide.all():
        rates = 100 * eer(scores, bonafide)[0], measures(scores, bonafide)["EER (%)"]
        if min(abs(claim.eer - rate) for rate in rates) > CLOSE:
            found.append(
                f"{claim.source} states an EER of {claim.eer:g} %, but the scores give"
                f" {rates[0]:.4g} %"
            )
    return found


def _of_card(path: Path, facts: Facts) -> Claim:
    scores, artifact = facts.get("scores"), facts.get("artifact")
    if not isinstance(scores, dict) or not isinstance(artifact, dict):
        raise InputError(f"{path} is no sound result card: it lacks scores or artifact")
    trials = scores.get("n_trials")
    if trials is not None and type(trials) is not int:
        raise InputError(f"{path}: n_trials is {trials!r}, no whole number")
    sha256 = str(artifact.get("scores_sha256") or "")
    return Claim(path, _number(path, scores, "eer_percent"), trials, sha256)


def _number(path: Path, facts: Facts, name: str) -> float | None:
    value = facts.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise InputError(f"{path}: {name} is {value!r}, no share in per cent")
    return float(value)


def _picked(path: Path, held: Mapping[str, Any], name: str, kind: str) -> Facts:
    """Return the entry of a name, or the only one."""
    found = held.get(name, next(iter(held.values())) if len(held) == 1 else None)
    if not isinstance(found, dict):
        raise InputError(f"{path} states no result for the {kind} {name!r}")
    return found


def _parsed(path: Path) -> Facts:
    """Return what a card holds, as JSON or as YAML without tags, anchors and aliases."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    if len(content) > LARGEST:
        raise InputError(f"{path} has {len(content)} bytes; a result card has at most {LARGEST}")
    try:
        if content.lstrip().startswith(b"{"):
            facts = json_text.parse(content)
        else:
            if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(content)):
                raise ValueError("it holds aliases")  # of which a few lines can fill the memory
            facts = yaml.safe_load(content)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path} is no result card ({one_line(error)})") from error
    if not isinstance(facts, dict):
        raise InputError(f"{path} is no result card: it holds no facts by name")
    return {str(name): value for name, value in facts.items()}


def _lines(names: Sequence[str], scores: pd.Series) -> str:
    pairs = zip(names, map(str, scores.to_numpy()), strict=True)  # the fewest digits that come back
    return "".join(f"{name} {score}\n" for name, score in pairs)


def _bonafide(table: pd.DataFrame) -> np.ndarray:
    return (table["label"] == "bonafide").to_numpy(np.bool_)
