"""One unit of work: read, launder, verify and score, in workers and in the main process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from attacks.contract.condition import CLEAN, parse
from benchmark.audio.input_faults import joined
from benchmark.core.stage_timer import OFF, StageTimer
from benchmark.data import file_hashes
from benchmark.inference.scorer import Scorer
from benchmark.laundering.check_rows import check_rows, fact_rows
from benchmark.laundering.engine import Utterance, launder_each, of_data_set
from benchmark.laundering.failure import UNREADABLE, Failure
from benchmark.runs.audio_cache import AudioCache
from benchmark.scores.manifest import PartInfo
from benchmark.scores.part_format import FILES, unscored
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import inputs_digest

Wave = npt.NDArray[np.float32]
Row = dict[str, Any]
_NONE = "the data set brings no such audio of this utterance"


@dataclass(frozen=True, slots=True)
class Loss:
    """What no worker survived: an utterance of a unit, or a detector on it.

    kind      : `UNREADABLE`, `ATTACK` or `DETECTOR`
    utterance : its id; '' for a detector that is not tried on any utterance of the unit
    detector  : its name; '' for the attack or the reading
    """

    kind: str
    utterance: str
    detector: str
    cause: str


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """A unit as plain data that can be sent to a worker.

    utterances : (id, file below `root`, size and time of the file)
    identities : identity -> name, of each detector that has not scored this unit
    attempt    : above that of the parts that this one replaces
    files      : its part keeps the states of the files, for other conditions too
    lost       : what is not tried again, because workers died of it
    """

    key: str
    split: str
    condition: str
    root: Path
    utterances: tuple[tuple[str, str, str], ...]
    seed: int
    identities: dict[str, str]
    attempt: int = 0
    files: bool = True
    lost: tuple[Loss, ...] = ()

    @property
    def audio_key(self) -> str:
        """The key of the unit with the versions of its files: this determines the samples."""
        versions = "\n".join(version for _, _, version in self.utterances)
        return hashlib.sha256(f"{self.key}\n{versions}".encode()).hexdigest()


@dataclass(frozen=True)
class LaunderedUnit:
    """A laundered unit: one row per utterance, and one wave per row that did not fail.

    broken : names of the detectors that raised
    """

    job: WorkUnit
    rows: list[Row]
    waves: list[Wave]
    broken: set[str] = field(default_factory=set)


def prepare(
    job: WorkUnit, cache: AudioCache | None = None, watch: StageTimer = OFF
) -> LaunderedUnit:
    """Read and launder every utterance of the unit; failures become rows with their cause.

    A unit found in `cache` is taken from there. A unit without failures is stored in it.
    """
    if cache is not None:
        with watch.timing("cache", "get", len(job.utterances)):
            cached = cache.get(job.audio_key)
        if cached is not None:
            return LaunderedUnit(job, *cached)
    prepared = _laundered(job, watch)
    if cache is not None and len(prepared.waves) == len(prepared.rows):
        with watch.timing("cache", "put", len(job.utterances)):
            cache.put(job.audio_key, prepared.rows, prepared.waves)
    return prepared


def _laundered(job: WorkUnit, watch: StageTimer) -> LaunderedUnit:
    condition, clean = parse(job.condition), parse(CLEAN)
    lost = {loss.utterance: loss for loss in job.lost if not loss.detector}
    rows: list[Row] = []
    waves: list[Wave] = []
    for entry in job.utterances:
        loss = lost.get(entry[0])
        utterance, failure = _utterance(job.root, entry, loss)
        asked = condition if loss is None else clean  # the file is decoded for its facts
        (laundered,) = launder_each(utterance, [asked], job.seed, watch)
        done = failure or laundered.result
        known: Row = {"decoder": laundered.decoder, "seconds": laundered.seconds}
        if (facts := laundered.facts) is not None:
            known["declared_seconds"] = facts.stated.declared_s
            known["input_faults"] = joined(facts.faults)
        file = laundered.file
        if loss is not None and loss.kind == UNREADABLE:
            file = file_hashes.state(job.root / entry[1])
        if file is not None:
            known |= zip(FILES, (file.size, file.mtime_ns, file.sha256), strict=True)
        rows.append(unscored(utterance.utterance_id, **known))
        if isinstance(done, Failure):
            rows[-1] |= done.columns()
            continue
        rows[-1] |= {"facts": fact_rows(done.steps), "checks": check_rows(done.steps)}
        rows[-1]["samples"] = samples_digest(done.wave)
        waves.append(done.wave)
    return LaunderedUnit(job, rows, waves)


def _utterance(
    root: Path, entry: tuple[str, str, str], loss: Loss | None
) -> tuple[Utterance, Failure | None]:
    """Return the utterance of a row, and its failure if it was lost; it may not be readable."""
    if loss is None:
        return of_data_set(root, entry, _NONE), None
    failure = Failure(loss.kind, loss.cause)
    if loss.kind == UNREADABLE:
        return Utterance(entry[0], failure), failure
    return of_data_set(root, entry, _NONE), failure


def score(prepared: LaunderedUnit, scorer: Scorer) -> None:
    """Write into the unit the scores of those of its detectors that `scorer` has loaded.

    A non-finite score is replaced by a cause, and so is each score of a detector that raised.
    """
    job, waves, broken = prepared.job, prepared.waves, prepared.broken
    names = [name for name in job.identities.values() if name in scorer.names]
    alive = [row for row in prepared.rows if row["failure"] is None]
    lost: dict[str, dict[str, str]] = {}  # detector -> utterance, or '' for all -> cause
    for loss in job.lost:
        if loss.detector in names:
            lost.setdefault(loss.detector, {})[loss.utterance] = loss.cause
    broken |= _scored(alive, waves, [name for name in names if name not in lost], scorer)
    for name, causes in lost.items():
        tried = [row["utterance_id"] not in causes for row in alive]
        if "" in causes:
            broken.add(name)
            tried = [False] * len(alive)
        rest = [row for row, kept in zip(alive, tried, strict=True) if kept]
        heard = [wave for wave, kept in zip(waves, tried, strict=True) if kept]
        broken |= _scored(rest, heard, [name], scorer)
        for row, kept in zip(alive, tried, strict=True):
            if not kept:
                row["causes"][name] = causes.get(row["utterance_id"], causes.get("", ""))


def _scored(
    rows: Sequence[Row], waves: Sequence[Wave], names: Sequence[str], scorer: Scorer
) -> set[str]:
    scores, broken = scorer(waves, names)
    for name, cause in broken.items():
        for row in rows:
            row["causes"][name] = cause
    for name, values in scores.items():
        for row, value in zip(rows, values, strict=True):
            if np.isfinite(value):
                row["scores"][name] = float(value)
            else:
                row["causes"][name] = f"non-finite score ({value})"
    return {*broken}


def samples_digest(wave: Wave) -> bytes:
    """Hash samples to 8 bytes, as parts keep them."""
    samples = np.ascontiguousarray(wave, dtype="<f4")
    return hashlib.blake2b(samples.tobytes(), digest_size=8).digest()


def write(prepared: LaunderedUnit, store: Store) -> PartInfo:
    """Write the part of a unit that all of its detectors have scored."""
    job, names = prepared.job, {*prepared.job.identities.values()}
    for row in prepared.rows:  # a row that nobody scored would look like one without a score
        assert row["failure"] is not None or names <= {*row["scores"], *row["causes"]}, names
    files = [row["file_sha256"] for row in prepared.rows]
    return store.write_part(
        job.key,
        job.split,
        job.condition,
        prepared.rows,
        job.identities,
        prepared.broken,
        job.attempt,
        inputs_digest("" if sha256 is None else sha256.hex() for sha256 in files),
        job.files,
    )
