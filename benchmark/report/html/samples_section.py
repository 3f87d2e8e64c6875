"""Section of audio samples before and after laundering, computed again from the available data.

The user chooses whose voice is embedded in a page that may be passed on. A vocoded copy of a
person's recording is that person's voice too. By default, only synthetic voices are embedded:
those that a data set marks `synthetic` in a column `voice`, and those named in this module. The
human voices of the embedded data set are never embedded, because its terms forbid redistribution.
Without voices the page shows a few spectrograms, again only of synthetic voices, because speech
can be reconstructed from its spectrogram, if only roughly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from attacks.contract.base import Wave
from attacks.contract.condition import CLEAN, parse, parse_from_file
from attacks.contract.launder import Laundered, Step
from attacks.contract.precomputed import made
from benchmark.audio import reader
from benchmark.core.errors import InputError
from benchmark.core.progress import Bar, progress_bar
from benchmark.data.file_hashes import file_digests
from benchmark.laundering import engine
from benchmark.laundering.check_rows import steps_of_rows
from benchmark.laundering.failure import ATTACK, Failure
from benchmark.laundering.verification import State, tally_of
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import of_track
from benchmark.report import demo_data, gallery
from benchmark.report.jinja import number
from benchmark.report.rows import Row, records
from benchmark.runs.run_config import VOICES
from benchmark.scores.run_results import RunResults

NONE, SYNTHETIC, ALL = VOICES
COUNT = 2  # utterances per attack
PICTURED = 8  # conditions on a page without players, each the worst of its family
MOST_BYTES = 10_000_000  # of players and pictures in one page
SYNTHETIC_SPEAKER = "hibari-heart"  # the only embedded test speaker not built from recordings
SHA256 = "file_sha256"  # the column that a run adds, with the digest of the file it read
TTS = "tts"  # the text-to-speech track of the embedded set: no person spoke these words


@dataclass(frozen=True)
class Card:
    """One laundered utterance.

    state    : what the checks say of this utterance
    check    : the measured effect in words
    recorded : whether both were recorded by the run, or measured for this page
    """

    condition: str
    after: gallery.GalleryWave
    state: State
    check: str
    recorded: bool


@dataclass(frozen=True)
class Utterance:
    """One utterance before laundering, and under the worst condition of every attack."""

    name: str
    about: str
    before: gallery.GalleryWave
    cards: tuple[Card, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Samples:
    """The samples in the page, and a sentence with the reason if there are none."""

    utterances: tuple[Utterance, ...] = ()
    note: str = "This page was written without samples."
    voices: str = NONE

    @property
    def measured(self) -> bool:
        """Whether any effect was measured for this page."""
        return any(not card.recorded for one in self.utterances for card in one.cards)


@dataclass(frozen=True)
class _SampleJob:
    """The settings that all utterances of a page share.

    conditions : to show
    left_out   : conditions that cannot be shown, with the cause
    known      : the checks that the run recorded, by condition and utterance
    shown      : utterances of another page of the run, with players if this one has them
    failed     : causes of the attacks that failed in the run, by condition and utterance; they are
                 not tried again here, where nothing would survive a crash or a hang
    budget     : bytes that an utterance may take
    player     : whether to include players
    """

    root: Path
    conditions: list[str]
    left_out: list[str]
    known: dict[tuple[str, str], tuple[Step, ...]]
    shown: dict[str, Utterance]
    failed: dict[tuple[str, str], str]
    seed: int
    budget: int
    player: bool


def collect(
    results: RunResults,
    tables: Tables,
    voices: str = SYNTHETIC,
    count: int = COUNT,
    shown: Samples | None = None,
) -> Samples:
    """Return at most `count` utterances, evenly spread over those whose voices may be embedded.

    Each attack is shown under its condition with the highest mean EER on the headline track.
    Without voices, each family is, and there are no players. Audio that differs from the scored
    files is not shown.

    shown : what another page of the same run and voices shows; it is not laundered again
    """
    if count == 0:
        return Samples(note="The report was written without samples.")
    allowed = permitted(results, SYNTHETIC if voices == NONE else voices)
    if allowed.empty:
        return Samples(
            note="The data set names no utterance whose voice may be embedded here. A column"
            " voice in its protocol that says synthetic does; --voices all embeds everyone's."
        )
    chosen, missing = _available(results.protocol.root, allowed, count)
    if not chosen:
        return Samples(note=missing)
    conditions, left_out = _conditions(results, tables, families=voices == NONE)
    job = _SampleJob(
        root=results.protocol.root,
        conditions=conditions,
        left_out=left_out,
        known=_recorded(results, [row["utterance_id"] for row in chosen], conditions),
        shown={one.name: one for one in shown.utterances} if shown else {},
        failed=_failed(results.failures),
        seed=int(results.provenance.get("plan", {}).get("seed", 0)),
        budget=MOST_BYTES // len(chosen),
        player=voices != NONE,
    )
    work = len(chosen) * len(conditions)
    with progress_bar(total=work, desc="laundering samples", unit="sample") as bar:
        every = [_utterance(row, job, bar) for row in chosen]
    found = tuple(utterance for utterance in every if utterance is not None)
    note = "" if found else "The audio of this run could not be read."
    return Samples(found, note, voices)


def permitted(results: RunResults, voices: str) -> pd.DataFrame:
    """Return the test utterances whose voices may be embedded.

    Bona fide utterances are included only for `voices` = all, and never from the embedded set.
    """
    protocol = results.protocol
    table = protocol.table
    if demo_data.is_demo(protocol.name):
        if voices == ALL:
            return table[(table["label"] == "spoof") & (table["track"] == TTS)]
        return table[table["speaker"] == SYNTHETIC_SPEAKER]
    if voices == ALL:
        return table
    if "voice" not in table.columns:
        return table.iloc[:0]
    return table[(table["label"] == "spoof") & (table["voice"] == SYNTHETIC)]


def _available(root: Path, table: pd.DataFrame, count: int) -> tuple[list[Row], str]:
    """Return evenly spread rows whose audio is present and unchanged, else the reason."""
    present = records(table[[(root / path).is_file() for path in table["path"]]])
    if not present:
        return [], "The audio of this run is not at hand where the page was written."
    number = min(count, len(present))
    chosen = [present[place * len(present) // number] for place in range(number)]
    digests = file_digests(root, [row["path"] for row in chosen])
    same = [row for row, sha in zip(chosen, digests, strict=True) if row.get(SHA256, sha) == sha]
    return same, "" if same else "The audio at hand is not what was scored."


def _recorded(
    results: RunResults, utterances: list[str], conditions: list[str]
) -> dict[tuple[str, str], tuple[Step, ...]]:
    """Return the recorded checks of these utterances, by condition and utterance."""
    found: dict[tuple[str, str], list[Row]] = {}
    for name in conditions:
        effects = results.source.effects(name)
        for row in records(effects[effects["utterance_id"].isin(utterances)]):
            found.setdefault((name, row["utterance_id"]), []).append(row)
        del effects  # before the next condition is read
    return {key: steps_of_rows(rows) for key, rows in found.items()}


def _failed(failures: pd.DataFrame) -> dict[tuple[str, str], str]:
    mine = failures[failures["kind"] == ATTACK]
    keys = zip(mine["condition"], mine["utterance_id"], strict=True)
    return dict(zip(keys, mine["cause"], strict=True))


def _conditions(results: RunResults, tables: Tables, families: bool) -> tuple[list[str], list[str]]:
    """Return the conditions to show, and those that cannot be shown, with the cause.

    Each attack is represented by its condition with the highest mean EER. With `families`, these
    are the worst conditions of the worst families instead.
    """
    headline = tables.leaderboard["track"].iloc[0]
    table = of_track(tables.conditions, headline)
    means = table[table["condition"] != CLEAN].groupby("condition", sort=False)["eer"].mean()
    worst: dict[str, str] = {}
    identities = {
        item["condition"]: item.get("identity")
        for item in results.provenance.get("plan", {}).get("conditions", [])
    }
    failed: list[str] = []
    changed: list[str] = []
    for info in (info for info in results.conditions if info.condition != CLEAN):
        name = info.condition
        try:
            condition = parse_from_file(name, "this run")
            identity = condition.identity()
        except InputError as error:
            failed.append(f"{name} ({error})")
            continue
        if made(condition) or identities.get(name, identity) != identity:
            changed.append(name)
            continue
        group = info.family if families else " | ".join(step.name for step in condition.steps)
        if group not in worst or means.get(name, 0) > means.get(worst[group], 0):
            worst[group] = name
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        failed.append(f"{changed[0]}{more} (not reproducible as scored: ready-made, or changed)")
    chosen = [*worst.values()]
    if families:
        hardest = sorted(chosen, key=lambda name: -means.get(name, 0))[:PICTURED]
        chosen = [name for name in chosen if name in hardest]
    return chosen, failed


def _utterance(row: Row, job: _SampleJob, bar: Bar) -> Utterance | None:
    recording = engine.decoded(job.root / row["path"])
    if isinstance(recording, Failure):
        return None
    wave = recording.wave
    loudest = gallery.spectrogram(wave[: round(gallery.SECONDS * reader.SAMPLE_RATE)]).max()
    top_db = max(float(np.ceil(loudest)), gallery.QUIET_DB)
    earlier = job.shown.get(row["utterance_id"])
    before = earlier.before if earlier else gallery.show(wave, top_db, job.player)
    ready = {card.condition: card for card in earlier.cards} if earlier else {}
    cards, left_out, spent = [], list(job.left_out), _size(before)
    for name in job.conditions:
        bar.update()
        if spent > job.budget:
            left_out.append(f"{name} (the page is full)")
            continue
        if name in ready:
            cards.append(ready[name])
            spent += _size(ready[name].after)
            continue
        if (cause := job.failed.get((name, row["utterance_id"]))) is not None:
            left_out.append(f"{name} ({cause})")
            continue
        done = _laundered(engine.Utterance(row["utterance_id"], wave), name, job.seed)
        if isinstance(done, Failure):
            left_out.append(f"{name} ({done.cause})")
            continue
        after = gallery.show(_not_empty(done.wave), top_db, job.player)
        steps = job.known.get((name, row["utterance_id"]), ())
        checked = replace(done, steps=steps) if steps else done
        state = tally_of([(row["utterance_id"], checked.steps)]).state()
        cards.append(Card(name, after, state, _in_words(checked), bool(steps)))
        spent += _size(after)
    about = [row["label"], *(row[key] for key in ("spoof_system", "speaker") if row[key] != "-")]
    return Utterance(
        row["utterance_id"], ", ".join(map(str, about)), before, tuple(cards), tuple(left_out)
    )


def _laundered(utterance: engine.Utterance, name: str, seed: int) -> Laundered | Failure:
    """Launder an utterance; an attack that cannot run here at all is a failure too."""
    try:
        (laundered,) = engine.launder_each(utterance, [parse(name)], seed)
    except InputError as error:
        return Failure(ATTACK, str(error))
    return laundered.result


def _not_empty(wave: Wave) -> Wave:
    return wave if wave.size else np.zeros(1, dtype=np.float32)


def _in_words(done: Laundered) -> str:
    """Return the first measured effect of the last step that has one, or ''."""
    return next(_measured(done), "")


def _measured(done: Laundered) -> Iterator[str]:
    for step in reversed(done.steps):
        for check in step.checks:
            if check.effect and check.measured is not None and np.isfinite(check.measured):
                yield f"{check.quantity} {number(check.measured)} {check.unit}".rstrip()


def _size(shown: gallery.GalleryWave) -> int:
    return len(shown.audio) + len(shown.picture)
