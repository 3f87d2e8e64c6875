"""Measure one fake under its conditions, and the likeness of recordings of one dev speaker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from attacks.contract.condition import CLEAN, parse
from benchmark.core.errors import InputError, one_line
from benchmark.laundering import engine
from benchmark.laundering.engine import Utterance, launder_each
from benchmark.laundering.failure import Failure
from benchmark.quality import dnsmos, intelligibility, quality_store, speaker
from benchmark.quality.intelligibility import NotMeasurable, Wave
from benchmark.quality.quality_store import MEASURES, Row, VoiceThreshold

VERSIONS = {
    "estoi": intelligibility.VERSION, "dnsmos": dnsmos.VERSION, "speaker": speaker.VERSION,
}  # fmt: skip
VALUES = {"estoi": ("estoi",), "dnsmos": ("sig", "bak", "ovrl"), "speaker": ("cosine",)}
LEVEL = 0.05  # of the pairs of one speaker that are less alike than the threshold
LEAST_PAIRS = 20  # fewer have no 5 % quantile
LEAST_SPEAKERS = 2
OTHER = "the samples made here are not those that were scored"


@dataclass(frozen=True)
class Asked:
    """One condition of an utterance: spelling, file, the row's key, and what the run knows.

    samples : digest (hex) of the samples that were scored; '' if the run has none
    failure : why the attack failed in the run; it is not tried again
    """

    condition: str
    path: str
    key: str
    samples: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Job:
    """One utterance with the conditions whose rows lack a measure; `clean` is asked first."""

    folder: Path
    root: Path
    utterance: str
    asked: tuple[Asked, ...]
    measures: tuple[str, ...]
    seed: int


def absent() -> dict[str, str]:
    """Return why measures cannot be computed here, by name; empty if all can."""
    found = zip(MEASURES, (intelligibility, dnsmos, speaker), strict=True)
    causes = {name: module.lacking() for name, module in found}
    return {name: cause for name, cause in causes.items() if cause}


def lacks(row: Row | None, key: str, measures: tuple[str, ...]) -> bool:
    """Return whether a row must be measured (again): another key, version, or no value yet."""
    if row is None or row.get("key") != key:
        return True
    return any(row["versions"].get(name) != VERSIONS[name] for name in measures)


def measured(job: Job) -> tuple[str, int, float]:
    """Measure a job and store its rows; return utterance, conditions and seconds of processor."""
    import time

    started = time.process_time()
    rows = quality_store.read_rows(job.folder, job.utterance)
    heard = _Heard(job)
    for asked in job.asked:
        old = rows.get(asked.condition)
        todo = tuple(name for name in job.measures if lacks(old, asked.key, (name,)))
        kept = old if old is not None and old.get("key") == asked.key else None
        rows[asked.condition] = heard.row(asked, todo, kept)
    quality_store.write_rows(job.folder, job.utterance, rows)
    return job.utterance, len(job.asked), time.process_time() - started


def last_row(job: Job) -> Row:
    """Measure the last condition of a job anew, whatever is stored; nothing is written."""
    return _Heard(job).row(job.asked[-1], job.measures, None)


class _Heard:
    """The clean wave of one utterance and its embedding, for as long as its job takes."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._clean: Wave | Failure = self._laundered(job.asked[0].path, CLEAN)
        self._voice: Any = None

    def row(self, asked: Asked, todo: tuple[str, ...], kept: Row | None) -> Row:
        """Return the row of a condition: the values that were kept, and the new ones."""
        values, causes, versions = (
            dict((kept or {}).get(name, {})) for name in ("values", "causes", "versions")
        )
        wave = self._wave(asked)
        digest = "" if isinstance(wave, Failure) else _digest(wave)
        if digest and asked.samples and digest != asked.samples:
            wave = Failure("", OTHER)
        for name in todo:
            causes.pop(name, None)
            versions[name] = VERSIONS[name]
            try:
                values |= self._values(name, asked.condition, wave)
            except NotMeasurable as error:
                causes[name] = str(error)
            except Exception as error:  # noqa: BLE001 - of a library, on odd samples: of this utterance only
                causes[name] = f"failed: {type(error).__name__}: {one_line(error)}"
        return {"key": asked.key, "samples": digest, "values": values, "causes": causes,
                "versions": versions}  # fmt: skip

    def _wave(self, asked: Asked) -> Wave | Failure:
        if asked.failure:
            return Failure("", asked.failure)
        return self._laundered(asked.path, asked.condition)

    def _laundered(self, path: str, condition: str) -> Wave | Failure:
        entry = (self._job.utterance, path, path)
        utterance: Utterance = engine.of_data_set(self._job.root, entry, "no such audio")
        try:
            (done,) = launder_each(utterance, [parse(condition)], self._job.seed)
        except InputError as error:
            return Failure("", str(error))
        return done.result if isinstance(done.result, Failure) else done.result.wave

    def _values(self, name: str, condition: str, wave: Wave | Failure) -> dict[str, float]:
        for one in (wave, self._clean):
            if isinstance(one, Failure):
                raise NotMeasurable(one.cause)
        assert not isinstance(wave, Failure) and not isinstance(self._clean, Failure)
        if name == "estoi":
            if not parse(condition).aligned:
                raise NotMeasurable("not applicable: the attack moves samples in time")
            return {"estoi": intelligibility.estoi(self._clean, wave)}
        if name == "dnsmos":
            found = dnsmos.opinion(wave)
            return {"sig": found.sig, "bak": found.bak, "ovrl": found.ovrl}
        if self._voice is None:
            self._voice = speaker.embedding(self._clean)
        return {"cosine": speaker.similarity(self._voice, speaker.embedding(wave))}


def voice_threshold(
    root: Path, recordings: Mapping[str, list[str]], embed: Callable[[Wave], Any] | None = None
) -> VoiceThreshold:
    """Return the cosine that 95 % of the pairs of recordings of one speaker reach.

    recordings : paths below `root`, by dev speaker. A recording that is not at hand or cannot be
    measured gives no pair.
    """
    embed = embed or speaker.embedding
    alike: list[float] = []
    counted = 0
    for paths in recordings.values():
        held = []
        for path in paths:
            recording = engine.decoded(root / path)
            if not isinstance(recording, Failure):
                try:
                    held.append(embed(recording.wave))
                except NotMeasurable:
                    continue
        pairs = [speaker.similarity(a, b) for a, b in combinations(held, 2)]
        alike += pairs
        counted += bool(pairs)
    if counted < LEAST_SPEAKERS or len(alike) < LEAST_PAIRS:
        cause = (
            f"dev at hand has {len(alike)} pairs of bona fide recordings of {counted} speakers, and"
            f" {LEAST_PAIRS} of {LEAST_SPEAKERS} are needed"
        )
        return VoiceThreshold(None, len(alike), counted, cause)
    return VoiceThreshold(float(np.quantile(alike, LEVEL)), len(alike), counted)


def _digest(wave: Wave) -> str:
    """Hash samples as parts do, in hex."""
    samples = np.ascontiguousarray(wave, dtype="<f4")
    return hashlib.blake2b(samples.tobytes(), digest_size=8).hexdigest()
